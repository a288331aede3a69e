"""Checks of lesson 4: how many images, recall and precision, and a threshold for "I don't know"."""

import math
from collections.abc import Callable

import numpy as np

from vgg_lesson.calibration import select
from vgg_lesson.checks.common import describe, expect
from vgg_lesson.metrics import wilson_interval

SHARE, REACH, STEP = 0.85, 0.01, 100
"""Exercise 1: an accuracy, how far its interval may reach, and to what the answer is rounded."""


def check_images_needed(images: int) -> None:
    """Exercise 1: the smallest test set, in hundreds, whose 95% interval at 85% reaches 1 point each way."""
    asked = f"the smallest multiple of {STEP} for which the interval's half width is at most {REACH}"
    expect(
        isinstance(images, int | np.integer) and images > 0 and images % STEP == 0,
        asked,
        images,
        "Give a whole number of images such as 1_000.",
    )
    width = wilson_interval(round(SHARE * images), int(images)).half_width
    expect(
        width <= REACH,
        asked,
        f"{images:,} images, half width {width:.4f}",
        "Too few. Four times as many images halve the width.",
    )
    before = images - STEP
    narrower = before == 0 or wilson_interval(round(SHARE * before), before).half_width > REACH
    expect(
        narrower,
        asked,
        f"{images:,} images, half width {width:.4f}; but {before:,} are enough, too",
        "Fewer will do. Halve the distance to the largest number that you know is too small.",
    )


def check_recall_and_precision(function: Callable) -> None:
    """Exercise 2: ``function(matrix, k) -> (recall, precision)`` of class k; rows of the matrix are the truth."""
    matrix = np.array([[50, 0, 10], [5, 0, 15], [25, 0, 95]])
    for k, name in ((0, "class 0"), (2, "class 2")):
        recall, precision = _two_numbers(function, matrix, k)
        hits, images, answers = matrix[k, k], matrix[k].sum(), matrix[:, k].sum()
        _expect_share("recall", name, recall, hits, images, {hits / answers: "the precision"})
        _expect_share("precision", name, precision, hits, answers, {hits / images: "the recall"})
    recall, precision = _two_numbers(function, matrix, 1)
    _expect_share("recall", "class 1 (never answered)", recall, 0, 20, {})
    expect(
        math.isnan(precision),
        'nan as the precision of class 1, which is never answered: of no answers, no share can be right ("0 of 0")',
        precision,
        'Ask first whether the column\'s sum is 0, and return float("nan") then.',
    )


def _two_numbers(function: Callable, matrix: np.ndarray, k: int) -> tuple[float, float]:
    asked = f"two numbers (recall, precision) for class {k} of a 3 x 3 matrix"
    before = matrix.copy()
    try:
        result = function(matrix, k)
    except ZeroDivisionError:
        result = "a division by zero"
    expect(np.array_equal(matrix, before), "the matrix left as it is", "a changed matrix", "Work on a copy.")
    right = isinstance(result, tuple | list | np.ndarray) and len(result) == 2
    expect(
        right and all(np.ndim(number) == 0 for number in result), asked, result, "End with: return recall, precision"
    )
    recall, precision = result
    return float(recall), float(precision)


def _expect_share(what: str, whose: str, received: float, part: int, whole: int, mistaken: dict[float, str]) -> None:
    hint = next((f"That is {name}: " for value, name in mistaken.items() if math.isclose(received, value)), "")
    line = "row (all images of the class)" if what == "recall" else "column (all answers of the class)"
    expect(
        math.isclose(received, part / whole, abs_tol=1e-9),
        f"{what} of {whose}: {part} of {whole} = {part / whole:.4f}",
        received,
        f"{hint}{what} divides the hits on the diagonal by the sum of a {line}.",
    )


def check_choose_threshold(function: Callable) -> None:
    """Exercise 3: ``function(probabilities, labels, wanted)`` gives the smallest threshold of 0.00, 0.01, ..., 1.00
    for which at least the share ``wanted`` of the given answers is right, or None where there is none."""
    for wanted, probabilities, labels, trap in _threshold_cases():
        grid = [select(probabilities, labels, step / 100) for step in range(101)]
        fitting = [step.threshold for step in grid if step.answered and step.right >= wanted * step.answered]
        found = function(probabilities.copy(), labels.copy(), wanted)
        if not fitting:
            expect(found is None, "None, because no threshold makes enough of the answers right", found, trap)
            continue
        best = select(probabilities, labels, fitting[0])
        asked = (
            f"{fitting[0]:.2f} for at least {wanted:.0%} right: then {best.right} of {best.answered} answers are "
            f"right, and {best.images - best.answered} of {best.images} images get none"
        )
        expect(found is not None, asked, found, trap)
        expect(isinstance(found, int | float | np.number), asked, found, "Return the threshold itself, one number.")
        received = describe(float(found))
        if 0 <= found <= 1:
            given = select(probabilities, labels, float(found))
            received += f": then {given.right} of {given.answered} answers are right"
        expect(abs(found - fitting[0]) < 1e-6, asked, received, trap)


def _threshold_cases():
    """Wanted share, probabilities, labels, and the next step for who fails here."""
    rng = np.random.default_rng(4)
    logits = 2 * rng.normal(size=(400, 5))
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (soft.cumsum(axis=1) < rng.random((400, 1))).sum(axis=1).clip(0, 4)
    start = "Count only the images with a confidence of at least the threshold: how many, and how many of these right?"
    yield 0.9, _two_classes([0.555, 0.655, 0.755, 0.855]), np.array([1, 1, 0, 0]), start
    # Both an image's confidence and the share right lie exactly on a limit: "at least" must mean at least.
    yield (
        0.75,
        _two_classes([0.75, 0.8, 0.85, 0.9, 0.95]),
        np.array([1, 1, 0, 0, 0]),
        (
            "An image whose confidence equals the threshold is answered, and exactly the wanted share is enough: "
            'both comparisons are ">=".'
        ),
    )
    # Right, wrong, right from below: the share rises and falls with the threshold.
    yield (
        0.7,
        _two_classes([0.6] * 6 + [0.7] * 3 + [0.9] * 2),
        np.array([0] * 6 + [1] * 2 + [0] + [0] * 2),
        (
            "The share right does not always grow with the threshold: "
            "go through all of them from the lowest and take the first that fits."
        ),
    )
    yield (
        0.9,
        _two_classes([0.6, 0.8, 0.9]),
        np.array([1, 1, 1]),
        ("When nothing is answered, no share is right; do not count that as a success."),
    )
    yield 0.8, soft, labels, start


def _two_classes(confidences) -> np.ndarray:
    """Outputs that answer class 0 with these confidences."""
    return np.array([[confidence, 1 - confidence] for confidence in confidences])
