"""Lesson 3's checks accept the solutions, refuse plausible wrong answers, and say what to do next."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from vgg_lesson.checks import lesson3

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "03_training.ipynb"


def solution(exercise: int) -> dict:
    """The names that the notebook's folded solution defines."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    part = prose.split(f"**Exercise {exercise}")[1]
    code = re.search(r"<summary>Solution</summary>.*?```python\n(.*?)```", part, re.DOTALL)[1]
    names = {"math": math, "np": np}
    exec(code, names)
    return names


def test_the_folded_solutions_pass():
    lesson3.check_count_steps(solution(1)["count_steps"])
    lesson3.check_looks_stuck(solution(2)["looks_stuck"])


STEPS = {
    "one epoch": (lambda images, batch, epochs: images // batch, "12,500 steps.*1250"),
    "images": (lambda images, batch, epochs: images * epochs, "12,500 steps"),
    "rounds down": (lambda images, batch, epochs: images // batch * epochs, "They make a step, too"),
    "rounds once, almost right": (lambda images, batch, epochs: math.ceil(images * epochs / batch), "round up first"),
    "nothing": (lambda images, batch, epochs: None, "does the function return"),
}


@pytest.mark.parametrize("answer", STEPS)
def test_wrong_counts_are_refused(answer):
    function, words = STEPS[answer]
    with pytest.raises(AssertionError, match=rf"(?s){words}"):
        lesson3.check_count_steps(function)


ALARMS = {
    "against the start": (lambda losses, classes: losses[-1] >= losses[0], "jumps to 104|flat curve"),
    "last batch": (lambda losses, classes: losses[-1] >= math.log(classes) - 0.05, "average the last 10"),
    "ten classes": (lambda losses, classes: np.mean(losses[-10:]) >= 2.303 - 0.05, "100 classes"),
    "all losses": (lambda losses, classes: np.mean(losses) >= math.log(classes) - 0.05, "Look at the last 10"),
    "close to chance": (lambda losses, classes: abs(np.mean(losses[-10:]) - math.log(classes)) < 0.05, "NaN"),
    "NaN, almost right": (lambda losses, classes: np.mean(losses[-10:]) >= math.log(classes) - 0.05, "NaN"),
    "nothing": (lambda losses, classes: None, "does the function return"),
}


@pytest.mark.parametrize("answer", ALARMS)
def test_wrong_alarms_are_refused(answer):
    function, words = ALARMS[answer]
    with pytest.raises(AssertionError, match=rf"(?s){words}"):
        lesson3.check_looks_stuck(function)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_norm": True, "epochs": 6}, "one thing at a time"),
        ({"learning_rate": 1e-3}, "only something else may change"),
        ({"configuration": "A"}, "only something else may change"),
        ({"batch_norm": False}, "has already"),
        ({"batchnorm": True}, "unknown choice 'batchnorm'"),
        ("batch norm", "a dictionary"),
    ],
)
def test_changes_that_do_not_count_are_refused_without_training(change, words):
    with pytest.raises(AssertionError, match=words):
        lesson3.check_one_change(change, dataset=None)


def test_only_a_change_that_cures_is_accepted():
    """Really trained, on drawn images: batch norm cures, dropout does not."""
    from vgg_lesson.data import load_data

    data = load_data("sketches")
    lesson3.check_one_change(solution(3)["my_change"], data)
    with pytest.raises(AssertionError, match=r"(?s)dropout.*stuck.*Try it in the panel"):
        lesson3.check_one_change({"dropout": 0.5}, data)
