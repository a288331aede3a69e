"""What every lab shares: labelled controls, and a picture with its words.

Widgets are updated through their traits only, never through an Output area: outputs captured from
threads are lost or land under the wrong cell, and differ from run to run under nbval.
"""

import html
import math
from typing import NamedTuple

import ipywidgets as widgets
import traitlets

from vgg_lesson.plots.style import SCREEN_DPI, Picture, to_jpeg

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


def rate_slider(label: str, value: float, low: float, high: float, tooltip: str):
    """A logarithmic slider for learning rates. Read it through :func:`rate_of`.

    Args:
        value, low, high: rates, not exponents; ``low`` and ``high`` are powers of ten.
    """
    return _control(
        widgets.FloatLogSlider, label, tooltip, value=value, base=10, min=math.log10(low), max=math.log10(high),
        step=1 / 2, readout_format=".1e", continuous_update=False,
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


def one_further(control, old, new):
    """The value that a control has when it is moved once more in the direction of ``old`` to ``new``.

    None where there is none: at the end, and for a check box.
    """
    if isinstance(control, widgets.Checkbox):
        return None
    if isinstance(control, widgets.IntSlider):
        further = new + control.step * (1 if new > old else -1)
        return further if control.min <= further <= control.max else None
    if isinstance(control, widgets.FloatLogSlider):
        further = math.log10(new) + control.step * (1 if new > old else -1)
        return two_digits(10**further) if control.min - 1e-9 <= further <= control.max + 1e-9 else None
    values = control._options_values  # (text, value) pairs or values: ipywidgets has told them apart
    further = values.index(new) + (1 if values.index(new) > values.index(old) else -1)
    return values[further] if 0 <= further < len(values) else None


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


class Shown(NamedTuple):
    """A picture as the browser gets it, without the figure, whose canvas alone takes 8 MB."""

    jpeg: bytes
    width: int
    text: str


def rendered(picture: Picture) -> Shown:
    """Draw a picture; its width is in screen pixels."""
    return Shown(to_jpeg(picture.figure), round(picture.figure.get_figwidth() * SCREEN_DPI), picture.text)


class PicturePanel(widgets.VBox):
    """A picture of fixed height and, below it, the same finding in words.

    The words are also the picture's title, which screen readers announce.

    Args:
        height: of the picture in screen pixels; the page below never jumps.
    """

    def __init__(self, height: int):
        self.image = _TitledImage(format="jpeg", layout={"height": f"{height}px", "object_fit": "contain"})
        self.words = widgets.HTML()
        super().__init__([self.image, self.words])
        self.clear()

    def clear(self) -> None:
        """Show nothing; an image without a picture would be one without words to screen readers."""
        self.text, self.image.layout.visibility = "", "hidden"
        self.image.value, self.words.value = b"", ""

    def show(self, picture: Picture | Shown) -> None:
        """Show a picture and its words; may be called from any thread."""
        shown = picture if isinstance(picture, Shown) else rendered(picture)
        with self.image.hold_sync():  # one message: each one makes the browser decode the picture again
            self.text = self.image.tooltip = shown.text
            self.image.width = str(shown.width)
            self.image.value = shown.jpeg
            self.words.value = f"<p style='max-width:60em;line-height:1.5'>{html.escape(shown.text)}</p>"
        self.image.layout.visibility = None


def goal_line(goal: str) -> widgets.HTML:
    """The goal of a lab, above its controls."""
    return widgets.HTML(f"<p style='max-width:60em'><b>Goal.</b> {html.escape(goal)}</p>")


def message_line() -> widgets.HTML:
    """A line for news and errors.

    Every update replaces the whole element, its role included, so that a screen reader need not announce it.
    """
    return widgets.HTML()


def error_words(error: Exception) -> str:
    """An exception as a sentence for the panel."""
    return (
        "<p role='alert' style='border-left:4px solid #D55E00;padding-left:.6em'><b>That did not work.</b> "
        f"{html.escape(type(error).__name__)}: {html.escape(str(error))}</p>"
    )
