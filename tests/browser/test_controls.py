"""The labs' building blocks in a real browser: mouse, keyboard, latency, errors in words, accessibility.

A notebook with one small lab is written beside the lessons; the lab draws at once, so that what is
measured is the way from the key to the new picture.
"""

import json
import time

import nbformat
import pytest
from lab_page import ANSWER_SECONDS, wait_for
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect

SOURCE = """
import time
from vgg_lesson.plots.style import Picture, figure
from vgg_lesson.widgets.common import Explorer, choice, int_slider, rate_slider, step_slider, switch

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
    return Picture(made, f"{{words}}, call {{len(calls)}}")

controls = dict(
    points=int_slider("Points", 5, 1, 20, "How many points"),
    rate=rate_slider("Learning rate", 1e-3, 1e-5, 1, "How fast"),
    depth=step_slider("Depth", [11, 13, 16, 19], 16, "How many layers"),
    kind=choice("Kind", ["line", "dots"], "line", "How it is drawn"),
    grid=switch("Grid", True, "Whether there is a grid"),
)
lab = Explorer("Find seven points.", draw, controls, 360)
lab
"""


@pytest.fixture
def workbench(lab, folder):
    """Opens the small lab, whose function takes ``pause`` seconds."""

    def open_with(pause: float = 0):
        cells = [new_markdown_cell("# Workbench"), new_code_cell(SOURCE.format(pause=pause).strip())]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), folder / "workbench.ipynb")
        lab.open_lesson("workbench")
        lab.run_all()
        assert not lab.errors()
        lab.picture().wait_for()
        return lab

    return open_with


def shown(lab, words: str):
    """Wait for words under the picture."""
    expect(lab.page.locator(".jp-OutputArea .widget-html", has_text=words).first).to_be_visible(
        timeout=ANSWER_SECONDS * 1000
    )


def test_every_kind_of_control_by_keyboard(workbench):
    lab = workbench()
    before = lab.picture().get_attribute("src")
    for label, key, words in (
        ("Points", "ArrowRight", "6 points"),
        ("Learning rate", "ArrowRight", "rate 0.0032"),
        ("Depth", "ArrowRight", "depth 19"),
        ("Kind", "ArrowDown", "dots"),
        ("Grid", "Space", "grid False"),
    ):
        lab.control(label).focus()
        lab.page.keyboard.press(key)
        before = lab.wait_for_picture_change(before)
        shown(lab, words)


def test_every_kind_of_control_by_mouse(workbench):
    lab = workbench()
    before = lab.picture().get_attribute("src")
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
    calls = int(lab.page.locator(".widget-html", has_text="12 points").first.inner_text().rsplit("call ")[1])
    assert calls <= 5, f"{calls} pictures were drawn for 7 key presses within {took:.1f} s"


def test_latency_from_key_to_picture(workbench, artefacts):
    lab = workbench()
    lab.control("Points").focus()
    times = []
    for key in ("ArrowRight", "ArrowLeft") * 10:
        before = lab.picture().get_attribute("src")
        start = time.perf_counter()
        lab.page.keyboard.press(key)
        lab.page.wait_for_function(
            "before => document.querySelector('img.widget-image').src !== before", arg=before, polling=5
        )
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    (artefacts / "latency.json").write_text(json.dumps({"milliseconds": [round(t) for t in times]}))
    print(f"key to new picture: median {times[10]:.0f} ms, slowest {times[-1]:.0f} ms of {len(times)}")
    assert times[10] < 1000, times  # a loose bound, for a computer that does something else as well


def test_accessibility(workbench, axe):
    lab = workbench()
    lab.page.add_script_tag(path=axe)
    found = lab.page.evaluate(
        "axe.run(document.querySelector('.jp-OutputArea-output .jupyter-widgets'),"
        " {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
    )
    assert found["passes"], "axe-core looked at nothing"
    violations = {v["id"]: [node["html"] for node in v["nodes"]] for v in found["violations"]}
    assert not violations, json.dumps(violations, indent=1)


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
