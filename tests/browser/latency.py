"""How long a lab takes from a key to its new picture, beside a bare slider on the same page.

What is measured is a person's wait: browser, server, kernel, drawing, and the way back. The limits grow with the
bare slider's time, which is all of this without a picture: a busy computer is slow, but fails no test.
"""

import statistics
import time
from pathlib import Path

COMPUTES, RUNS_A_NETWORK = 200, 500
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
FORTH_AND_BACK = (("ArrowRight",), ("ArrowLeft",))
"""What moves a slider."""
DOWN_AND_UP = (("Enter", "ArrowDown", "Enter"), ("Enter", "ArrowUp", "Enter"))
"""What moves a list: only the last key counts."""
STEPS, LOOK = 3, 1.5
"""Steps onward that every control has room for, and seconds between them."""


class Table:
    """Lines of a text file, kept up to date."""

    def __init__(self, file: Path):
        self.file, self.lines = file, []

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.file.write_text("\n".join(self.lines) + "\n")


def milliseconds(lab, control, shown, read: str, keys=FORTH_AND_BACK, presses: int = PRESSES, look: float = 0) -> float:
    """Median time from a key to another value of ``read``.

    Args:
        control: what gets the keys.
        shown: the element that changes.
        read: a JavaScript expression of ``it``, that element.
        keys: sequences that change something when pressed in turn.
        presses: how often.
        look: seconds that a person looks at a picture before the next key.
    """
    it = shown.element_handle()
    control.scroll_into_view_if_needed()
    control.focus()
    times = []
    for number in range(presses):
        lab.page.wait_for_timeout(1000 * look)
        before = it.evaluate(f"it => {read}")
        *first, last = keys[number % len(keys)]
        for key in first:
            lab.page.keyboard.press(key)
        start = time.perf_counter()
        lab.page.keyboard.press(last)
        lab.page.wait_for_function(f"([it, before]) => {read} !== before", arg=[it, before], polling=5)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def bare_milliseconds(lab) -> float:
    """The same of the bare slider."""
    return milliseconds(lab, lab.control("Bare"), lab.page.locator(".bare-echo"), "it.innerText")


def limit(goal: float, bare: float) -> float:
    """Milliseconds that a lab may take on this computer as it is now."""
    return SLACK * goal * max(1, bare / IDLE_BARE)
