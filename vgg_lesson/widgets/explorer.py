"""The frame of most labs: controls on top, and a picture of what they say below."""

import time
from collections.abc import Callable
from contextlib import suppress

import ipywidgets as widgets

from vgg_lesson.plots.style import Picture
from vgg_lesson.widgets.common import (
    PicturePanel,
    Shown,
    error_words,
    goal_line,
    hinted,
    message_line,
    one_further,
    rendered,
    value_of,
)
from vgg_lesson.widgets.worker import Worker

REMEMBERED = 64
"""Pictures that a lab keeps, some 300 kB each: to compare two settings, one goes forth and back between them."""
AHEAD_SECONDS = 1.0
"""A lab whose last picture took longer does not look ahead: a move elsewhere would have to wait for it."""


class Explorer(widgets.VBox):
    """Controls on top, a picture below: moving a control calls one function and shows its Picture.

    The first picture is made at once, so that a mistake raises under the cell; later ones are made
    by a :class:`Worker`, and an error then appears in the panel in words. A picture once made is shown again without
    computing, and after each move the picture that the same move again would show is made in advance.

    Args:
        goal: what the learner is to find with it; one sentence.
        compute: a function of the controls' values, by name, returning a Picture. Equal values must give equal
            pictures until :meth:`update` is called.
        controls: name -> control, made by the functions of :mod:`vgg_lesson.widgets.common`.
        height: of the picture in screen pixels.
    """

    def __init__(self, goal: str, compute: Callable[..., Picture], controls: dict[str, widgets.Widget], height: int):
        self.compute, self.controls = compute, controls
        self.error: Exception | None = None
        self.panel = PicturePanel(height)
        self.message = message_line()
        self.worker = Worker(self._fail)
        self._made: dict[tuple, Shown] = {}
        self._seconds = 0.0
        super().__init__([goal_line(goal), *map(hinted, controls.values()), self.message, self.panel])
        self._refresh(self.values)
        for name, control in controls.items():
            control.observe(lambda change, name=name: self._moved(name, change), "value")

    @property
    def values(self) -> dict:
        """The controls' values by name."""
        return {name: value_of(control) for name, control in self.controls.items()}

    @property
    def text(self) -> str:
        """The words under the present picture."""
        return self.panel.text

    def update(self) -> None:
        """Make the picture anew in the background; for when what it shows has changed elsewhere."""
        self._made = {}  # a new one: what is being made now still goes into the old one
        self._request()

    def wait(self, timeout: float = 60.0) -> None:
        """Return when the picture is up to date; raise what a callback raised."""
        self.worker.wait(timeout)
        if self.error is not None:
            raise self.error

    def _moved(self, name: str, change) -> None:
        def look_ahead():
            further = one_further(self.controls[name], change.old, change.new)
            if further is not None and REMEMBERED and self._seconds < AHEAD_SECONDS:
                with suppress(Exception):  # told when the learner gets there: then it is raised again
                    self._picture({**self.values, name: further})

        self._request(look_ahead)

    def _request(self, then: Callable[[], None] | None = None) -> None:
        self.worker.request(lambda: self._refresh(self.values), then)

    def _refresh(self, values: dict) -> None:
        self.panel.show(self._picture(values))
        self.error = None
        self.message.value = ""

    def _picture(self, values: dict) -> Shown:
        made, key = self._made, tuple(values.values())
        if (shown := made.pop(key, None)) is None:
            start = time.perf_counter()
            shown = rendered(self.compute(**values))
            self._seconds = time.perf_counter() - start
        made[key] = shown  # the latest at the end
        while len(made) > REMEMBERED:
            del made[next(iter(made))]
        return shown

    def _fail(self, error: Exception) -> None:
        self.error = error
        self.message.value = error_words(error)
