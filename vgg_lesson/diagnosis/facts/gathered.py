"""All facts of a subject that need no training, measured in one go."""

from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import arguments
from vgg_lesson.diagnosis.facts import array_facts, learning_rates, loss_and_output, weight_facts
from vgg_lesson.diagnosis.facts.batches import as_fed, prepared
from vgg_lesson.diagnosis.facts.copies import Copies, find_copies
from vgg_lesson.diagnosis.facts.metric_facts import MetricFacts, metric_facts
from vgg_lesson.diagnosis.subject import Subject

IMAGES = 2048
"""Images measured, fewer of large ones; a mean over them is good to 0.01 standard deviations."""


@dataclass(frozen=True)
class Facts:
    """Everything known before any training; of the other fields see their classes.

    Attributes:
        images_as_validation: training images in the validation labels' mix of classes; None without such labels.
        rates: the optimizer's learning rate by step, the steps being those at which a schedule was asked.
        mode_share: share of the images' values that are the commonest number.
        one_colour: share of the images that are one number throughout.
        channels_swapped: first and last channel are exchanged between training and validation images.
        trainable: number of arrays of weights that training may change.
        kernels, frozen_kernels, random_kernels: how many there are, cannot change, and are as a fresh draw besides.
        uncounted: names of attributes that hold weights which Keras does not know.
        weights_finite: neither NaN nor infinity in the given weights.
        regresses: the loss is smallest where the answers are the labels themselves, taken as numbers.
    """

    images: array_facts.ImageFacts
    validation: array_facts.ImageFacts | None
    images_as_validation: array_facts.ImageFacts | None
    labels: array_facts.LabelFacts
    order: array_facts.OrderFacts
    loss: loss_and_output.LossFacts
    output: loss_and_output.OutputFacts
    metrics: tuple[MetricFacts, ...]
    rates: dict[int, float]
    mode_share: float
    one_colour: float
    channels_swapped: bool
    copies: Copies
    trainable: int
    frozen_kernels: int
    kernels: int
    random_kernels: int
    uncounted: tuple[str, ...]
    weights_finite: bool
    regresses: bool

    @property
    def rate(self) -> float:
        """The highest learning rate seen."""
        return max(self.rates.values())


def gather(subject: Subject, fresh: keras.Model) -> Facts:
    """Measure arrays, loss, output, metrics and weights. ``fresh`` is a copy of ours with new weights."""
    count = array_facts.fitting(subject.images, IMAGES)
    rows = subject.sample(count)
    images = prepared(subject, rows)
    validation = subject.validation_part()
    alike = prepared(subject, _in_its_mix(subject, count)) if subject.validation is not None else images
    outside = None if validation is None else _some(validation[0], subject.seed)
    with arguments.named("the loss"):
        loss = loss_and_output.loss_facts(subject)
    frozen, random = weight_facts.frozen_kernels(subject)
    mode_share, one_colour = _sameness(subject, rows)
    return Facts(
        images=_measured(images, subject.images),
        validation=None if validation is None else _measured(outside, validation[0]),
        images_as_validation=None if subject.validation is None else array_facts.image_facts(alike),
        labels=array_facts.label_facts(subject.labels),
        order=array_facts.order_facts(subject),
        loss=loss,
        output=loss_and_output.output_facts(subject, fresh, loss),
        metrics=() if loss.error else metric_facts(subject, loss.takes == "logits"),
        rates=learning_rates.rates(subject.model.optimizer),
        mode_share=mode_share,
        one_colour=one_colour,
        channels_swapped=outside is not None and _channels_swapped(alike, outside),
        copies=find_copies(subject, rows),
        trainable=len(subject.model.trainable_weights),
        frozen_kernels=frozen,
        kernels=sum(len(weight.shape) >= 2 for weight in subject.model.weights),
        random_kernels=random,
        uncounted=weight_facts.uncounted(subject.model),
        weights_finite=all(np.isfinite(weight).all() for weight in subject.model.get_weights()),
        regresses=_regresses(subject),
    )


def _regresses(subject: Subject) -> bool:
    """True when the loss is smallest where the answers are the labels themselves, taken as numbers."""
    given = as_fed(subject.labels.given[subject.sample(loss_and_output.ROWS)])
    if subject.labels.given[:1].size != subject.units:
        return False
    answers = given.reshape(len(given), -1).astype(np.float32)
    try:
        loss = loss_and_output.loss_function(subject.model)
        right, *others = (float(loss(tf.constant(given), tf.constant(answers + shift))) for shift in (0, 1, -1))
    except Exception:  # a loss that refuses them is told elsewhere
        return False
    return right < min(others)


def _some(images: np.ndarray, seed: int) -> np.ndarray:
    return images[np.random.default_rng(seed).permutation(len(images))[: array_facts.fitting(images, IMAGES)]]


def _measured(sample: np.ndarray, images: np.ndarray) -> array_facts.ImageFacts:
    """Facts of a sample, but NaN and infinity are looked for in all images: a single one is enough to spread."""
    finite = images.dtype.kind != "f" or all(np.isfinite(part).all() for part in array_facts.slices(images))
    return replace(array_facts.image_facts(sample), finite=bool(finite))


def _in_its_mix(subject: Subject, count: int) -> np.ndarray:
    """Positions of training images drawn with the classes' shares of the validation labels.

    Classes differ in brightness, so sets of another mix differ though they were prepared alike.
    """
    train, validation = subject.labels.classes, subject.validation[1].classes
    present, which, counts = np.unique(train, return_inverse=True, return_counts=True)
    wanted = np.array([np.sum(validation == number) for number in present], float)
    weights = (wanted / counts)[which] if wanted.sum() else np.ones(len(train))
    return np.random.default_rng(subject.seed).choice(len(train), count, p=weights / weights.sum())


def _sameness(subject: Subject, rows: np.ndarray) -> tuple[float, float]:
    """Shares of the values that are the commonest number, and of the images that are one number throughout."""
    few = min(256, max(8, array_facts.SLICE // subject.images[0].size))
    flat = subject.images[rows[:few]].reshape(len(rows[:few]), -1)
    _, counts = np.unique(flat, return_counts=True)
    return float(counts.max() / counts.sum()), float(np.mean(flat.min(axis=1) == flat.max(axis=1)))


def _channels_swapped(train: np.ndarray, validation: np.ndarray) -> bool:
    """True when the difference of first and last channel has the opposite sign in the validation images.

    The difference is a mean over images; it must exceed six standard errors on both sides and
    agree in size within a third: photographs are bluer or redder by 0.1 to 0.2 standard deviations.
    """
    if train.shape[-1] != 3 or train.ndim != 4:
        return False
    ends = []
    for part in (train, validation):
        x = part.astype(np.float32)
        scale = x.std()
        each = (x[..., 0] - x[..., -1]).mean(axis=(1, 2)) / (scale or 1)
        ends.append((each.mean(), each.std() / np.sqrt(len(each))))
    (first, first_error), (second, second_error) = ends
    sure = abs(first) > 6 * first_error and abs(second) > 6 * second_error
    return bool(sure and first * second < 0 and abs(first + second) < abs(first - second) / 3)
