"""Counting right and wrong answers: accuracy with its interval, confusions, scores per class, comparisons.

What needs the probabilities as well, calibration and thresholds, is in :mod:`vgg_lesson.calibration`;
its :func:`expected_calibration_error` can be imported from here too. NumPy only.

Labels and predictions are class numbers, (N,) integers; a confusion matrix is (classes, classes) counts. What does
not fit raises a ValueError that names it.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from vgg_lesson.calibration import expected_calibration_error as expected_calibration_error  # public here as well
from vgg_lesson.whole import is_whole, require_whole


class Interval(NamedTuple):
    """Two ends, ``low`` and ``high``, as shares of 1."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the distance between the ends."""
        return (self.high - self.low) / 2


def accuracy(labels, predictions) -> float:
    """Share of right answers, 0 to 1; ``labels`` and ``predictions`` are class numbers, (N,) integers each."""
    labels, predictions = _pair(labels, predictions)
    return float(np.mean(labels == predictions))


def wilson_interval(correct: int, total: int, level: float = 0.95) -> Interval:
    """Where the true accuracy may lie when ``correct`` of ``total`` answers were right.

    Wilson's score interval (E. B. Wilson, JASA 22, 1927): unlike ``p +- 2 standard errors`` it stays
    within 0 to 1 and keeps its level when nearly everything, or nothing, is right.

    Args:
        correct, total: counts, 0 <= correct <= total, total >= 1.
        level: how often such an interval is to hold the true value, in (0, 1).
    """
    if not (is_whole(total, 1) and is_whole(correct, 0) and correct <= total):
        raise ValueError(f"need counts, total >= 1 and correct <= total, received correct={correct!r}, total={total!r}")
    z = _quantile(level)
    share = correct / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    spread = z / (1 + z**2 / total) * (share * (1 - share) / total + z**2 / (4 * total**2)) ** 0.5
    # The outer ends are exactly 0 and 1 when nothing or everything is right; rounding would miss them.
    return Interval(centre - spread if correct else 0.0, centre + spread if correct < total else 1.0)


def accuracy_interval(labels, predictions, level: float = 0.95) -> Interval:
    """:func:`wilson_interval` of the accuracy of ``predictions``, (N,) class numbers each."""
    labels, predictions = _pair(labels, predictions)
    return wilson_interval(int(np.sum(labels == predictions)), len(labels), level)


def images_to_tell_apart(first: float, second: float, level: float = 0.95, power: float = 0.8) -> int:
    """Test images that each of two networks needs, on separate test sets, to show a difference.

    The usual sample size for two proportions: ``(z_level + z_power)**2 (p1 q1 + p2 q2) / (p1 - p2)**2``
    (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, chapter 4).

    Args:
        first, second: the true accuracies, different, strictly between 0 and 1.
        level: of the two-sided comparison.
        power: how often the difference is to be found, below 1 and above (1 - level) / 2, which luck alone gives.
    """
    if not (0 < first < 1 and 0 < second < 1 and first != second):
        raise ValueError(f"need two different accuracies between 0 and 1, received {first!r} and {second!r}")
    z, luck = _quantile(level), (1 - level) / 2
    if not luck < power < 1:
        raise ValueError(f"power must lie between (1 - level) / 2 = {luck:.4g} and 1, received {power!r}")
    z += NormalDist().inv_cdf(power)
    variance = first * (1 - first) + second * (1 - second)
    return int(np.ceil(z**2 * variance / (first - second) ** 2))


def confusion_matrix(labels, predictions, classes: int = 10) -> np.ndarray:
    """Count answers by truth and prediction.

    Args:
        labels, predictions: class numbers in 0 .. classes - 1, (N,) integers each.
        classes: number of classes.

    Returns:
        (classes, classes) int64: row = true class, column = predicted class.
    """
    require_whole("classes", classes, 1)
    labels, predictions = _pair(labels, predictions)
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.min() < 0 or values.max() >= classes:
            raise ValueError(f"{name} must lie in 0 .. {classes - 1}, received {values.min()} .. {values.max()}")
    return np.bincount(labels * classes + predictions, minlength=classes**2).reshape(classes, classes)


@dataclass(frozen=True)
class ClassScores:
    """Scores of each class, (classes,) arrays.

    Attributes:
        recall: share of the class's images that were recognised; NaN for a class without images.
        precision: share of the answers "this class" that were right; NaN for a class never answered.
        f1: harmonic mean of both, ``2 TP / (images + answers)``; NaN where there is neither.
        images: images of the class (its row sum).
        answers: how often the class was answered (its column sum).
    """

    recall: np.ndarray
    precision: np.ndarray
    f1: np.ndarray
    images: np.ndarray
    answers: np.ndarray


def per_class(matrix) -> ClassScores:
    """Recall, precision and F1 of every class, from a confusion matrix (rows = truth)."""
    matrix = _square(matrix)
    hits, images, answers = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return ClassScores(
        recall=_share(hits, images),
        precision=_share(hits, answers),
        f1=_share(2 * hits, images + answers),
        images=images,
        answers=answers,
    )


class Confusion(NamedTuple):
    """``images`` images of class ``true`` were taken for class ``predicted``."""

    true: int
    predicted: int
    images: int


def most_confused(matrix, count: int = 5) -> list[Confusion]:
    """The most frequent errors of a confusion matrix, at most ``count``, most frequent first."""
    matrix = _square(matrix)
    require_whole("count", count, 0)
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")[:count]
    places = zip(*np.unravel_index(order, matrix.shape), strict=True)
    cells = [Confusion(int(true), int(answer), int(matrix[true, answer])) for true, answer in places]
    return [cell for cell in cells if cell.images]


@dataclass(frozen=True)
class Comparison:
    """Two networks on the same images.

    Attributes:
        only_first, only_second: images that only this one answered rightly. Where both are right or
            both wrong, the images say nothing about which is better.
        difference: accuracy of the second minus that of the first.
        interval: 95% bootstrap interval of the difference.
        p_value: of McNemar's exact test: how often two equally good networks would differ that much.
    """

    only_first: int
    only_second: int
    difference: float
    interval: Interval
    p_value: float

    def __str__(self) -> str:
        low, difference, high = (100 * share for share in (self.interval.low, self.difference, self.interval.high))
        return (
            f"only the first right: {self.only_first}, only the second: {self.only_second}; difference "
            f"{difference:+.1f} points (95% interval {low:+.1f} to {high:+.1f}), p = {self.p_value:.2g}"
        )


def compare(labels, first, second, *, repeats: int = 10_000, seed: int = 0) -> Comparison:
    """Compare the answers of two networks to the same images.

    McNemar's test in its exact form (Q. McNemar, Psychometrika 12, 1947; recommended for one test set
    by Dietterich, Neural Computation 10, 1998) and a paired bootstrap (Efron and Tibshirani, 1993).

    Args:
        labels, first, second: class numbers, (N,) integers each.
        repeats, seed: of the bootstrap; repeats at least 1.
    """
    require_whole("repeats", repeats, 1)
    labels, first = _pair(labels, first)
    _, second = _pair(labels, second)
    only_first = int(np.sum((first == labels) & (second != labels)))
    only_second = int(np.sum((first != labels) & (second == labels)))
    total = len(labels)
    # An image adds -1, +1 or 0 to the difference, so resampling images means resampling three counts.
    shares = np.array([only_first, only_second, total - only_first - only_second]) / total
    drawn = np.random.default_rng(seed).multinomial(total, shares, size=repeats)
    low, high = np.quantile((drawn[:, 1] - drawn[:, 0]) / total, [0.025, 0.975])
    return Comparison(
        only_first=only_first,
        only_second=only_second,
        difference=(only_second - only_first) / total,
        interval=Interval(float(low), float(high)),
        p_value=_sign_test(only_first, only_second),
    )


def _sign_test(one: int, other: int) -> float:
    """Two-sided probability of a split at least this uneven, by fair coin; whole numbers throughout."""
    tosses, ways, term = one + other, 0, 1
    for heads in range(min(one, other) + 1):
        ways += term
        term = term * (tosses - heads) // (heads + 1)
    return min(1.0, 2 * ways / 2**tosses)


def _quantile(level: float) -> float:
    if not 0 < level < 1 or (1 + level) / 2 == 1:  # rounded to it
        raise ValueError(f"level must lie between 0 and 1, received {level!r}")
    return NormalDist().inv_cdf((1 + level) / 2)


def _share(part, whole) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _square(matrix) -> np.ndarray:
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.issubdtype(matrix.dtype, np.integer):
        raise ValueError(f"need a square matrix of counts, received shape {matrix.shape} of {matrix.dtype}")
    if matrix.size and matrix.min() < 0:
        raise ValueError(f"counts must be at least 0, received {matrix.min()}")
    return matrix.astype(np.int64)  # a copy, whose counts can be negated


def _pair(labels, predictions) -> tuple[np.ndarray, np.ndarray]:
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.ndim != 1 or not len(values) or not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"{name} must be class numbers, (N,) integers, received {values.shape} of {values.dtype}")
    if len(labels) != len(predictions):
        raise ValueError(f"received {len(labels)} labels but {len(predictions)} predictions")
    return labels.astype(np.int64), predictions.astype(np.int64)
