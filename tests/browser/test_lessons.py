"""Each lesson in a real JupyterLab: it explains itself before it is run, runs without an error, and its labs answer."""

import json

import nbformat
import pytest
from accessibility import violations
from lab_page import NOTEBOOKS
from latency import (
    BARE,
    COMPUTES,
    DOWN_AND_UP,
    FORTH_AND_BACK,
    LOOK,
    MEMORY,
    RUNS_A_NETWORK,
    STEPS,
    bare_milliseconds,
    limit,
    milliseconds,
)
from lesson_rules import LESSONS
from nbformat.v4 import new_code_cell

# (what the lab's cell contains, a control of it that has a next value, the goal); the clinic draws at its own prices.
LABS = {
    "01": [
        ("class_browser(", "image in the grid", COMPUTES),
        ("preprocessing_explorer(", "training image", COMPUTES),
    ],
    "02": [
        ("ConvolutionByHand(", "Row", COMPUTES),
        ("stack_explorer(", "Layers in the stack", COMPUTES),
        ("architecture_explorer(", "Configuration", COMPUTES),
    ],
    "03": [("atlas_explorer(", "Remedy", COMPUTES)],
    "04": [
        ("confusion_explorer(", "Answer", COMPUTES),
        ("calibration_explorer(", "Temperature", COMPUTES),
        ("threshold_explorer(", "Threshold", COMPUTES),
        ("grad_cam_explorer(", "Image", RUNS_A_NETWORK),
        ("feature_map_explorer(", "Image", RUNS_A_NETWORK),
    ],
    "05": [("signal_explorer(", "Steps", RUNS_A_NETWORK)],
}
LISTS = {"Remedy", "Answer"}


def words(name: str) -> list[str]:
    """First words of the notebook's markdown paragraphs."""
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]).splitlines()[0].strip("# ") for cell in cells if cell["cell_type"] == "markdown"]


@pytest.mark.parametrize("name", LESSONS)
def test_lesson(lab, folder, axe, latencies, name):
    lesson = nbformat.read(folder / f"{name}.ipynb", 4)
    lesson.cells += [new_code_cell(BARE.strip()), new_code_cell(MEMORY.strip())]
    nbformat.write(lesson, folder / f"{name}.ipynb")
    lab.open_lesson(name)
    text = lab.text()
    assert words(name)[0] in text
    assert not lab.errors(), "a lesson that was only opened shows an error"
    assert "Error displaying widget" not in text and "Loading widget" not in text
    lab.screenshot(f"{name}-opened")
    lab.run_all()
    assert not lab.errors()
    assert lab.page.locator(".jp-OutputArea img").count(), "no picture"
    lab.screenshot(f"{name}-run")
    assert not violations(lab, axe)
    slow = measured(lab, name, latencies)
    assert not slow, f"slower than this busy computer explains: {slow}"
    assert not lab.errors()


def measured(lab, name: str, latencies) -> list[str]:
    """Write how long the lesson's labs take into the table; return the lines of those that take too long."""
    slow = []
    for source, label, goal in LABS[name[:2]]:
        place = lab.cell(source)
        control, picture = lab.control(label, place), lab.picture(place)
        keys = DOWN_AND_UP if label in LISTS else FORTH_AND_BACK
        bare, took = bare_milliseconds(lab), {}
        lab.control("Keep pictures").press("Space")
        took["new"] = milliseconds(lab, control, picture, "it.src", keys)
        lab.control("Keep pictures").press("Space")
        if label not in LISTS:
            control.press("Home")
        took["onward"] = milliseconds(lab, control, picture, "it.src", keys[:1], STEPS, LOOK)
        took["seen"] = milliseconds(lab, control, picture, "it.src", keys[::-1])
        bare = max(bare, bare_milliseconds(lab))
        times = ", ".join(f"{kind} {median:4.0f}" for kind, median in took.items())
        line = f"{name[:2]} {source.strip('('):24} {times} ms  (goal {goal}; bare slider {bare:.0f} ms)"
        latencies.add(line)
        if took["new"] > limit(goal, bare) or took["seen"] > limit(COMPUTES, bare):
            slow.append(line)
    return slow
