"""Checks of lesson 3: counting steps, an early alarm for a stuck training, and a rate read off the atlas."""

import math
from collections.abc import Callable

import numpy as np

from vgg_lesson.checks.common import answer_of, expect

CLEARLY_BELOW = 0.05
"""Exercise 2: how far below chance, in nats, the last losses must lie on average."""
LAST = 10
"""Exercise 2: how many losses are averaged."""


def check_count_steps(function: Callable[[int, int, int], int]) -> None:
    """Exercise 1: ``function(images, batch_size, epochs) -> steps``."""
    for images, batch_size, epochs, steps, next_step in (
        (40_000, 32, 10, 12_500, "How many batches are in one epoch, and how many epochs are there?"),
        (1_000, 32, 1, 32, "31 full batches leave 8 images over. They make a step, too: round up."),
        (1_000, 32, 3, 96, "Every epoch ends with its own small batch: round up first, then multiply."),
        (20, 32, 2, 2, "A batch that is larger than the data still makes one step an epoch."),
    ):
        asked = f"{steps:,} steps for {images:,} images, batches of {batch_size}, {epochs} epochs"
        received = answer_of(function, (images, batch_size, epochs), asked, next_step)
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
    jump = np.concatenate([[2.25, 186.3, 2.74, 2.35], flat])
    high = np.concatenate([np.linspace(2.59, 2.31, 20), flat])
    barely = np.linspace(2.303, 2.28, 60)
    lucky = np.append(math.log(10) + random.normal(0, 0.01, 59), 2.19)
    late = np.concatenate([flat, flat, np.linspace(2.29, 2.0, 30)])
    five = np.append(flat, [2.22] * 5)
    above = np.append(flat, np.linspace(2.3, 3.0, 20))
    broken = np.linspace(2.31, 1.6, 60)
    broken[-4] = math.nan
    hundred = np.linspace(4.61, 3.6, 60)
    for losses, classes, stuck, name, next_step in (
        (flat, 10, True, "a flat curve at ln 10", "Compare the last losses with math.log(classes)."),
        (np.linspace(2.31, 1.6, 60), 10, False, "a curve that falls from 2.31 to 1.6",
         f"It lies far below ln 10: look at the last {LAST} losses."),
        (jump, 10, True, "a curve that jumps to 186 and falls back to ln 10",
         f"It comes back to chance and stays there. Only the last {LAST} losses count."),
        (high, 10, True, "a curve that begins at 2.59, falls to ln 10 and stays there",
         "It ends below its start, and yet at chance: compare with ln(classes), not with the first loss."),
        (barely, 10, True, "a curve that falls from 2.303 to 2.28",
         f"That is not yet {CLEARLY_BELOW} below ln(classes)."),
        (lucky, 10, True, "a flat curve whose very last batch happens to be 2.19",
         f"One batch is noise: average the last {LAST} losses."),
        (five, 10, True, "a flat curve whose last five losses are 2.22",
         f"Their mean is low, that of the last {LAST} is not yet {CLEARLY_BELOW} below ln(classes)."),
        (above, 10, True, "a curve that is flat and then climbs to 3.0",
         "Worse than guessing is not learned either. Only a mean clearly below ln(classes) gives False."),
        (late, 10, False, "a curve that is flat for 120 steps and then falls to 2.0",
         f"Look at the last {LAST} losses only; the plateau before is past."),
        (np.append(flat, [2.23] * LAST), 10, False, "a flat curve whose last ten losses are 2.23",
         f"They lie {CLEARLY_BELOW} below ln 10: average exactly the last {LAST}, subtract exactly {CLEARLY_BELOW}."),
        (np.append(flat, [2.25] * LAST), 10, False, "a flat curve whose last ten losses are 2.25",
         f"They lie 0.053 below ln 10, and {CLEARLY_BELOW} is enough."),
        (np.append(flat, [2.256] * LAST), 10, True, "a flat curve whose last ten losses are 2.256",
         f"They lie 0.047 below ln 10, and it takes {CLEARLY_BELOW}."),
        (np.append(flat, [2.22] * 6 + [2.32] * 4), 10, True, "a flat curve whose last ten losses are 2.22 or 2.32",
         "Take their mean, not what lies in the middle."),
        (np.append(flat, [2.0] * 9 + [2.3]), 10, False, "a flat curve, then nine losses of 2.0 and one of 2.3",
         f"One batch is noise: take the mean of the last {LAST}."),
        (hundred, 100, False, "100 classes, falling from 4.61 to 3.6", "Chance depends on the number of classes."),
        (np.full(60, math.log(100)), 100, True, "100 classes, flat at ln 100", "Chance is ln(classes), not 2.303."),
        (np.append(flat, [math.nan] * LAST), 10, True, "a curve that ends in NaN",
         "Any comparison with NaN is False. Ask whether the mean is clearly below chance, and return the opposite."),
        (broken, 10, True, f"a falling curve with one NaN among the last {LAST} losses",
         "Do not skip the NaN: np.mean of the ten is NaN, too, and NaN lies below nothing."),
    ):  # fmt: skip
        asked = f"{stuck} for {name}"
        received = answer_of(function, (losses.tolist(), classes), asked, next_step)
        expect(not isinstance(received, str), asked, f"the text {received!r}", "True and False without quotes.")
        expect(isinstance(received, bool | np.bool_) and bool(received) == stuck, asked, received, next_step)


def check_largest_safe_rate(function: Callable) -> None:
    """Exercise 3: ``function(counts, depth) -> rate or None``, from a map (depth, rate) -> (learned, runs)."""
    full = {(16, 1e-4): (3, 3), (16, 1e-3): (3, 3), (16, 1e-2): (1, 3), (16, 1e-1): (0, 3)}
    unsorted = {(11, 1e-3): (3, 3), (11, 1e-5): (3, 3), (11, 1e-4): (3, 3)}
    for counts, depth, rate, name, next_step in (
        (full, 16, 1e-3, "a map with 3 of 3, 3 of 3, 1 of 3 and 0 of 3 at growing rates",
         "Every recorded run must have learned: compare `learned` with `runs`."),
        (full | {(16, 1e-2): (2, 3)}, 16, 1e-3, "a map where at one place 2 of 3 runs learned",
         "One run did not learn there: compare `learned` with `runs`."),
        ({(11, 1e-3): (2, 2)}, 11, 1e-3, "a map with 2 of 2 runs at one rate", "Two of two runs are enough."),
        (unsorted, 11, 1e-3, "a map whose rates are in no order", "Do not rely on the order: take the maximum."),
        (full | {(16, 1e-1): (0, 0)}, 16, 1e-3, "a map with a place that was not run",
         "A place with 0 runs has as many that learned as it has runs, and says nothing. Ask for at least two."),
        (full | {(16, 1e-2): (1, 1)}, 16, 1e-3, "a map where one place has a single run, which learned",
         "One run may be luck. Ask for at least two."),
        (full | {(16, 1e-4): (2, 3)}, 16, 1e-3, "a map where at a smaller rate one run did not learn",
         "The largest is asked for, whatever happened at smaller ones: look at all places of this depth."),
        (full | {(11, 1e-1): (3, 3)}, 16, 1e-3, "a map where 11 layers bear more than 16",
         "Look at the places of the asked depth only."),
        (full, 19, None, "a map without this depth", "Where no place fits, return None."),
        ({(16, 1e-3): (1, 1), (16, 1e-2): (0, 0)}, 16, None, "a map with single runs only",
         "No place has two runs: return None."),
    ):  # fmt: skip
        asked = f"{'None' if rate is None else f'the rate {rate:g}'} for {depth} layers in {name}"
        received = answer_of(function, (dict(counts), depth), asked, next_step)
        is_rate = isinstance(received, int | float | np.number) and not isinstance(received, bool)
        right = received is None if rate is None else is_rate and math.isclose(received, rate)
        said = f"the rate {received:g}" if is_rate else None if received is None else received
        expect(right, asked, "None" if said is None else said, next_step)
