"""The part of an examination that trains nothing: gather the facts, then ask the static rules in order."""

from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import arguments
from vgg_lesson.diagnosis.facts import array_facts, configuration, learning_rates, weight_facts
from vgg_lesson.diagnosis.facts.batches import as_fed, prepared
from vgg_lesson.diagnosis.facts.metric_facts import MetricFacts, metric_facts
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.rules import contradictions, rules_arrays, rules_output, rules_weights
from vgg_lesson.diagnosis.subject import Subject

IMAGES = 2048
"""Images measured, fewer of large ones; a mean over them is good to 0.01 standard deviations."""


@dataclass(frozen=True)
class Facts:
    """Everything known before any training; see the classes of the fields."""

    images: array_facts.ImageFacts
    validation: array_facts.ImageFacts | None
    images_as_validation: array_facts.ImageFacts | None
    labels: array_facts.LabelFacts
    order: array_facts.OrderFacts
    loss: configuration.LossFacts
    output: configuration.OutputFacts
    metrics: tuple[MetricFacts, ...]
    rates: dict[int, float]
    mode_share: float
    one_colour: float
    channels_swapped: bool
    copies: contradictions.Copies
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
        loss = configuration.loss_facts(subject)
    frozen, random = weight_facts.frozen_kernels(subject)
    mode_share, one_colour = _sameness(subject, rows)
    return Facts(
        images=_measured(images, subject.images),
        validation=None if validation is None else _measured(outside, validation[0]),
        images_as_validation=None if subject.validation is None else array_facts.image_facts(alike),
        labels=array_facts.label_facts(subject.labels),
        order=array_facts.order_facts(subject),
        loss=loss,
        output=configuration.output_facts(subject, fresh, loss),
        metrics=() if loss.error else metric_facts(subject, loss.takes == "logits"),
        rates=learning_rates.rates(subject.model.optimizer),
        mode_share=mode_share,
        one_colour=one_colour,
        channels_swapped=outside is not None and _channels_swapped(alike, outside),
        copies=contradictions.copies(subject, rows),
        trainable=len(subject.model.trainable_weights),
        frozen_kernels=frozen,
        kernels=sum(len(weight.shape) >= 2 for weight in subject.model.weights),
        random_kernels=random,
        uncounted=weight_facts.uncounted(subject.model),
        weights_finite=all(np.isfinite(weight).all() for weight in subject.model.get_weights()),
        regresses=_regresses(subject),
    )


def static_findings(subject: Subject, facts: Facts) -> list[Finding]:
    """Ask all static rules. Findings that say why training cannot work come first and exclude follow-up errors."""
    units, majority = subject.units, facts.labels.majority
    hard = [
        rules_arrays.non_finite_arrays(facts.images, facts.labels),
        rules_arrays.inputs_constant(facts.images)
        or rules_arrays.nearly_all_pixels_equal(facts.mode_share, facts.one_colour),
    ]
    declined = _declined(subject, facts)
    if declined:  # the other rules are about classes
        return [finding for finding in hard if finding] + [declined]
    hard += [
        rules_output.output_raises(facts.output),
        rules_arrays.labels_out_of_range(facts.labels, units, facts.loss),
        rules_output.answers_mix_images(facts.output) or rules_output.constant_output(facts.output),
        rules_output.loss_below_zero(facts.loss, facts.labels, facts.output),
        rules_output.too_few_outputs(facts.labels, units),
        rules_output.output_kind(facts.loss, facts.output),
        rules_output.output_reach(facts.output, subject.classes),
        rules_weights.nothing_trainable(facts.trainable, 0, facts.frozen_kernels, facts.uncounted),
        rules_weights.optimizer_of_another_model(subject.model),
        rules_weights.rate_is_zero(facts.rate),
    ]
    found = [finding for finding in hard if finding]
    if not found:  # a loss that raises or errs is often only the echo of one of the above
        found = [
            f
            for f in (
                rules_output.loss_label_mismatch(facts.loss, facts.labels),
                rules_output.non_finite_loss(facts.loss, facts.output),
            )
            if f
        ][:1]
    elsewhere = [
        None if found else contradictions.other_labels(facts.copies),
        _preprocessing(facts),
        rules_arrays.unshuffled_validation_split(facts.order),
        rules_arrays.class_imbalance(facts.labels, array_facts.largest_in_validation(subject, facts.labels)),
        None if found else rules_output.metric_mismatch(facts.metrics, majority),
    ]
    named = {}
    for finding in found + [finding for finding in elsewhere if finding]:
        named.setdefault(finding.cause, finding)  # the first rule that names a cause speaks for it
    return list(named.values())


def _declined(subject: Subject, facts: Facts) -> Finding | None:
    ignored = getattr(subject.model.loss, "ignore_class", None)
    return rules_arrays.not_single_labels(
        facts.labels,
        facts.loss,
        facts.output,
        facts.regresses,
        ignored is not None and bool(np.any(subject.labels.given == ignored)),
        subject.model.loss is None,
    )


def _regresses(subject: Subject) -> bool:
    """True when the loss is smallest where the answers are the labels themselves, taken as numbers."""
    given = as_fed(subject.labels.given[subject.sample(configuration.ROWS)])
    if subject.labels.given[:1].size != subject.units:
        return False
    answers = given.reshape(len(given), -1).astype(np.float32)
    try:
        loss = configuration.loss_function(subject.model)
        right, *others = (float(loss(tf.constant(given), tf.constant(answers + shift))) for shift in (0, 1, -1))
    except Exception:  # a loss that refuses them is told elsewhere
        return False
    return right < min(others)


def _preprocessing(facts: Facts) -> Finding | None:
    if facts.validation is None or not facts.images.finite or np.isfinite(facts.order.tail):
        return None  # a split-off tail went through the same preparation as the rest
    return rules_arrays.preprocessing_differs(facts.images_as_validation, facts.validation, facts.channels_swapped)


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
