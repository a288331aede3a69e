"""Checks of lesson 3: counting steps, an early alarm for a stuck training, and one change that cures."""

import math
from collections.abc import Callable
from dataclasses import fields

import numpy as np

from vgg_lesson.checks.common import expect
from vgg_lesson.training_config import TrainingConfig

CLEARLY_BELOW = 0.05
"""Exercise 2: how far below chance, in nats, the last losses must lie on average."""
LAST = 10
"""Exercise 2: how many losses are averaged."""
UNCURED = TrainingConfig.lecture(width=0.125, head=(128, 128), learning_rate=1e-2, epochs=3)
"""Exercise 3: the lecture's settings at an eighth of the width, with ten times the learning rate."""


def check_count_steps(function: Callable[[int, int, int], int]) -> None:
    """Exercise 1: ``function(images, batch_size, epochs) -> steps``."""
    for images, batch_size, epochs, steps, next_step in (
        (40_000, 32, 10, 12_500, "How many batches are in one epoch, and how many epochs are there?"),
        (1_000, 32, 1, 32, "31 full batches leave 8 images over. They make a step, too: round up."),
        (1_000, 32, 3, 96, "Every epoch ends with its own small batch: round up first, then multiply."),
        (20, 32, 2, 2, "A batch that is larger than the data still makes one step an epoch."),
    ):
        received = function(images, batch_size, epochs)
        asked = f"{steps:,} steps for {images:,} images, batches of {batch_size}, {epochs} epochs"
        expect(
            isinstance(received, int | float | np.number) and not isinstance(received, bool) and received == steps,
            asked,
            received,
            next_step,
        )


def check_looks_stuck(function: Callable) -> None:
    """Exercise 2: ``function(losses, classes) -> bool``, True for a training that has not left chance."""
    random = np.random.default_rng(0)
    flat = math.log(10) + random.normal(0, 0.003, 60)
    jump = np.concatenate([[2.38, 104.1, 9.7, 2.9], flat])
    lucky = np.append(math.log(10) + random.normal(0, 0.01, 59), 2.19)
    late = np.concatenate([flat, flat, np.linspace(2.29, 2.0, 30)])
    hundred = np.linspace(4.61, 3.6, 60)
    for losses, classes, stuck, name, next_step in (
        (flat, 10, True, "a flat curve at ln 10", "Compare the last losses with math.log(classes)."),
        (np.linspace(2.31, 1.6, 60), 10, False, "a curve that falls from 2.31 to 1.6", "It lies far below ln 10."),
        (jump, 10, True, "a curve that jumps to 104 and falls back to ln 10",
         "It ends lower than it began and yet at chance: compare with ln(classes), not with the start."),
        (lucky, 10, True, "a flat curve whose very last batch happens to be 2.19",
         f"One batch is noise: average the last {LAST} losses."),
        (late, 10, False, "a curve that is flat for 120 steps and then falls to 2.0",
         f"Look at the last {LAST} losses only; the plateau before is past."),
        (hundred, 100, False, "100 classes, falling from 4.61 to 3.6", "Chance depends on the number of classes."),
        (np.full(60, math.log(100)), 100, True, "100 classes, flat at ln 100", "Chance is ln(classes), not 2.303."),
        (np.append(flat, [math.nan] * LAST), 10, True, "a curve that ends in NaN",
         "Any comparison with NaN is False. Ask whether the mean is clearly below chance, and return the opposite."),
    ):  # fmt: skip
        received = function(losses.tolist(), classes)
        expect(received in (True, False) and bool(received) == stuck, f"{stuck} for {name}", received, next_step)


def check_one_change(change: dict, dataset) -> None:
    """Exercise 3: one choice, not the rate and not the depth, with which ``UNCURED`` learns on 2,000 images.

    Trains the network, which takes some ten seconds.
    """
    asked = "a dictionary with one choice of TrainingConfig, such as {'dropout': 0.5}"
    expect(isinstance(change, dict) and len(change) == 1, asked, change, "Change one thing at a time.")
    (name,) = change
    known = {field.name for field in fields(TrainingConfig)}
    expect(name in known, asked, f"unknown choice {name!r}", f"Known choices are {', '.join(sorted(known))}.")
    expect(
        name not in ("learning_rate", "configuration", "schedule"),
        "16 weight layers at a constant rate of 0.01: only something else may change",
        change,
        "The question is what lets a deep network bear a large rate.",
    )
    config = UNCURED.change(**change)
    expect(config != UNCURED, "another value than before", change, "This is what the run has already.")
    from vgg_lesson.training import train  # TensorFlow, only when a network is trained

    small = dataset.subset(train=min(2000, len(dataset.x_train)), validation=min(500, len(dataset.x_val)))
    run = train(config, small).run
    last = run.epochs[-1]
    expect(
        run.verdict == "learning",
        "a training accuracy of at least 15% in its last epoch",
        f"{change}: {run.verdict}, training loss {last['loss']:.3f}, accuracy {last['accuracy']:.1%}",
        "Try it in the panel, and see in the atlas which remedy bears the largest rate.",
    )
