"""The checks of lesson 5: solutions pass, plausible wrong answers fail and are told what to do."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from lesson_sources import prose
from refused_answers import fails

from vgg_lesson.checks import lesson5


def silent_share(outputs):
    return float((outputs.reshape(-1, outputs.shape[-1]) == 0).all(axis=0).mean())


def test_silent_share():
    lesson5.check_silent_share(silent_share)
    lesson5.check_silent_share(lambda outputs: tf.constant(silent_share(outputs)))
    lesson5.check_silent_share(lambda outputs: np.mean(np.abs(outputs).max(axis=tuple(range(outputs.ndim - 1))) == 0))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda outputs: float((outputs == 0).mean()), "any healthy ReLU layer"),
        (lambda outputs: float((outputs == 0).all(axis=0).mean()), "each place"),  # right for dense layers
        (lambda outputs: silent_share(outputs[:1]), "first image"),  # almost right, too
        (lambda outputs: 1 - silent_share(outputs), "not silent"),
        (lambda outputs: (outputs == 0).any(axis=0).mean(), "Ask for each channel"),
        (lambda outputs: round(silent_share(outputs) * outputs.shape[-1]), "their number"),
        (lambda outputs: (outputs == 0).all(axis=(0, 1, 2)).mean() if outputs.ndim == 4 else None, "None"),
        (lambda outputs: (outputs == 0).all(axis=(0, 1, 2)).mean(), "AxisError"),
        (lambda outputs: np.mean(outputs.max(axis=tuple(range(outputs.ndim - 1))) <= 0), "negative outputs"),
        (lambda outputs: (outputs.reshape(-1, outputs.shape[-1]).std(axis=0) == 0).mean(), "always 0.5"),
        (lambda outputs: (outputs.reshape(-1, outputs.shape[-1]).sum(axis=0) == 0).mean(), "always 0.5"),
        (lambda outputs: (outputs == 0).all(axis=0), "array"),
        (0.25, "a function"),
    ],
)
def test_wrong_silent_shares(answer, words):
    fails(words, lesson5.check_silent_share, answer)


def glorot_factor(channels_in, channels_out):
    return math.sqrt(channels_in / (channels_in + channels_out))


def test_glorot_factor():
    lesson5.check_glorot_factor(glorot_factor)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda i, o: 1 / math.sqrt(2), "only where as many channels go out"),  # almost right
        (lambda i, o: math.sqrt(o / (i + o)), "exchanged"),  # almost right, too
        (lambda i, o: i / (i + o), "root"),
        (lambda i, o: math.sqrt(2 * i / (i + o)), "without the ReLU"),
        (lambda i, o: 1.0, "1.0000"),
        (lambda i, o: None, "None"),
        (math.sqrt(0.5), "a function"),
    ],
)
def test_wrong_glorot_factors(answer, words):
    fails(words, lesson5.check_glorot_factor, answer)


def test_the_folded_solutions_pass():
    names: dict = {"np": np}
    for solution in re.findall(r"<summary>Solution</summary>\s*```python\n(def .*?)```", prose("05"), re.DOTALL):
        exec(solution, names)
    lesson5.check_glorot_factor(names["glorot_factor"])
    lesson5.check_silent_share(names["silent_share"])


def consultation(ordered=("data", "first loss"), named=("dead_relus",), solved=True, bill=2):
    wrong = [name for name in named if name != "dead_relus"]
    made = {"ordered": dict.fromkeys(ordered), "named": list(named), "wrong_names": wrong}
    return SimpleNamespace(**made, solved=solved, bill=bill)


def test_consultation():
    lesson5.check_consultation(consultation())
    lesson5.check_consultation(consultation(named=("frozen_weights", "dead_relus"), bill=20))
    two_causes = consultation(named=("frozen_weights", "dead_relus", "the second true cause"))
    two_causes.wrong_names = ["frozen_weights"]
    lesson5.check_consultation(two_causes)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (consultation(ordered=()), "without a single measurement"),  # a lucky guess
        (consultation(solved=False), "Which cause would predict"),
        (consultation(named=("a", "b", "dead_relus")), "2 wrong names"),  # almost right
        (consultation(bill=21), "21 s"),  # almost right, too
        ("dead_relus", "a Consultation"),
    ],
)
def test_wrong_consultations(answer, words):
    fails(words, lesson5.check_consultation, answer)
