"""The bar to beat: what guessing costs, and two classifiers that are no network. NumPy only."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vgg_lesson.preprocessing import ChannelStatistics, fit_statistics, preprocess


def entropy(counts) -> float:
    """The lowest cross-entropy that one and the same answer to every image can reach, in nats.

    That answer gives each class its share of the labels: ``sum(-share * ln(share))``; for ten equally
    frequent classes ln 10 = 2.303.

    Args:
        counts: (classes,) number of images of each class, not negative, not all 0.

    Raises:
        ValueError: other counts.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 1 or not np.all(counts >= 0) or not counts.sum() > 0:
        raise ValueError(f"counts must be a list of numbers >= 0 with a sum above 0, received {counts.tolist()}")
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def majority_share(labels) -> float:
    """Share of the most frequent class: the accuracy of one and the same answer to every image.

    Args:
        labels: (N,) class numbers or names, at least one.
    """
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


class Guessing(NamedTuple):
    """What the best answer reaches that is the same for every image: a cross-entropy in nats, and an accuracy."""

    classes: int
    loss: float
    accuracy: float

    @classmethod
    def among(cls, counts) -> "Guessing":
        """From the number of images of each class, (classes,), as :func:`entropy` takes them."""
        return cls(len(counts), entropy(counts), float(np.max(counts) / np.sum(counts)))

    @classmethod
    def from_labels(cls, labels, classes: int) -> "Guessing":
        """From class numbers in 0 .. classes - 1, at least one of them."""
        return cls.among(np.bincount(labels, minlength=classes))

    @property
    def even(self) -> bool:
        """Whether the classes are equally frequent: then the loss is ln(classes), the accuracy 1/classes."""
        return math.isclose(self.accuracy, 1 / self.classes)


AMONG_TEN = Guessing.among([1] * 10)
"""Ten equally frequent classes, as in CIFAR-10: a loss of ln 10 = 2.303, an accuracy of 10%."""


def shrink(images: np.ndarray, side: int) -> np.ndarray:
    """Make images smaller: each new pixel is the mean of the square of pixels that it replaces.

    Args:
        images: (N, H, W, C), H and W multiples of ``side``; any number type.
        side: height and width of the result.

    Returns:
        (N, side, side, C) float32.

    Raises:
        ValueError: a side that does not divide H and W.
    """
    number, height, width, channels = images.shape
    if side < 1 or height % side or width % side:
        raise ValueError(f"side must divide height and width {height} x {width}, received {side!r}")
    # Rows first, then columns: both sums run over contiguous memory, many times faster than one over both axes.
    rows = images.reshape(number, side, height // side, width * channels).sum(axis=2, dtype=np.float32)
    sums = rows.reshape(number, side, side, width // side, channels).sum(axis=3)
    return sums * np.float32(side * side / (height * width))


def class_means(images: np.ndarray, labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """The average image of each class.

    Args:
        images: (N, H, W, C).
        labels: (N,) class numbers; every class must occur.

    Returns:
        (classes, H, W, C) float64.

    Raises:
        ValueError: labels that are no class numbers of these images, or a class without images.
    """
    labels = _class_numbers(labels, len(images), classes)
    missing = np.setdiff1d(np.arange(classes), labels)
    if missing.size:
        raise ValueError(f"every class needs an image, there is none of {missing.tolist()}")
    return np.stack([images[labels == number].mean(axis=0) for number in range(classes)])


def nearest_mean(images: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Answer with the class whose mean image is nearest, by the sum of squared differences.

    Args:
        images: (N, H, W, C).
        means: (classes, H, W, C), see :func:`class_means`.

    Returns:
        (N,) int64 class numbers.
    """
    flat = means.reshape(len(means), -1).astype(np.float64)  # squares of bytes do not fit into bytes
    # |x - m|^2 = |x|^2 - 2 x.m + |m|^2, and |x|^2 is the same for all classes.
    products = images.reshape(len(images), -1).astype(np.float32) @ flat.T.astype(np.float32)
    return np.argmin((flat**2).sum(axis=1) - 2 * products, axis=1)


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """A network's last layer by itself: weights times pixels, and softmax.

    Attributes:
        weights: (side * side * C, classes) float32.
        biases: (classes,) float32.
        side: images are shrunk to this height and width first.
        statistics: of the training images, for preprocessing "standardise".
    """

    weights: np.ndarray
    biases: np.ndarray
    side: int
    statistics: ChannelStatistics

    def logits(self, images: np.ndarray) -> np.ndarray:
        """One number a class, (N, classes), for (N, H, W, C) uint8 images; softmax makes them probabilities."""
        return _inputs(images, self.side, self.statistics) @ self.weights + self.biases

    def predict(self, images: np.ndarray) -> np.ndarray:
        """(N,) class numbers for (N, H, W, C) uint8 images."""
        return self.logits(images).argmax(axis=1)

    def loss(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Mean cross-entropy in nats, to be compared with ln(classes)."""
        return float(-_log_softmax(self.logits(images))[np.arange(len(labels)), labels].mean())


def fit_linear(
    images: np.ndarray, labels: np.ndarray, *, classes: int = 10, side: int = 8, epochs: int = 5, seed: int = 0
) -> LinearClassifier:
    """Train a linear softmax classifier by stochastic gradient descent, batches of 100.

    Args:
        images: (N, H, W, C) uint8, H and W multiples of ``side``.
        labels: (N,) class numbers.
        classes: number of classes.
        side: images are shrunk to side x side first: quicker, and hardly worse.
        epochs: passes over the images; the rate falls from 0.1 towards 0.
        seed: of the order of the images.

    Returns:
        The classifier; the same seed gives the same one on the same machine.

    Raises:
        ValueError: labels that are no class numbers of these images, or a side that does not divide theirs.
    """
    labels = _class_numbers(labels, len(images), classes)
    statistics = fit_statistics(images)
    inputs = _inputs(images, side, statistics)
    targets = np.eye(classes, dtype=np.float32)[labels]
    weights = np.zeros((inputs.shape[1], classes), np.float32)
    biases = np.zeros(classes, np.float32)
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        rate = np.float32(0.1 * (1 - epoch / epochs))
        order = rng.permutation(len(inputs))
        for start in range(0, len(order), 100):
            rows = order[start : start + 100]
            # The gradient of softmax and cross-entropy together: probability minus target.
            error = np.exp(_log_softmax(inputs[rows] @ weights + biases)) - targets[rows]
            weights -= rate * (inputs[rows].T @ error) / len(rows)
            biases -= rate * error.mean(axis=0)
    return LinearClassifier(weights, biases, side, statistics)


def _class_numbers(labels, count: int, classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be a whole number for each of {count} images, received {labels.dtype} of shape {labels.shape}"
        )
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"labels must lie in 0 .. {classes - 1}, received {labels.min()} .. {labels.max()}")
    return labels


def _inputs(images: np.ndarray, side: int, statistics: ChannelStatistics) -> np.ndarray:
    blocks = [
        shrink(preprocess(images[start : start + 1000], "standardise", statistics), side)
        for start in range(0, len(images), 1000)  # not all images as float32 at once
    ]
    return np.concatenate(blocks).reshape(len(images), -1)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
