"""What every lab shares: labelled controls, and a picture with its words.

Widgets are updated through their traits only, never through an Output area: outputs captured from
threads are lost or land under the wrong cell, and differ from run to run under nbval.
"""

import html
import math
from collections.abc import Callable

import ipywidgets as widgets
import traitlets

from vgg_lesson.plots.style import SCREEN_DPI, Picture, to_png
from vgg_lesson.widgets.worker import Worker

_DESCRIPTION = {"description_width": "11em"}
_CONTROL = {"width": "27em"}


def choice(label: str, options, value, tooltip: str) -> widgets.Dropdown:
    """A drop-down list, as wide as its longest entry; ``options`` are values or (text, value) pairs."""
    made = _control(widgets.Dropdown, label, tooltip, options=options, value=value)
    made.layout = {"width": "fit-content", "min_width": _CONTROL["width"], "max_width": "100%"}
    return made


def int_slider(label: str, value: int, low: int, high: int, tooltip: str, step: int = 1) -> widgets.IntSlider:
    """A slider over whole numbers that reports when it is let go, or at each arrow key."""
    return _control(
        widgets.IntSlider, label, tooltip, value=value, min=low, max=high, step=step, continuous_update=False
    )


def step_slider(label: str, options, value, tooltip: str) -> widgets.SelectionSlider:
    """A slider over a few given values, or (text, value) pairs."""
    return _control(widgets.SelectionSlider, label, tooltip, options=options, value=value, continuous_update=False)


def switch(label: str, value: bool, tooltip: str) -> widgets.Checkbox:
    """A check box."""
    return _control(widgets.Checkbox, label, tooltip, value=value, indent=True)


def rate_slider(label: str, value: float, low: float, high: float, tooltip: str, steps_per_decade: int = 2):
    """A logarithmic slider for learning rates. Read it through :func:`rate_of`.

    Args:
        value, low, high: rates, not exponents; ``low`` and ``high`` are powers of ten.
        steps_per_decade: 2 gives ..., 1e-3, 3.2e-3, 1e-2, ...
    """
    return _control(
        widgets.FloatLogSlider, label, tooltip, value=value, base=10, min=math.log10(low), max=math.log10(high),
        step=1 / steps_per_decade, readout_format=".1e", continuous_update=False,
    )  # fmt: skip


def rate_of(slider: widgets.FloatLogSlider) -> float:
    """The slider's rate, rounded to two digits: the browser's powers of ten carry rounding errors."""
    return two_digits(slider.value)


def two_digits(rate: float) -> float:
    """A rate as the sliders show it."""
    return float(f"{rate:.1e}")


def value_of(control) -> object:
    """The value of a control as the functions below expect it."""
    return rate_of(control) if isinstance(control, widgets.FloatLogSlider) else control.value


def button(label: str, tooltip: str, *, style: str = "") -> widgets.Button:
    """A button; ``style`` is "", "primary" or "danger"."""
    return widgets.Button(description=label, tooltip=tooltip, button_style=style, layout={"width": "auto"})


def _control(kind, label: str, tooltip: str, **traits):
    return kind(description=label, tooltip=tooltip, style=_DESCRIPTION, layout=_CONTROL, **traits)


# The browser's half of these two looks at the length of ``description`` before it shows a tooltip; they have none, and
# with a tooltip their whole view fails (ipywidgets 8.1).
class _TitledImage(widgets.Image):
    """An Image whose tooltip becomes its title in the browser."""

    description = traitlets.Unicode("").tag(sync=True)


class _TitledBox(widgets.HBox):
    """A box whose tooltip becomes its title in the browser."""

    description = traitlets.Unicode("").tag(sync=True)


def hinted(control: widgets.Widget) -> widgets.Widget:
    """A control as it is put into a lab.

    In ipywidgets 8.1 a slider's label shows the tooltip; a list with a label shows none, so that a box around it does;
    and a check box always shows its label once more, which cannot be changed from Python.
    """
    return _TitledBox([control], tooltip=control.tooltip) if isinstance(control, widgets.Dropdown) else control


class PicturePanel(widgets.VBox):
    """A picture of fixed height and, below it, the same finding in words.

    The words are also the picture's title, which screen readers announce.

    Args:
        height: of the picture in screen pixels; the page below never jumps.
    """

    def __init__(self, height: int):
        self.image = _TitledImage(format="png", layout={"height": f"{height}px", "object_fit": "contain"})
        self.words = widgets.HTML()
        super().__init__([self.image, self.words])
        self.clear()

    def clear(self) -> None:
        """Show nothing; an image without a picture would be one without words to screen readers."""
        self.picture, self.image.layout.visibility = None, "hidden"
        self.image.value, self.words.value = b"", ""

    def show(self, picture: Picture) -> None:
        """Show a picture and its words; may be called from any thread."""
        png = to_png(picture.figure, quick=True)
        with self.image.hold_sync():  # one message: each one makes the browser decode the picture again
            self.picture = picture
            self.image.width = str(round(picture.figure.get_figwidth() * SCREEN_DPI))
            self.image.value = png
            self.image.tooltip = picture.text
            self.words.value = f"<p style='max-width:60em;line-height:1.5'>{html.escape(picture.text)}</p>"
        self.image.layout.visibility = None


class Explorer(widgets.VBox):
    """Controls on top, a picture below: moving a control calls one function and shows its Picture.

    The first picture is made at once, so that a mistake raises under the cell; later ones are made
    by a :class:`Worker`, and an error then appears in the panel in words.

    Args:
        goal: what the learner is to find with it; one sentence.
        compute: a function of the controls' values, by name, returning a Picture.
        controls: name -> control, made by the functions of this module.
        height: of the picture in screen pixels.
    """

    def __init__(self, goal: str, compute: Callable[..., Picture], controls: dict[str, widgets.Widget], height: int):
        self.compute, self.controls = compute, controls
        self.error: Exception | None = None
        self.panel = PicturePanel(height)
        self.message = message_line()
        self.worker = Worker(self._fail)
        super().__init__([goal_line(goal), *map(hinted, controls.values()), self.message, self.panel])
        self._refresh(self.values)
        for control in controls.values():
            control.observe(lambda change: self.update(), "value")

    @property
    def values(self) -> dict:
        """The controls' values by name."""
        return {name: value_of(control) for name, control in self.controls.items()}

    @property
    def text(self) -> str:
        """The words under the present picture."""
        return self.panel.picture.text

    def update(self) -> None:
        """Make the picture anew in the background; for when what it shows has changed elsewhere."""
        self.worker.request(lambda: self._refresh(self.values))

    def wait(self, timeout: float = 60.0) -> None:
        """Return when the picture is up to date; raise what a callback raised."""
        self.worker.wait(timeout)
        if self.error is not None:
            raise self.error

    def _refresh(self, values: dict) -> None:
        self.panel.show(self.compute(**values))
        self.error = None
        self.message.value = ""

    def _fail(self, error: Exception) -> None:
        self.error = error
        self.message.value = error_words(error)


def goal_line(goal: str) -> widgets.HTML:
    """The goal of a lab, above its controls."""
    return widgets.HTML(f"<p style='max-width:60em'><b>Goal.</b> {html.escape(goal)}</p>")


def message_line() -> widgets.HTML:
    """A line for news and errors; screen readers announce its changes through the text itself."""
    return widgets.HTML()


def error_words(error: Exception) -> str:
    """An exception as a sentence for the panel."""
    return (
        "<p role='alert' style='border-left:4px solid #D55E00;padding-left:.6em'><b>That did not work.</b> "
        f"{html.escape(type(error).__name__)}: {html.escape(str(error))}</p>"
    )
