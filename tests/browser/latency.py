"""How long a lab takes from a key to its new picture, beside a bare slider on the same page.

What is measured is a person's wait: browser, server, kernel, drawing, and the way back. The limits grow with the
bare slider's time, which is all of this without a picture: a busy computer is slow, but fails no test.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

COMPUTES, RUNS_A_NETWORK, FIRST_POINT = 200, 500, 2000
"""Goals on two idle cores, in milliseconds."""
IDLE_BARE = 60
"""What the bare slider takes there: 55 to 68 were measured."""
SLACK = 2
"""Other computers are slower, and computing suffers more from other work than the bare slider does; the table tells
what was really measured."""
PRESSES = 20
BARE = """
from ipywidgets import IntSlider, Label, VBox

bare, echo = IntSlider(1, 0, 9, description="Bare", continuous_update=False), Label("1")
echo.add_class("bare-echo")
bare.observe(lambda change: setattr(echo, "value", str(change.new)), "value")
VBox([bare, echo])
"""
"""The cell with the bare slider."""
MEMORY = """
from ipywidgets import Checkbox
from vgg_lesson.widgets import explorer

memory, kept = Checkbox(True, description="Keep pictures"), explorer.REMEMBERED
memory.observe(lambda change: setattr(explorer, "REMEMBERED", kept if change.new else 0), "value")
memory
"""
"""A cell that takes the labs their memory: without it each picture is new, as at the first look."""
LOOK = 1.0
"""Seconds that a person looks at a picture before the next key."""
STEPS_LEFT = """it => it.matches("select")
    ? it.options.length - 1 - it.selectedIndex
    : it.ariaValueMax - it.ariaValueNow"""
"""JavaScript: 0 where a list or slider can go no further."""


class Table:
    """Lines of a text file, kept up to date."""

    def __init__(self, file: Path):
        self.file, self.lines = file, []

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.file.write_text("\n".join(self.lines) + "\n")


def milliseconds(lab, control, shown, read: str, presses: int = PRESSES) -> float:
    """Median time from a key to another value of ``read``, forth and back between two neighbours.

    Args:
        control: the slider or list that gets the keys.
        shown: the element that changes.
        read: a JavaScript expression of ``it``, that element.
        presses: how often.
    """
    on = bool(control.evaluate(STEPS_LEFT))
    return statistics.median(_press(lab, control, shown, read, on == (number % 2 == 0)) for number in range(presses))


def onward_milliseconds(lab, control, shown, read: str) -> tuple[float, int]:
    """The same from the control's start towards its end, with a look at each picture; and how many keys that were."""
    if _is_list(control):
        control.select_option(index=0)
    else:
        control.press("Home")
    times = []
    while len(times) < PRESSES and control.evaluate(STEPS_LEFT):
        lab.page.wait_for_timeout(1000 * LOOK)
        times.append(_press(lab, control, shown, read, True))
    return statistics.median(times), len(times)


def _press(lab, control, shown, read: str, on: bool) -> float:
    """Move a control by one; milliseconds from the key that does it to another value of ``read``."""
    control.scroll_into_view_if_needed()
    control.focus()
    last = "ArrowRight" if on else "ArrowLeft"
    if _is_list(control):  # an open list's choice counts when it is closed
        for key in ("Enter", "ArrowDown" if on else "ArrowUp"):
            lab.page.keyboard.press(key)
        last = "Enter"
    return until_changed(lab, shown, read, lambda: lab.page.keyboard.press(last))


def until_changed(lab, shown, read: str, act: Callable[[], None]) -> float:
    """Milliseconds from an act to another value of ``read``, a JavaScript expression of ``it``, which is ``shown``."""
    it = shown.element_handle()
    before = it.evaluate(f"it => {read}")
    start = time.perf_counter()
    act()
    lab.page.wait_for_function(f"([it, before]) => {read} !== before", arg=[it, before], polling=5)
    return 1000 * (time.perf_counter() - start)


def _is_list(control) -> bool:
    return control.evaluate("it => it.matches('select')")


def bare_milliseconds(lab) -> float:
    """The same of the bare slider; half as many keys do, as it is pressed before and after a lab."""
    return milliseconds(lab, lab.control("Bare"), lab.page.locator(".bare-echo"), "it.innerText", PRESSES // 2)


def limit(goal: float, bare: float) -> float:
    """Milliseconds that a lab may take on this computer as it is now."""
    return SLACK * goal * max(1, bare / IDLE_BARE)
