"""Checks of lesson 5: what guessing costs, Glorot's factor per layer, and a consultation in the clinic."""

import math
from collections.abc import Callable

import numpy as np

from vgg_lesson.checks.common import describe, expect

MOST_SECONDS, MOST_WRONG = 45, 1
"""Exercise 3: the bill and the wrong names that a good consultation may have."""
_EQUAL = "right only if these classes were equally frequent"


def check_guessing_loss(function: Callable) -> None:
    """Exercise 1: ``function(labels) -> loss`` in nats of an answer that only knows how frequent the classes are."""
    for labels, name, known in (
        (np.arange(10).repeat(50), "ten classes of 50 labels each", {}),
        (np.array([0] * 90 + [1] * 10), "90 labels of class 0 and 10 of class 1", {math.log(2): _EQUAL}),
        (np.array([0] * 60 + [2] * 30 + [9] * 10), "60, 30 and 10 labels of classes 0, 2 and 9", {math.log(3): _EQUAL}),
        (np.zeros(20, int), "20 labels, all of class 0", {}),
    ):  # fmt: skip
        shares = np.bincount(labels)[np.bincount(labels) > 0] / len(labels)
        entropy = float(-(shares * np.log(shares)).sum())
        known = {
            entropy / math.log(2): "the entropy in bits: take the natural logarithm",
            -entropy: "the right size with the wrong sign",
            float(-np.log(shares).mean()): "a plain mean over classes: weigh each class by its share",
            float(-np.log(shares.max())): "the loss on the largest class alone",
            **known,
        }
        next_step = "The loss of a label is -ln(share of its class): take the mean over all labels."
        _expect_number(function, (labels,), entropy, f"for {name}", known, next_step)


def check_glorot_factor(function: Callable) -> None:
    """Exercise 2: ``function(channels_in, channels_out) -> factor`` on the signal's size, 3x3 convolution and ReLU."""
    for inputs, outputs in ((64, 64), (64, 128), (128, 256), (512, 512), (3, 64)):
        right = math.sqrt(inputs / (inputs + outputs))
        known = {
            right**2: "the factor on the mean square; the size is its root",
            math.sqrt(2) * right: "the factor without the ReLU, which takes away half of the mean square",
            math.sqrt(outputs / (inputs + outputs)): "in and out exchanged: an output sums over what comes in",
            1.0: "He's factor: this is the layer that keeps the signal",
            1 / math.sqrt(2): "right only where as many channels go out as come in",
        }
        _expect_number(function, (inputs, outputs), right, f"for {inputs} channels in and {outputs} out", known,
                       "Mean square in -> times fan_in x Var(W) -> halved by the ReLU -> root.")  # fmt: skip


def check_consultation(consultation) -> None:
    """Exercise 3: a patient whose cause was found by measuring, at a reasonable bill.

    Args:
        consultation: with ``ordered`` (measurements by name), ``named`` (causes, in order), ``solved``, ``bill`` (s).
    """
    expect(
        hasattr(consultation, "ordered") and hasattr(consultation, "named"),
        "a Consultation, with the instruments that you ordered",
        consultation,
        "Write consultation = Consultation(25, small), then consultation.order(...) and consultation.name(...).",
    )
    measured = list(consultation.ordered)
    expect(
        measured,
        "a cause that was named after measuring",
        f"named {list(consultation.named) or 'nothing'} without a single measurement",
        "Order something first, for example consultation.order('data').",
    )
    expect(
        consultation.solved,
        "the true cause among those that were named",
        f"named {list(consultation.named) or 'nothing yet'} after ordering {measured}",
        "Which cause would predict what you measured? Order the instrument that could prove you wrong.",
    )
    wrong = len(consultation.named) - 1
    expect(
        wrong <= MOST_WRONG,
        f"at most {MOST_WRONG} wrong name before the right one",
        f"{wrong} wrong names: {list(consultation.named)}",
        "Start anew, and name a cause only when a measurement would have come out otherwise without it.",
    )
    expect(
        consultation.bill <= MOST_SECONDS,
        f"a bill of at most {MOST_SECONDS} seconds",
        f"{consultation.bill:g} s for {measured}",
        "Start anew. Vital signs cost a second each: read them before you order a training.",
    )


def _expect_number(function: Callable, arguments, right: float, case: str, known: dict, next_step: str) -> None:
    expect(callable(function), "a function", function, "Define it with def; hand over its name, without ().")
    received = function(*arguments)
    scalar = isinstance(received, int | float | np.number) or (isinstance(received, np.ndarray) and received.ndim == 0)
    expect(scalar, f"one number {case}", received, "Return a single number.")
    known = {wrong: text for wrong, text in known.items() if abs(wrong - right) > 1e-3}
    meant = next((text for wrong, text in known.items() if abs(float(received) - wrong) < 2e-4), None)
    expect(
        abs(float(received) - right) < 5e-4,
        f"{right:.4f} {case}",
        f"{describe(float(received))}{f': {meant}' if meant else ''}",
        next_step,
    )
