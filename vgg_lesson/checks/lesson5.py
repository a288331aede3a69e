"""Checks of lesson 5: Glorot's factor per layer, silent units, and a consultation in the clinic."""

import math
from collections.abc import Callable

import numpy as np

from vgg_lesson.checks.common import answer_of, describe, expect, is_number, plain

MOST_SECONDS, MOST_WRONG = 20, 1
"""Exercise 3: the bill and the wrong names that a good consultation may have."""


def check_glorot_factor(function: Callable) -> None:
    """Exercise 1: ``function(channels_in, channels_out) -> factor`` on the signal's size, 3x3 convolution and ReLU."""
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


def check_silent_share(function: Callable) -> None:
    """Exercise 2: ``function(outputs) -> share`` of a ReLU layer's channels that are 0 for every image and place."""
    rng = np.random.default_rng(0)
    half = rng.uniform(0.5, 1, (8, 3, 3, 4)) * (rng.uniform(size=(8, 3, 3, 4)) < 0.5)
    two_dead = rng.uniform(0.5, 1, (8, 3, 3, 5)) * (rng.uniform(size=(8, 3, 3, 5)) < 0.5) * np.array([1, 0, 1, 0, 1])
    once = np.zeros((8, 3, 3, 4))
    once[5, 2, 0, :3] = 0.1
    constant = np.full((8, 3, 3), 0.5)
    turned = constant * np.where(np.arange(8) % 2, 1, -1)[:, None, None]
    signed = [half[..., 0], -half[..., 1], np.sign(half[..., 2] - 0.2), 0 * half[..., 3], constant, turned]
    dense = rng.uniform(0.5, 1, (8, 5)) * np.array([1, 0, 0, 1, 0])
    for outputs, name, right in (
        (two_dead, "a convolution of 5 channels, two of them always 0 and the others half of the time", 2 / 5),
        (once, "a convolution of 4 channels, of which three are active once, for one image at one place", 1 / 4),
        (dense, "a dense layer of 5 units, of which three are always 0", 3 / 5),
        (half, "a convolution in which every channel is 0 half of the time", 0.0),
        (
            np.stack(signed, axis=-1),
            "a convolution without a ReLU, of 6 channels, one always 0 (negative outputs are not silent, nor is a "
            "channel that is always 0.5, or as often -0.5)",
            1 / 6,
        ),
    ):
        zero = outputs == 0
        known = {
            float(zero.mean()): "the share of outputs that are 0: half of them are in any healthy ReLU layer",
            float(zero.all(axis=0).mean()): "each place counted on its own: a channel is silent when all places are",
            float(1 - right): "the share that is not silent",
            float(zero.reshape(-1, zero.shape[-1]).all(axis=0).sum()): "their number, not their share",
            float(zero[0].reshape(-1, zero.shape[-1]).all(axis=0).mean()): "only the first image was looked at",
        }
        next_step = "Ask for each channel whether all its values are 0, over images, rows and columns; then average."
        _expect_number(function, (outputs,), right, f"for {name}", known, next_step)


def check_consultation(consultation) -> None:
    """Exercise 3: a patient whose cause was found by measuring, at a reasonable bill.

    Args:
        consultation: with ``ordered`` (measurements by name), ``named`` (causes, in order), ``wrong_names`` (those of
            them that are not true), ``solved``, ``bill`` (s).
    """
    expect(
        hasattr(consultation, "ordered") and hasattr(consultation, "named"),
        "a Consultation, with the instruments that you ordered",
        consultation,
        "Write consultation = Consultation(4, small.subset(train=2000)), then consultation.order(...) and "
        "consultation.name(...).",
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
    wrong = list(consultation.wrong_names)
    expect(
        len(wrong) <= MOST_WRONG,
        f"at most {MOST_WRONG} wrong name",
        f"{len(wrong)} wrong names: {wrong}",
        "Start anew, and name a cause only when a measurement would have come out otherwise without it.",
    )
    expect(
        consultation.bill <= MOST_SECONDS,
        f"a bill of at most {MOST_SECONDS} seconds",
        f"{consultation.bill:g} s for {measured}",
        "Start anew. Vital signs cost a second each: read them before you order a training.",
    )


def _expect_number(function: Callable, arguments, right: float, case: str, known: dict, next_step: str) -> None:
    received = answer_of(function, arguments, f"one number {case}", next_step)
    expect(is_number(received), f"one number {case}", received, "Return a single number.")
    number = float(plain(received))
    known = {wrong: text for wrong, text in known.items() if abs(wrong - right) > 1e-3}
    meant = next((text for wrong, text in known.items() if abs(number - wrong) < 2e-4), None)
    expect(
        abs(number - right) < 5e-4,
        f"{right:.4f} {case}",
        f"{describe(number)}{f': {meant}' if meant else ''}",
        next_step,
    )
