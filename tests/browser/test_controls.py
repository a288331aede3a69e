"""The labs' building blocks in a real browser: mouse, keyboard, latency, errors in words, accessibility.

A notebook with one small lab is written beside the lessons; the lab draws at once, so that what is
measured is the way from the key to the new picture.
"""

import statistics
import time

import nbformat
import pytest
from lab_page import ANSWER_SECONDS, wait_for
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect

SOURCE = """
import time
from ipywidgets import Label, VBox
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
bare, echo = int_slider("Bare", 1, 1, 9, "For comparison"), Label("1")
echo.add_class("bare-echo")
bare.observe(lambda change: setattr(echo, "value", str(change.new)), "value")
drawing = Label("0")
drawing.add_class("drawing-echo")

def timed(picture, show=lab.panel.show):
    start = time.perf_counter()
    show(picture)
    drawing.value = str(round(1000 * (time.perf_counter() - start)))

lab.panel.show = timed
VBox([lab, bare, echo, drawing])
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


def milliseconds(lab, label: str, read: str) -> tuple[float, float]:
    """Medians over 20 key presses on a slider.

    Returns:
        From the key to another result of the JavaScript expression ``read``, and of it in drawing.
    """
    lab.control(label).focus()
    whole, drawing = [], []
    for key in ("ArrowRight", "ArrowLeft") * 10:
        before = lab.page.evaluate(read)
        start = time.perf_counter()
        lab.page.keyboard.press(key)
        lab.page.wait_for_function(f"before => {read} !== before", arg=before, polling=5)
        whole.append(1000 * (time.perf_counter() - start))
        drawing.append(float(lab.page.evaluate("document.querySelector('.drawing-echo').innerText")))
    return statistics.median(whole), statistics.median(drawing)


def test_latency_from_key_to_picture(workbench, artefacts):
    """All that is not drawing takes hardly longer than a bare slider and label, however busy this computer is."""
    lab = workbench()
    bare, _ = milliseconds(lab, "Bare", "document.querySelector('.bare-echo').innerText")
    picture, drawing = milliseconds(lab, "Points", "document.querySelector('img.widget-image').src")
    words = f"medians of 20: bare slider {bare:.0f} ms, picture {picture:.0f} ms, of it drawing {drawing:.0f} ms"
    print(words)
    artefacts.mkdir(exist_ok=True)
    (artefacts / "latency.txt").write_text(words + "\n")
    assert picture - drawing < 3 * bare + 100, words


# Sliders of ipywidgets 8.1 give their handles no name, and nothing in Python can: the label beside them is only
# visible. Everything else that axe-core finds is ours to mend.
UPSTREAM = {"aria-input-field-name": "noUi-handle"}


def violations(page, axe) -> dict[str, list[str]]:
    """What axe-core finds in the labs on a page, by rule, without what is known from upstream."""
    page.add_script_tag(path=axe)
    labs = ".jp-OutputArea-output .jupyter-widgets"
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    found = page.evaluate("([labs, rules]) => axe.run(labs, {runOnly: rules})", [labs, rules])
    assert found["passes"], "axe-core looked at nothing"
    nodes = {found["id"]: [node["html"] for node in found["nodes"]] for found in found["violations"]}
    ours = {rule: [n for n in parts if UPSTREAM.get(rule, "nothing") not in n] for rule, parts in nodes.items()}
    return {rule: parts for rule, parts in ours.items() if parts}


def test_accessibility(workbench, axe):
    lab = workbench()
    assert not violations(lab.page, axe)
    lab.page.evaluate("document.querySelector('img.widget-image').removeAttribute('title')")
    assert "image-alt" in violations(lab.page, axe), "a planted picture without words was not found"


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
