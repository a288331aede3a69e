"""Lesson 3's checks accept the solutions, refuse plausible wrong answers, and say what to do next."""

import math
import re

import numpy as np
import pytest
from lesson_sources import prose
from refused_answers import failure

from vgg_lesson.checks import lesson3


def solution(exercise: int) -> dict:
    """The names that the notebook's folded solution defines."""
    part = prose("03").split(f"**Exercise {exercise}")[1]
    code = re.search(r"<summary>Solution</summary>.*?```python\n(.*?)```", part, re.DOTALL)[1]
    names = {"math": math, "np": np}
    exec(code, names)
    return names


def test_the_folded_solutions_pass():
    lesson3.check_count_steps(solution(1)["count_steps"])
    lesson3.check_looks_stuck(solution(2)["looks_stuck"])
    lesson3.check_largest_safe_rate(solution(3)["largest_safe_rate"])


STEPS = {
    "one epoch": (lambda images, batch, epochs: images // batch, "12,500 steps.*1250"),
    "images": (lambda images, batch, epochs: images * epochs, "12,500 steps"),
    "rounds down": (lambda images, batch, epochs: images // batch * epochs, "They make a step, too"),
    "rounds once, almost right": (lambda images, batch, epochs: math.ceil(images * epochs / batch), "round up first"),
    "two arguments": (lambda images, batch: math.ceil(images / batch), "12,500 steps.*TypeError.*2 positional"),
    "nothing": (lambda images, batch, epochs: None, "does the function return"),
}


@pytest.mark.parametrize("answer", STEPS)
def test_wrong_counts_are_refused(answer):
    function, words = STEPS[answer]
    assert re.search(words, failure(lesson3.check_count_steps, function), re.DOTALL)


ALARMS = {
    "against the start": (lambda losses, classes: losses[-1] >= losses[0], "jumps to 186|flat curve"),
    "0.05 below the first": (lambda losses, classes: not np.mean(losses[-10:]) <= losses[0] - 0.05, "not with the fir"),
    "no margin": (lambda losses, classes: not np.mean(losses[-10:]) <= math.log(classes), "0.05 below|flat curve"),
    "a small margin": (lambda losses, classes: not np.mean(losses[-10:]) <= math.log(classes) - 0.01, "0.05 below"),
    "a large margin": (lambda losses, classes: not np.mean(losses[-10:]) <= math.log(classes) - 0.5, "flat for 120"),
    "below the highest": (lambda losses, classes: not np.mean(losses[-10:]) <= max(losses) - 0.5, "comes back to"),
    "last batch": (lambda losses, classes: losses[-1] >= math.log(classes) - 0.05, "average the last 10"),
    "ten classes": (lambda losses, classes: np.mean(losses[-10:]) >= 2.303 - 0.05, "100 classes"),
    "first ten": (lambda losses, classes: np.mean(losses[:10]) >= math.log(classes) - 0.05, "look at the last 10"),
    "all losses": (lambda losses, classes: np.mean(losses) >= math.log(classes) - 0.05, "Look at the last 10"),
    "close to chance": (lambda losses, classes: abs(np.mean(losses[-10:]) - math.log(classes)) < 0.05, "to 3.0"),
    "NaN, almost right": (lambda losses, classes: np.mean(losses[-10:]) >= math.log(classes) - 0.05, "NaN"),
    "the last five": (lambda losses, classes: not np.mean(losses[-5:]) <= math.log(classes) - 0.05, "last five losses"),
    "not above chance": (lambda losses, classes: not abs(np.mean(losses[-10:]) - math.log(classes)) > 0.05, "to 3.0"),
    "NaN skipped": (lambda losses, classes: not np.nanmean(losses[-10:]) <= math.log(classes) - 0.05, "one NaN"),
    "NaN at the end": (lambda losses, classes: math.isnan(losses[-1]) or alarm_without_nan(losses, classes), "one NaN"),
    "the last twenty": (
        lambda losses, classes: not np.mean(losses[-20:]) <= math.log(classes) - 0.05,
        "exactly the last",
    ),
    "0.1 below": (lambda losses, classes: not np.mean(losses[-10:]) <= math.log(classes) - 0.1, "subtract exactly"),
    "the median": (lambda losses, classes: not np.median(losses[-10:]) <= math.log(classes) - 0.05, "in the middle"),
    "all of them": (
        lambda losses, classes: not all(loss <= math.log(classes) - 0.05 for loss in losses[-10:]),
        "One batch is noise",
    ),
    "a number": (lambda losses, classes: float(np.mean(losses[-10:])), "True for a flat curve"),
    "an array": (lambda losses, classes: np.array(losses) >= math.log(classes) - 0.05, "an array of shape"),
    "raises": (lambda losses, classes: losses["loss"], "True for a flat curve.*TypeError: list indices"),
    "nothing": (lambda losses, classes: None, "does the function return"),
}


def alarm_without_nan(losses, classes):
    return np.mean(losses[-10:]) > math.log(classes) - 0.05


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("answer", ALARMS)
def test_wrong_alarms_are_refused(answer):
    function, words = ALARMS[answer]
    assert re.search(words, failure(lesson3.check_looks_stuck, function), re.DOTALL)


def largest(counts, depth, fits, default=None):
    """The largest rate of that depth (None: any) where ``fits(learned, runs)`` holds; ``...``: no default."""
    found = [rate for (layers, rate), pair in counts.items() if layers == (depth or layers) and fits(*pair)]
    return max(found) if default is ... else max(found, default=default)


def fits_all(learned, runs):
    return 2 <= runs == learned


def last_one(counts, depth):
    return ([rate for (layers, rate), (n, runs) in counts.items() if layers == depth and 2 <= runs == n] or [None])[-1]


def up_to_the_first_failure(counts, depth):
    best = None
    for (layers, rate), (learned, runs) in sorted(counts.items()):
        if layers == depth and runs >= 2:
            if learned < runs:
                break
            best = rate
    return best


RATES = {
    "any learned": (lambda counts, depth: largest(counts, depth, lambda n, runs: n > 0), "Every recorded run"),
    "two learned": (lambda counts, depth: largest(counts, depth, lambda n, runs: n >= 2), "One run did not learn"),
    "most learned": (lambda counts, depth: largest(counts, depth, lambda n, runs: n > runs / 2 >= 1), "One run did"),
    "up to the first failure": (up_to_the_first_failure, "whatever happened at smaller ones"),
    "the last one": (last_one, "Do not rely on the order"),
    "not run": (lambda counts, depth: largest(counts, depth, lambda n, runs: n == runs), "Ask for at least two"),
    "one run": (lambda counts, depth: largest(counts, depth, lambda n, runs: 1 <= runs == n), "may be luck"),
    "three runs": (lambda counts, depth: largest(counts, depth, lambda n, runs: n == runs == 3), "Two of two"),
    "any depth": (lambda counts, depth: largest(counts, None, lambda n, runs: 2 <= runs == n), "asked depth only"),
    "0, not None": (lambda counts, depth: largest(counts, depth, lambda n, runs: 2 <= runs == n, 0), "return None"),
    "max of nothing": (lambda counts, depth: largest(counts, depth, fits_all, ...), "ValueError: max.*return None"),
    "nothing": (lambda counts, depth: None, "0.001 for 16 layers"),
    "True": (lambda counts, depth: True, "0.001 for 16 layers"),
}


@pytest.mark.parametrize("answer", RATES)
def test_wrong_rates_are_refused(answer):
    function, words = RATES[answer]
    assert re.search(words, failure(lesson3.check_largest_safe_rate, function), re.DOTALL)
