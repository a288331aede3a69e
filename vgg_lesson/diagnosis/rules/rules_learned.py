"""Rules on what a trained network shows: stored statistics, and the known-good network's answers."""

from collections import Counter

import keras

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.facts.array_facts import OrderFacts
from vgg_lesson.diagnosis.facts.guessing import STANDARD_ERRORS, gap_error, limit, standard_error
from vgg_lesson.diagnosis.facts.known_good import KnownGood
from vgg_lesson.diagnosis.facts.known_good_network import BATCH
from vgg_lesson.diagnosis.facts.vital_signs import ALIKE, NetworkSigns
from vgg_lesson.diagnosis.report import NOTHING_HELPED, Finding
from vgg_lesson.diagnosis.rules.suspicion import Suspicion
from vgg_lesson.diagnosis.variation import Course

BEHIND = 0.5
"""Share of the way from guessing to the known-good network's accuracy. Slow networks stay below it at first, too."""
TOO_GOOD = 0.8
"""Accuracy of the known-good network, trained for seconds, that photographs do not allow: on CIFAR-10 it has 0.36."""
MILD = "weaker changes: small shifts and mirroring keep the class visible; images must stay in their order"
MARKED = "; if they do, look for what gives the class away in the training images only: a mark, a border, a caption"
GAIN = 4.0
"""Standard errors by which a change must help validation images: it is one look at a change chosen on other images."""


def stale_statistics(
    *,
    momentum: float,
    steps_in_three_epochs: float,
    batch_accuracy: float,
    inference_accuracy: float,
    mended: float,
    images: int,
    majority: float,
) -> Finding | None:
    """Right with the batch's statistics, wrong with the stored ones, right again once these are measured anew.

    A lag in the first epochs is normal: with momentum 0.99 it takes some 300 steps. So momentum
    must exceed 0.995 and leave more than half of the start value after three epochs (momentum ** steps > 0.5).
    """
    gap = batch_accuracy - inference_accuracy
    least = max(5 * standard_error(majority, images), 0.5 * (batch_accuracy - majority))
    worse = gap > least and mended - inference_accuracy > 0.5 * gap
    if not worse or momentum <= 0.995 or momentum**steps_in_three_epochs <= 0.5:
        return None
    return Finding(
        causes.BATCHNORM_STATISTICS,
        (
            f"accuracy {batch_accuracy:.2f} with the batch's statistics, {inference_accuracy:.2f} with the "
            f"stored ones, {mended:.2f} once they are measured anew; momentum {momentum:g}"
        ),
        "the stored statistics must follow within three epochs",
        "momentum 0.9 or 0.99, layers trainable",
    )


def labels_independent(known: KnownGood) -> Finding | None:
    """The known-good network finds no more on held-out images than in permuted labels."""
    if known.informative is not False:
        return None
    return Finding(
        causes.LABELS_INDEPENDENT_OF_IMAGES,
        (
            f"a known-good network reaches {known.accuracy:.2f} on {known.held_out} held-out images, "
            f"{known.permuted:.2f} with permuted labels"
        ),
        (
            f"guessing gives {known.majority:.2f}; above it by {STANDARD_ERRORS:g} standard errors "
            f"({limit(known.majority, known.held_out):.2f}) would count"
        ),
        "check that images and labels are read, shuffled and cut together",
        tried="the known-good network, which brings its own layers, loss and optimizer",
    )


def behind(known: KnownGood, course: Course) -> str | None:
    """What to say of a training that gets on, but has come less than half as far as the known-good network."""
    reached, wanted = course.last_accuracy(), known.majority + BEHIND * (known.accuracy - known.majority)
    if not known.informative or reached >= wanted:
        return None
    return (
        f"so far it knows less than the known-good network: accuracy {reached:.2f} after "
        f"{course.steps * course.batch:,} images, that one {known.accuracy:.2f} after {known.steps * BATCH:,}; "
        "if it stays behind in a longer training, look for a narrow place in its layers"
    )


def signal_blocked(signs: NetworkSigns) -> Finding | None:
    """A fresh network in which the images become alike in one layer; for a network that did not learn.

    By itself this is no fault: kernels that begin at 0 do it, and learn. So everything else is tried first.
    """
    layer = signs.blocked_at
    if layer is None:
        return None
    return Finding(
        causes.SIGNAL_BLOCKED,
        f"the outputs of {layer.name} ({layer.kind}) are the same for all images, from there to the network's answer; "
        "what goes into it differs between images",
        f"outputs that differ by less than {ALIKE:g} of their size, or of what went in, differ by rounding only",
        f"look at {layer.name}: does it normalise along an axis with a single value, average what was just centred, "
        "multiply by 0 (a gamma that starts at 0, a mask), or ask for more than ever comes (a threshold)?",
        tried=NOTHING_HELPED,
    )


def formats_mixed(layers: list, tried: str) -> Finding | None:
    """Convolutions and poolings that look for the channels on another axis than most: they mix channels with places.

    Where a layer moves axes, or may (one that is not Keras's), nothing is said.
    """
    moves = any(isinstance(layer, keras.layers.Permute | keras.layers.Reshape) for layer in layers)
    if moves or not all(type(layer).__module__.startswith("keras.") for layer in layers):
        return None
    asked = [layer for layer in layers if type(layer).__name__.endswith(("Conv2D", "Pooling2D"))]
    (usual, times), *others = Counter(layer.data_format for layer in asked).most_common() or [(None, 0)]
    if not others or times == others[0][1]:
        return None
    odd = [layer.name for layer in asked if layer.data_format != usual]
    return Finding(
        causes.SIGNAL_BLOCKED,
        f"data_format of {', '.join(odd[:3])} is {others[0][0]}, of {times} other layers {usual}",
        "the channels stay on one axis",
        f"leave data_format out, or give all layers the same: {odd[0]} averages, or sums, over the wrong axes",
        tried=tried,
    )


def augmentation_destroys(known: KnownGood | None) -> Suspicion:
    """An augmentation is in use: without it, does the network learn?"""
    told = (
        f"a known-good network: {known.accuracy:.2f} on plain, {known.augmented:.2f} after training on augmented images"
        if known
        else "an augmentation is in use"
    )
    return Suspicion(
        causes.AUGMENTATION_DESTROYS_IMAGES,
        told,
        "without augmentation the network learns, with it not",
        {"augment": False},
        MILD,
    )


def augmentation_hides_classes(known: KnownGood) -> Finding | None:
    """Trained on augmented images, the known-good network knows nothing about plain ones.

    Threshold: a quarter of the way from guessing to what plain training gives. Measured on CIFAR-10 (0.36 plain):
    flips 0.35, shifts 0.34; noise, blank images, shuffled pixels and mixed-up rows 0.09 to 0.12.
    """
    needed = known.majority + 0.25 * (known.accuracy - known.majority)
    if not known.informative or not known.augmented < needed:
        return None
    return Finding(
        causes.AUGMENTATION_DESTROYS_IMAGES,
        f"a known-good network: {known.accuracy:.2f} on held-out images, {known.augmented:.2f} when it was trained on "
        "augmented images",
        f"below {needed:.2f}, a quarter of the way from guessing",
        MILD,
        tried="the known-good network, which brings its own layers, loss and optimizer; what this network learns, it "
        "learns about augmented images only",
    )


def validation_apart(known: KnownGood, order: OrderFacts) -> Finding | None:
    """The known-good network is right on held-out training images, and on validation images less, or not at all."""
    seen = known.validation
    if not known.informative or seen.count < 100:
        return None
    gap = known.accuracy - seen.accuracy
    near_guessing = seen.accuracy < known.majority + 0.5 * (known.accuracy - known.majority)
    clear = gap >= 4 * gap_error(known.held_out, seen.count) and near_guessing
    measured = (
        f"a known-good network: {known.accuracy:.2f} on held-out training images, {seen.accuracy:.2f} on "
        "validation images"
    )
    if clear and seen.mended > seen.accuracy + 0.5 * gap:
        return Finding(
            causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER,
            f"{measured}, {seen.mended:.2f} after {seen.mended_by}",
            "more than half of the gap closes",
            "send both through the same function",
        )
    if seen.gain > GAIN:
        return Finding(
            causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER,
            f"{measured}, {seen.mended:.2f} after {seen.mended_by}; on further ones this is {seen.gain:.1f} standard "
            "errors better",
            f"the same change on images like the training images helps by chance: above {GAIN:g} once in 30,000",
            "send both through the same function",
        )
    above = limit(known.majority, seen.count)  # labels that say so much are no others: training images seen before, say
    if not clear or order.tail > 0.3 or seen.accuracy > above:
        return None
    return Finding(
        causes.LABELS_INDEPENDENT_OF_IMAGES,
        f"{measured}; scaling, channels and orientation do not explain it",
        f"below half way between guessing and the training accuracy, and not above {above:.2f}, clearly above guessing",
        "check that validation labels belong to validation images" + (MARKED if known.accuracy > TOO_GOOD else ""),
    )
