"""Facts about the arrays: numbers in the images, classes in the labels, order of the rows."""

import math
from dataclasses import dataclass

import numpy as np

from vgg_lesson.baselines import entropy
from vgg_lesson.diagnosis.facts.batches import pieces
from vgg_lesson.diagnosis.subject import Labels, Subject

MEMORY = 256 * 2**20
"""Bytes that a sample of images may take as 32-bit floats."""
SLICE = 2**22
"""Values that are worked on at a time: 32 MB as 64-bit floats."""


def fitting(images: np.ndarray, most: int) -> int:
    """How many of these images make a sample: at most ``most``, what fits into :data:`MEMORY`, but 64 of any size."""
    return min(most, max(64, MEMORY // (4 * max(1, math.prod(images.shape[1:])))))


def slices(images: np.ndarray):
    """The images, some at a time, without a copy."""
    return pieces(images, max(1, SLICE // max(1, math.prod(images.shape[1:]))))


def without_copies(images: np.ndarray, rows: np.ndarray, least: int) -> np.ndarray:
    """The rows but for exact copies of earlier images; all of them where fewer than ``least`` would be left."""
    few = max(1, math.prod(images.shape[1:]) // 1000)  # most images differ in a thousand values already
    for step in (few, 1):
        first = {}
        for row in rows:
            first.setdefault(hash(images[row].reshape(-1)[::step].tobytes()), row)
        if len(first) == len(rows):
            return rows
    return np.array(list(first.values())) if len(first) >= least else rows


@dataclass(frozen=True)
class ImageFacts:
    """Numbers in an array of images.

    Attributes:
        finite: no NaN or infinity. mean, std: per channel, (C,); of images without channels, (1,).
        root_mean_square: over everything.
        between: standard deviation between images, mean over pixels: 0 when all images are the same.
        within: standard deviation inside an image, mean over images: 0 when each is one flat colour; NaN
            where an image is a single pixel.
        count: images looked at.
    """

    finite: bool
    mean: np.ndarray
    std: np.ndarray
    root_mean_square: float
    between: float
    within: float
    count: int

    @property
    def spread(self) -> float:
        return float(np.mean(self.std))


def image_facts(images: np.ndarray) -> ImageFacts:
    """Measure an array (N, height, width, channels), or without channels: (N, height, width) or flat (N, values)."""
    images = np.asarray(images)
    images = images[..., None] if images.ndim < 4 else images
    finite, within = True, 0.0
    total = squares = np.zeros((math.prod(images.shape[1:-1]), images.shape[-1]))  # of each pixel, over the images
    for part in slices(images):
        x = np.asarray(part, np.float32)
        finite = finite and bool(np.isfinite(x).all())
        x = np.nan_to_num(x, posinf=0, neginf=0).reshape(len(x), *total.shape)
        total = total + x.sum(axis=0, dtype=np.float64)
        squares = squares + np.square(x, dtype=np.float64).sum(axis=0)
        within += float(x.std(axis=1).mean(axis=1).sum())
    mean, square = (sums / len(images) for sums in (total, squares))
    return ImageFacts(
        finite=finite,
        mean=mean.mean(axis=0),
        std=np.sqrt(np.maximum(square.mean(axis=0) - np.square(mean.mean(axis=0)), 0)),
        root_mean_square=float(np.sqrt(square.mean())),
        between=float(np.sqrt(np.maximum(square - np.square(mean), 0)).mean()),
        within=within / len(images) if len(total) > 1 else float("nan"),
        count=len(images),
    )


@dataclass(frozen=True)
class LabelFacts:
    """Numbers in an array of labels.

    Attributes:
        finite, whole: no NaN; no fractions (class numbers only).
        lowest, highest: of the class numbers, or of all scores.
        distinct: different classes present. columns: of one-hot rows, else 0. count: rows.
        numbers: the classes present, in order.
        values: different numbers in some 2,000 of the rows. shape: of one image's label.
        rows_sum_to_one: for rows of scores.
        prior: share of each class present. entropy: of the prior, in nats: the loss of an answer
            without information is this, not 0 and not always ln(classes).
        majority: largest share.
        imbalance: largest share over the smallest one.
    """

    finite: bool
    whole: bool
    lowest: float
    highest: float
    distinct: int
    columns: int
    values: int
    shape: tuple
    rows_sum_to_one: bool
    prior: np.ndarray
    entropy: float
    majority: float
    imbalance: float
    numbers: np.ndarray
    count: int

    def strays(self, units: int) -> np.ndarray:
        """Numbers beyond the outputs and beyond any count of classes, in at most 1% of the rows: no class, a slip."""
        outside = (self.numbers < 0) | (self.numbers >= units)
        slips = outside.any() and self.prior[outside].sum() <= 0.01
        return self.numbers[outside & ((self.numbers < 0) | (self.numbers > self.distinct))] if slips else np.array([])


def largest_in_validation(subject: Subject, labels: LabelFacts) -> float:
    """Share that the training images' largest class has of the validation images; NaN without any."""
    if subject.validation is None or not len(subject.validation[1].classes):
        return float("nan")
    return float(np.mean(subject.validation[1].classes == int(labels.numbers[labels.prior.argmax()])))


def label_facts(labels: Labels) -> LabelFacts:
    """Measure the labels; of maps, which are not judged any further, the first ones."""
    given = np.asarray(labels.given[: 64 if labels.given.ndim > 2 else None], np.float64)
    finite = bool(np.isfinite(given).all())
    given = np.nan_to_num(given)
    numbers, counts = np.unique(labels.classes if labels.one_hot else given, return_counts=True)
    prior = counts / counts.sum()
    return LabelFacts(
        finite=finite,
        whole=labels.one_hot or bool(np.all(given == np.round(given))),
        lowest=float(given.min()),
        highest=float(given.max()),
        distinct=len(counts),
        columns=given.shape[1] if labels.one_hot else 0,
        values=len(np.unique(given[:: max(1, len(given) // 2000)])),
        shape=given.shape[1:],
        rows_sum_to_one=not labels.one_hot or bool(np.allclose(given.sum(axis=1), 1, atol=1e-3)),
        prior=prior,
        entropy=entropy(prior),
        majority=float(prior.max()),
        imbalance=float(prior.max() / prior.min()),
        numbers=numbers,
        count=int(counts.sum()),
    )


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Total variation distance of two arrays of class numbers: half the sum of |share - share|, 0 to 1."""
    values = np.union1d(first, second)
    shares = [np.array([np.mean(part == value) for value in values]) for part in (first, second)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def chance_distance(first: int, second: int, classes: int) -> float:
    """What :func:`distance` would be for two fair samples of these sizes, on average.

    Each share's difference has variance p(1-p)(1/n+1/m) with p = 1/classes, and E|normal| = 0.8 sigma.
    """
    p = 1 / max(2, classes)
    return 0.5 * classes * 0.8 * float(np.sqrt(p * (1 - p) * (1 / max(1, first) + 1 / max(1, second))))


@dataclass(frozen=True)
class OrderFacts:
    """Whether rows that lie together hold the same classes as the rest.

    Attributes:
        tail: distance between the labels of the part that ``validation_split`` sets aside and the rest; else NaN.
        tail_by_chance: what a fair split of these sizes would show.
        runs: share of neighbouring rows with equal class, over that expected by chance: about 1 when shuffled.
        batches_in_order: True when ``fit`` was told not to shuffle.
    """

    tail: float
    tail_by_chance: float
    runs: float
    batches_in_order: bool


def order_facts(subject: Subject) -> OrderFacts:
    """Measure the order of the rows."""
    classes, cut = subject.labels.classes, subject.training_count
    tail = by_chance = float("nan")
    if subject.validation is None and 0 < cut < len(classes):
        tail = distance(classes[:cut], classes[cut:])
        by_chance = chance_distance(cut, len(classes) - cut, len(np.unique(classes)))
    shares = np.unique(classes[:cut], return_counts=True)[1] / cut
    expected = float(np.square(shares).sum())
    equal = float(np.mean(classes[1:cut] == classes[: cut - 1])) if cut > 1 else expected
    return OrderFacts(tail, by_chance, equal / expected, not subject.shuffle)
