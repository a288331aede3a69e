"""Does a network know when it is wrong? Probabilities against what really happened. NumPy only.

Everywhere ``probabilities`` is (N, classes), each row the softmax output for one image, and
``labels`` is (N,) class numbers. The confidence of an answer is the largest number of its row.
What does not fit raises a ValueError that names it.
"""

from dataclasses import dataclass

import numpy as np

from vgg_lesson.whole import require_whole

SMALLEST = 2.0**-24
"""The smallest positive float16. A recorded 0 means "below this", so logarithms use it as floor."""
TEMPERATURES = (0.05, 20.0)
"""Bounds of :func:`fit_temperature`."""


@dataclass(frozen=True)
class Reliability:
    """Answers sorted into bins by confidence, (bins,) arrays.

    Attributes:
        edges: (bins + 1,) limits; a bin holds confidences above its lower and up to its upper limit.
        images: answers in the bin.
        confidence: their mean confidence; NaN in an empty bin.
        accuracy: the share of them that is right; NaN in an empty bin.
    """

    edges: np.ndarray
    images: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of accuracy and confidence, weighted by images."""
        filled = self.images > 0
        gaps = np.abs(self.accuracy - self.confidence)[filled]
        return float(np.sum(gaps * self.images[filled]) / self.images.sum())


def reliability(probabilities, labels, bins: int = 15) -> Reliability:
    """Sort answers into ``bins`` equally wide bins of confidence (Guo et al., arXiv 1706.04599)."""
    probabilities, labels = checked(probabilities, labels)
    require_whole("bins", bins, 1)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    images = np.bincount(place, minlength=bins)

    def mean(values):
        sums = np.bincount(place, weights=values, minlength=bins)
        return np.divide(sums, images, out=np.full(bins, np.nan), where=images > 0)

    return Reliability(edges, images, mean(confidence), mean(right))


def expected_calibration_error(probabilities, labels, bins: int = 15) -> float:
    """How far confidence and accuracy lie apart on average, 0 to 1; see :class:`Reliability`."""
    return reliability(probabilities, labels, bins).error


def negative_log_likelihood(probabilities, labels) -> float:
    """Mean of ``-ln p(true class)`` in nats: the cross-entropy that training minimises."""
    probabilities, labels = checked(probabilities, labels)
    true = probabilities[np.arange(len(labels)), labels]
    return float(np.mean(np.abs(np.log(np.maximum(true, SMALLEST)))))  # not -mean: of 0 that is -0


def brier_score(probabilities, labels) -> float:
    """Mean squared distance of the output from the one-hot target, 0 (perfect) to 2 (Brier, 1950)."""
    probabilities, labels = checked(probabilities, labels)
    target = np.eye(probabilities.shape[1])[labels]
    return float(np.mean(np.sum((probabilities - target) ** 2, axis=1)))


def at_temperature(probabilities, temperature: float) -> np.ndarray:
    """What the softmax would give with all logits divided by ``temperature`` (> 0).

    The logits need not be known: ``ln p`` differs from them by one constant a row, which softmax
    does not see. Above 1 the outputs become more cautious, below 1 bolder; their order stays.
    Logits themselves are refused.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature must be a finite number above 0, received {temperature!r}")
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2:
        raise ValueError(f"probabilities must have shape (N, classes), received {probabilities.shape}")
    _require_softmax(probabilities)
    scaled = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def fit_temperature(probabilities, labels) -> float:
    """The temperature with the smallest negative log likelihood (Guo et al., arXiv 1706.04599).

    Fit it on validation images; judge the result on others. The likelihood is convex in
    1 / temperature, so the sign of its slope leads to the minimum by bisection. The answer lies
    within ``TEMPERATURES``; it is a bound when, for example, every answer is right.
    """
    probabilities, labels = checked(probabilities, labels)
    logits = np.log(np.maximum(probabilities, SMALLEST))
    true = logits[np.arange(len(labels)), labels]

    def slope(inverse):  # of the negative log likelihood, by 1 / temperature
        return np.mean(np.sum(at_temperature(probabilities, 1 / inverse) * logits, axis=1) - true)

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(50):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float(1 / (low * high) ** 0.5)


@dataclass(frozen=True)
class Selection:
    """What happens when only confident answers are given.

    Attributes:
        threshold: an answer is given when its confidence is at least this; else "I don't know".
        images, answered, right: counts.
    """

    threshold: float
    images: int
    answered: int
    right: int

    @property
    def coverage(self) -> float:
        """Share of the images that get an answer."""
        return self.answered / self.images

    @property
    def accuracy(self) -> float:
        """Share of the given answers that is right; NaN when none is given."""
        return self.right / self.answered if self.answered else float("nan")


def select(probabilities, labels, threshold: float) -> Selection:
    """Answer only where the confidence is at least ``threshold``, in 0 .. 1."""
    return selection_curve(probabilities, labels, [threshold])[0]


def selection_curve(probabilities, labels, thresholds=None) -> list[Selection]:
    """:func:`select` at each threshold; by default 0.00, 0.01, ..., 1.00."""
    probabilities, labels = checked(probabilities, labels)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    curve = []
    for threshold in np.arange(101) / 100 if thresholds is None else thresholds:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold must lie in 0 .. 1, received {threshold!r}")
        given = confidence >= threshold
        curve.append(Selection(float(threshold), len(labels), int(given.sum()), int((given & right).sum())))
    return curve


def confident_errors(probabilities, labels, count: int = 12) -> np.ndarray:
    """Places (0 .. N - 1) of the wrong answers, most confident first, at most ``count``."""
    probabilities, labels = checked(probabilities, labels)
    require_whole("count", count, 0)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")][:count]


def checked(probabilities, labels) -> tuple[np.ndarray, np.ndarray]:
    """The arguments as float64 (N, classes) and int64 (N,).

    Raises:
        ValueError: other shapes, labels outside 0 .. classes - 1, or rows that are no probabilities
            (not within 0 .. 1, or a sum further than 0.01 from 1: float16 rounds).
    """
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or not len(probabilities):
        raise ValueError(f"probabilities must have shape (N, classes), N at least 1, received {probabilities.shape}")
    if labels.shape != probabilities.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be {len(probabilities)} class numbers (integers), received {labels.shape} of {labels.dtype}"
        )
    classes = probabilities.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must lie in 0 .. {classes - 1}, received {labels.min()} .. {labels.max()}")
    _require_softmax(probabilities)
    return probabilities, labels.astype(np.int64)


def _require_softmax(probabilities: np.ndarray) -> None:
    with np.errstate(invalid="ignore"):
        within = (probabilities >= 0) & (probabilities <= 1 + 1e-6)  # float32 rounds, too
        fits = within.all(axis=1) & (np.abs(probabilities.sum(axis=1) - 1) <= 0.01)
    if not fits.all():
        row = int(np.flatnonzero(~fits)[0])
        raise ValueError(
            f"each row of probabilities must lie in 0 .. 1 and sum to 1 (a softmax output); row {row} is "
            f"{np.round(probabilities[row], 3).tolist()}"
        )
