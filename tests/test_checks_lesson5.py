"""The checks of lesson 5: solutions pass, plausible wrong answers fail and are told what to do."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from vgg_lesson.checks import lesson5


def fails(check, answer, words):
    with pytest.raises(AssertionError) as caught:
        check(answer)
    message = str(caught.value)
    for part in ("Expected:", "Received:", "Next step:", words):
        assert part in message, message


def shares_of(labels):
    counts = np.bincount(labels)
    return counts[counts > 0] / len(labels)


def guessing_loss(labels):
    shares = shares_of(labels)
    return float(-(shares * np.log(shares)).sum())


def test_guessing_loss():
    lesson5.check_guessing_loss(guessing_loss)
    lesson5.check_guessing_loss(lambda labels: np.float32(guessing_loss(labels)))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda labels: math.log(10), "2.3026"),  # right for CIFAR-10 only
        (lambda labels: math.log(len(np.unique(labels))), "right only if these classes"),  # almost right
        (lambda labels: guessing_loss(labels) / math.log(2), "bits"),
        (lambda labels: -guessing_loss(labels), "wrong sign"),
        (lambda labels: float(-np.log(shares_of(labels)).mean()), "plain mean over classes"),
        (lambda labels: float("nan"), "nan"),  # empty classes: 0 * ln 0
        (lambda labels: shares_of(labels), "array"),
        (lambda labels: None, "None"),
        (2.303, "a function"),
    ],
)
def test_wrong_guessing_losses(answer, words):
    fails(lesson5.check_guessing_loss, answer, words)


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
    fails(lesson5.check_glorot_factor, answer, words)


def consultation(ordered=("data", "first loss"), named=("dead_relus",), solved=True, bill=2):
    return SimpleNamespace(ordered=dict.fromkeys(ordered), named=list(named), solved=solved, bill=bill)


def test_consultation():
    lesson5.check_consultation(consultation())
    lesson5.check_consultation(consultation(named=("frozen_weights", "dead_relus"), bill=45))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (consultation(ordered=()), "without a single measurement"),  # a lucky guess
        (consultation(solved=False), "Which cause would predict"),
        (consultation(named=("a", "b", "dead_relus")), "2 wrong names"),  # almost right
        (consultation(bill=46), "46 s"),  # almost right, too
        ("dead_relus", "a Consultation"),
    ],
)
def test_wrong_consultations(answer, words):
    fails(lesson5.check_consultation, answer, words)
