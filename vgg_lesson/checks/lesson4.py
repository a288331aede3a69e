"""Checks of lesson 4: recall and precision, a threshold for "I don't know", and Grad-CAM by hand."""

import math
from collections.abc import Callable

import numpy as np

from vgg_lesson.calibration import select
from vgg_lesson.checks.common import answer_of, as_array, describe, expect, is_number, plain

START = "Count only the images with a confidence of at least the threshold: how many, and how many of these right?"
PAST = "That one fits, too, but a smaller one does as well: go from the lowest upwards and return the first that fits."
NEVER_ANSWERED = 'Ask first whether the column\'s sum is 0, and return float("nan") as the precision then.'


def check_recall_and_precision(function: Callable) -> None:
    """Exercise 1: ``function(matrix, k) -> (recall, precision)`` of class k; rows of the matrix are the truth."""
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
        NEVER_ANSWERED,
    )


def _two_numbers(function: Callable, matrix: np.ndarray, k: int) -> tuple[float, float]:
    asked = f"two numbers (recall, precision) for class {k} of a 3 × 3 matrix"
    before, never = matrix.copy(), not matrix[:, k].any()
    result = answer_of(function, (matrix, k), asked, NEVER_ANSWERED if never else "End with: return recall, precision")
    expect(np.array_equal(matrix, before), "the matrix left as it is", "a changed matrix", "Work on a copy.")
    pair = isinstance(result, tuple | list | np.ndarray) and len(result) == 2
    expect(pair and all(np.ndim(number) == 0 for number in result), asked, result, "End with: return recall, precision")
    expect(all(map(is_number, result)), asked, result, NEVER_ANSWERED if never else "Both must be numbers.")
    recall, precision = result
    return float(plain(recall)), float(plain(precision))


def _expect_share(what: str, whose: str, received: float, part: int, whole: int, mistaken: dict[float, str]) -> None:
    hint = next(
        (f"That is {name}: " for value, name in mistaken.items() if math.isclose(received, value, abs_tol=1e-4)), ""
    )
    hint = "A share from 0 to 1 is asked for, no percent: " if received > 1 else hint
    line = "row (all images of the class)" if what == "recall" else "column (all answers of the class)"
    expect(
        math.isclose(received, part / whole, abs_tol=1e-4),  # rounded to four decimals
        f"{what} of {whose}: {part} of {whole} = {part / whole:.4f}",
        received,
        f"{hint}{what} divides the hits on the diagonal by the sum of a {line}.",
    )


def check_choose_threshold(function: Callable) -> None:
    """Exercise 2: ``function(probabilities, labels, wanted)`` gives the smallest threshold of 0.00, 0.01, ..., 1.00
    for which at least the share ``wanted`` of the given answers is right, or None where there is none."""
    for wanted, probabilities, labels, trap in _threshold_cases():
        grid = [select(probabilities, labels, step / 100) for step in range(101)]
        fitting = [step.threshold for step in grid if step.answered and step.right >= wanted * step.answered]
        asked = "None, because no threshold makes enough of the answers right"
        if fitting:
            best = select(probabilities, labels, fitting[0])
            asked = (
                f"{fitting[0]:.2f} for at least {wanted:.0%} right: then {best.right} of {best.answered} answers are "
                f"right, and {best.images - best.answered} of {best.images} images get none"
            )
        found = answer_of(function, (probabilities.copy(), labels.copy(), wanted), asked, trap)
        if not fitting:
            expect(found is None, asked, found, trap)
            continue
        expect(found is not None, asked, found, trap)
        expect(isinstance(found, int | float | np.number), asked, found, "Return the threshold itself, one number.")
        received = describe(float(found))
        if 0 <= found <= 1:
            given = select(probabilities, labels, float(found))
            received += f": then {given.right} of {given.answered} answers are right"
        past = any(abs(found - other) < 1e-6 for other in fitting[1:])
        expect(abs(found - fitting[0]) < 1e-6, asked, received, PAST if past and trap is START else trap)


def _threshold_cases():
    """Wanted share, probabilities, labels, and the next step for who fails here."""
    rng = np.random.default_rng(4)
    logits = 2 * rng.normal(size=(400, 5))
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (soft.cumsum(axis=1) < rng.random((400, 1))).sum(axis=1).clip(0, 4)
    yield 0.9, _two_classes([0.555, 0.655, 0.755, 0.855]), np.array([1, 1, 0, 0]), START
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
    yield 0.8, soft, labels, START


def _two_classes(confidences) -> np.ndarray:
    """Outputs that answer class 0 with these confidences."""
    return np.array([[confidence, 1 - confidence] for confidence in confidences])


def check_heat_map(function: Callable) -> None:
    """Exercise 3: ``function(maps, gradients)``, both (H, W, channels), gives the Grad-CAM map (H, W)."""
    rng = np.random.default_rng(4)
    # Two maps of 2 x 3: the first speaks for the class (mean gradient 2), the second against it (mean -1).
    maps = np.array([[[1, 0], [2, 3], [0, 4]], [[0, 0], [1, 2], [3, 3]]], float)
    gradients = np.array([[[2, -1], [0, 0], [4, -2]], [[1, -1], [3, -3], [2, 1]]], float)
    for these, slopes in ((maps, gradients), (rng.random((4, 4, 8)), rng.normal(size=(4, 4, 8)))):
        given = these.copy(), slopes.copy()
        height, width, _ = these.shape
        asked = f"an array of shape {(height, width)}, one number for each place of the maps"
        next_step = "Look at the shapes: (height, width, filters) times (filters,)."
        found = as_array(answer_of(function, given, asked, next_step))
        expect(
            np.array_equal(given[0], these) and np.array_equal(given[1], slopes),
            "maps and gradients left as they are",
            "a changed array",
            "Make new arrays: no *= and no assignment into the arguments.",
        )
        expect(
            isinstance(found, np.ndarray) and found.shape == (height, width),
            asked,
            found,
            "One weight for each map (the mean over axes 0 and 1), then add the weighted maps up (axis -1).",
        )
        total = (these * slopes.mean(axis=(0, 1))).sum(axis=-1)
        _expect_heat(np.asarray(found, float), total, these, slopes)


def _expect_heat(found: np.ndarray, total: np.ndarray, maps: np.ndarray, gradients: np.ndarray) -> None:
    """``total`` is the weighted sum of the maps before the negative part is cut off."""
    places, channels = maps[..., 0].size, maps.shape[-1]
    slips = (
        (total, "Last step: places with a negative sum become 0, as in a ReLU."),
        (places * np.maximum(total, 0), "The weight of a map is the mean of its gradients, not their sum."),
        (np.maximum(total, 0) / channels, "Add the weighted maps up; their mean is not asked for."),
        (
            np.maximum((maps * gradients).sum(axis=-1), 0),
            "Each map has one weight, the mean of its gradients over all places; you multiplied place by place.",
        ),
        # For maps that are nowhere negative, this is also what cutting off each weighted map gives.
        (
            (maps * np.maximum(gradients.mean(axis=(0, 1)), 0)).sum(axis=-1),
            "A map with a negative weight counts, too: add all weighted maps up before you cut off what is negative.",
        ),
        (np.abs(total), "A negative sum speaks against the class: it becomes 0, not positive."),
    )
    asked = np.maximum(total, 0)
    hint = next((words for slip, words in slips if np.allclose(found, slip)), "Go through the four steps in order.")
    row = int(np.argmin(np.isclose(found, asked).all(axis=1)))  # the first that differs
    expect(np.allclose(found, asked), f"{np.round(asked[row], 3)} in row {row}", f"{np.round(found[row], 3)}", hint)
