"""Each lesson in a real JupyterLab: it explains itself before it is run, runs without an error, and its labs answer."""

import json
import statistics

import nbformat
import pytest
from accessibility import violations
from lab_page import ANSWER_SECONDS, NOTEBOOKS, wait_for
from latency import (
    BARE,
    COMPUTES,
    FIRST_POINT,
    MEMORY,
    RUNS_A_NETWORK,
    bare_milliseconds,
    limit,
    milliseconds,
    onward_milliseconds,
    until_changed,
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
    if name.startswith("03"):
        slow += first_point(lab, latencies)
    assert not slow, f"slower than this busy computer explains: {slow}"
    assert not lab.errors()


def measured(lab, name: str, latencies) -> list[str]:
    """Write how long the lesson's labs take into the table; return the lines of those that take too long."""
    slow = []
    for source, label, goal in LABS[name[:2]]:
        place = lab.cell(source)
        control, picture = lab.control(label, place), lab.picture(place)
        bare, took = bare_milliseconds(lab), {}
        lab.control("Keep pictures").press("Space")
        took["new"] = milliseconds(lab, control, picture, "it.src")
        lab.control("Keep pictures").press("Space")
        took["onward"], keys = onward_milliseconds(lab, control, picture, "it.src")
        took["seen"] = milliseconds(lab, control, picture, "it.src")
        bare = max(bare, bare_milliseconds(lab))
        times = ", ".join(f"{kind} {median:4.0f}" for kind, median in took.items()) + f" ms, {keys} keys onward"
        line = f"{name[:2]} {source.strip('('):24} {times}  (goal {goal}; bare slider {bare:.0f} ms)"
        latencies.add(line)
        if max(took["new"], took["onward"]) > limit(goal, bare) or took["seen"] > limit(COMPUTES, bare):
            slow.append(line)
    return slow


def first_point(lab, latencies) -> list[str]:
    """Write how long lesson 3's panel takes from Train to the first point of its curve; as ``measured``."""
    place = lab.cell("TrainingPanel(")
    bare, seconds = bare_milliseconds(lab), []
    for run in (1, 2, 3):
        took = until_changed(lab, lab.picture(place), "it.src", lab.control("Train", place).click)
        seconds.append(took / 1000)
        lab.control("Stop", place).click()
        wait_for(lambda: f"Stopped: run {run}" in place.inner_text(), ANSWER_SECONDS, "the training to stop")  # noqa: B023
    line = f"03 Train to the first point: {statistics.median(seconds):.2f} s  (goal {FIRST_POINT / 1000} s)"
    latencies.add(line)
    return [line] if 1000 * statistics.median(seconds) > limit(FIRST_POINT, bare) else []
