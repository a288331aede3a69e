"""The labs' building blocks in a real browser: mouse, keyboard, latency, errors in words, accessibility.

A notebook with one small lab is written beside the lessons; the lab draws at once, so that what is
measured is the way from the key to the new picture.
"""

import time

import pytest
from accessibility import violations
from lab_page import ANSWER_SECONDS, wait_for
from latency import BARE, COMPUTES, bare_milliseconds, limit, milliseconds
from playwright.sync_api import expect

SOURCE = """
import statistics
import time
from ipywidgets import Label, VBox
from vgg_lesson.plots.style import Picture, figure
from vgg_lesson.widgets.common import choice, int_slider, rate_slider, step_slider, switch
from vgg_lesson.widgets import explorer
from vgg_lesson.widgets.explorer import Explorer

calls = []

def draw(points, rate, depth, kind, grid):
    calls.append(points)
    if points == 13:
        raise ValueError("points must not be 13")
    time.sleep({pause})
    made, axes = figure()
    axes.plot(range(points), "o-" if kind == "dots" else "-")
    axes.grid(grid)
    words = f"{{points}} points, rate {{rate:g}}, depth {{depth}}, {{kind}}, grid {{grid}}"
    axes.set_title(words)
    return Picture(made, f"{{words}}, call {{len(calls)}}")

controls = dict(
    points=int_slider("Points", 5, 1, 20, "How many points"),
    rate=rate_slider("Learning rate", 1e-3, 1e-5, 1, "How fast"),
    depth=step_slider("Depth", [11, 13, 16, 19], 16, "How many layers"),
    kind=choice("Kind", ["line", "dots"], "line", "How it is drawn"),
    grid=switch("Grid", True, "Whether there is a grid"),
)
lab = Explorer("Find seven points.", draw, controls, 360)
drawing, drawings = Label("0"), []
drawing.add_class("drawing-echo")

def timed(picture, draw=explorer.rendered):
    start = time.perf_counter()
    shown = draw(picture)
    drawings.append(1000 * (time.perf_counter() - start))
    drawing.value = str(round(statistics.median(drawings)))
    return shown

explorer.rendered, explorer.REMEMBERED = timed, {remembered}
VBox([lab, drawing])
"""
TABLE = """
from vgg_lesson.widgets.architecture import architecture_explorer

architecture_explorer()
"""


@pytest.fixture
def workbench(lab, folder):
    """Opens the small lab, whose function takes ``pause`` seconds, and which keeps so many pictures."""

    def open_with(pause: float = 0, remembered: int = 64):
        lab.open_made(folder, "workbench", SOURCE.format(pause=pause, remembered=remembered), BARE)
        lab.picture().wait_for()
        return lab

    return open_with


def shown(lab, words: str):
    """Wait for words under the picture."""
    expect(lab.page.locator(".jp-OutputArea .widget-html", has_text=words).first).to_be_visible(
        timeout=ANSWER_SECONDS * 1000
    )


def words(lab) -> str:
    """The words under the picture."""
    return lab.page.locator(".widget-html", has_text=", call ").first.inner_text().strip()


def test_every_kind_of_control_by_keyboard(workbench):
    lab = workbench()
    before = lab.pixels()
    # Arrow keys on a closed list belong to JupyterLab, which goes to the next cell; Enter opens the list.
    for label, keys, words in (
        ("Points", "ArrowRight", "6 points"),
        ("Learning rate", "ArrowRight", "rate 0.0032"),
        ("Depth", "ArrowRight", "depth 19"),
        ("Kind", "Enter ArrowDown Enter", "dots"),
        ("Grid", "Space", "grid False"),
    ):
        lab.control(label).focus()
        for key in keys.split():
            lab.page.keyboard.press(key)
        before = lab.wait_for_picture_change(before)
        shown(lab, words)


def test_every_kind_of_control_by_mouse(workbench):
    lab = workbench()
    before = lab.pixels()
    for label, words in (("Points", "20 points"), ("Learning rate", "rate 1,"), ("Depth", "depth 19")):
        drag(lab, label, 400)
        before = lab.wait_for_picture_change(before)
        shown(lab, words)
    lab.control("Kind").select_option("dots")
    shown(lab, "dots")
    lab.control("Grid").click()
    shown(lab, "grid False")
    lab.screenshot("controls")


def test_all_controls_are_reached_by_tab(workbench):
    lab = workbench()
    lab.control("Points").focus()
    for label in ("Learning rate", "Depth", "Kind", "Grid"):
        for _ in range(3):  # a readout that can be edited lies in between
            lab.page.keyboard.press("Tab")
            if lab.control(label).evaluate("element => element === document.activeElement"):
                break
        else:
            pytest.fail(f"Tab did not reach {label}")


def test_a_failing_callback_speaks_and_the_lab_goes_on(workbench):
    lab = workbench()
    lab.control("Points").focus()
    for _ in range(8):  # 5 -> 13
        lab.page.keyboard.press("ArrowRight")
    wait_for(lab.errors, ANSWER_SECONDS, "the error in words")
    assert "ValueError: points must not be 13" in lab.errors()[0]
    lab.screenshot("controls-error")
    lab.page.keyboard.press("ArrowRight")
    shown(lab, "14 points")
    wait_for(lambda: not lab.errors(), ANSWER_SECONDS, "the error to go away")


def test_a_held_key_leaves_no_queue_of_stale_pictures(workbench):
    lab = workbench(pause=0.4)
    lab.control("Points").focus()
    start = time.monotonic()
    for _ in range(7):
        lab.page.keyboard.press("ArrowRight")
    shown(lab, "12 points")
    took = time.monotonic() - start
    lab.page.wait_for_timeout(3000)  # a queue would go on drawing what has been drawn already
    calls = int(words(lab).rsplit("call ")[1])
    assert calls <= 5, f"{calls} pictures were drawn for 7 key presses within {took:.1f} s"


def test_a_drag_over_the_whole_range_draws_once(workbench):
    lab = workbench(pause=0.4)
    handle, page = lab.control("Points"), lab.page
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 81):  # two seconds: time for five pictures
        page.mouse.move(x + 5 * step, y)
        page.wait_for_timeout(25)
    assert lab.readout("Points") == "20", "the readout does not follow the handle"
    page.mouse.up()
    shown(lab, "20 points")
    page.wait_for_timeout(1000)
    assert words(lab).endswith("call 2"), f"one drag, but after the first picture: {words(lab)}"


def test_readouts_show_what_was_chosen(workbench):
    lab = workbench()
    assert [lab.readout(label) for label in ("Points", "Learning rate", "Depth")] == ["5", "1.0e-3", "16"]
    for label, readout in (("Points", "6"), ("Learning rate", "3.2e-3"), ("Depth", "19")):
        lab.control(label).focus()
        lab.page.keyboard.press("ArrowRight")
        wait_for(lambda: lab.readout(label) == readout, ANSWER_SECONDS, f"{label} to read {readout}")  # noqa: B023
    cut = "[...document.querySelectorAll('.widget-readout')].filter(it => it.scrollWidth > it.clientWidth).length"
    assert not lab.page.evaluate(cut), "a readout is cut off"


def test_tooltips_can_be_seen(workbench):
    lab = workbench()
    tips = {"Points": "How many points", "Depth": "How many layers", "Kind": "How it is drawn"}
    for label, tip in tips.items():
        text = lab.page.locator(f".widget-label:text-is('{label}')")
        assert text.evaluate("it => it.closest('[title]')?.title") == tip


def test_latency_from_key_to_picture(workbench, latencies):
    """All that is not drawing takes hardly longer than a bare slider and label, however busy this computer is."""
    lab = workbench(remembered=0)
    bare = bare_milliseconds(lab)
    picture = milliseconds(lab, lab.control("Points"), lab.picture(), "it.src")
    drawing = float(lab.page.locator(".drawing-echo").inner_text())
    line = f"workbench: bare slider {bare:.0f} ms, picture {picture:.0f} ms, of it drawing {drawing:.0f} ms"
    latencies.add(line)
    assert picture - drawing < 3 * bare + 100, line


def test_a_slow_lab_would_be_noticed(workbench):
    lab = workbench(pause=1.0, remembered=0)
    bare = bare_milliseconds(lab)
    assert milliseconds(lab, lab.control("Points"), lab.picture(), "it.src", presses=5) > limit(COMPUTES, bare)


def test_two_pictures_that_were_seen_can_be_compared_at_once(workbench):
    lab = workbench(pause=1.0)
    bare = bare_milliseconds(lab)
    assert milliseconds(lab, lab.control("Points"), lab.picture(), "it.src", presses=5) < limit(COMPUTES, bare)


@pytest.mark.parametrize("theme", ["lab", "dark_lab"])
def test_accessibility(request, theme, folder, axe):
    lab = request.getfixturevalue(theme)
    lab.open_made(folder, f"accessible-{theme}", SOURCE.format(pause=0, remembered=64), TABLE)
    lab.picture().wait_for()
    lab.control("Points").focus()
    for _ in range(8):  # 5 -> 13, which fails in words
        lab.page.keyboard.press("ArrowRight")
    wait_for(lab.errors, ANSWER_SECONDS, "the error in words")
    assert not violations(lab, axe)
    lab.screenshot(f"accessible-{theme}")
    lab.page.evaluate("document.querySelector('img.widget-image').removeAttribute('title')")
    lab.page.evaluate("document.querySelector('.widget-slider .widget-label').innerText = ''")
    lab.page.evaluate("document.querySelector('[role=alert]').style.opacity = 0.4")
    found = {rule for rule, _ in violations(lab, axe)}
    assert {"image-alt", "aria-input-field-name", "color-contrast"} <= found, "not all planted mistakes were found"


def drag(lab, label: str, pixels: int) -> None:
    """Drag a slider's handle to the right."""
    handle = lab.control(label)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + pixels / 2, y, steps=5)
    lab.page.mouse.move(x + pixels, y, steps=5)
    lab.page.mouse.up()
