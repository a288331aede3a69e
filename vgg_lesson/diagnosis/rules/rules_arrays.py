"""Rules on images and labels, before any training. Each returns a Finding or None; each says its threshold and why."""

import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.facts.array_facts import ImageFacts, LabelFacts, OrderFacts
from vgg_lesson.diagnosis.facts.loss_and_output import NO_LOSS, LossFacts, OutputFacts
from vgg_lesson.diagnosis.report import Finding

FAR_APART = 20
"""The largest class over the smallest: from here on a network can learn and know nothing of the small ones."""
MANY = 100
"""More different numbers than this among the labels are measurements, not class numbers and not smoothed rows."""


def non_finite_arrays(images: ImageFacts, labels: LabelFacts) -> Finding | None:
    """One NaN in one image makes every weight NaN within a step."""
    if images.finite and labels.finite:
        return None
    where = "images" if not images.finite else "labels"
    return Finding(
        causes.NON_FINITE_VALUES,
        f"NaN or infinity among the {where}",
        "none is allowed: it spreads to every weight",
        f"find where the {where} get these values and leave such rows out",
        blocks_training=True,
    )


def inputs_constant(images: ImageFacts) -> Finding | None:
    """Images that do not differ carry no information, whatever the network.

    Threshold: differences below 1e-4 of the size (32-bit rounding is 1e-7), or no detail inside any image.
    CIFAR-10 has 0.46 and 0.37.
    """
    size = max(images.root_mean_square, 1e-30)
    if images.root_mean_square == 0 or images.between < 1e-4 * size or images.within < 1e-4 * size:
        return Finding(
            causes.INPUTS_CONSTANT,
            (
                f"standard deviation between images {images.between:.2g}, inside an image {images.within:.2g}, "
                f"size of the values {size:.2g}"
            ),
            "below 1e-4 of the size; photographs have 0.3 or more",
            "look at some images right before fit: a whole-number division or a wrong slice is common",
            blocks_training=True,
        )
    return None


def nearly_all_pixels_equal(share_of_commonest: float, one_colour: float) -> Finding | None:
    """Almost every value is one and the same number, and many images hold nothing else: x // 255 leaves the white.

    Thresholds 0.97 and 0.3: x // 255 on CIFAR-10 gives 0.99 and 0.46. Thin lines on black exceed the first only.
    """
    if share_of_commonest <= 0.97 or one_colour <= 0.3:
        return None
    return Finding(
        causes.INPUTS_CONSTANT,
        f"{share_of_commonest:.1%} of all values are the same number, {one_colour:.0%} of the images are of one value",
        "above 97% and 30%; photographs stay below a third, sparse images differ all the same",
        "look at the images right before fit: whole-number division?",
    )


def not_single_labels(
    labels: LabelFacts, loss: LossFacts, output: OutputFacts, *, regresses: bool, ignores: bool, no_loss: bool
) -> Finding | None:
    """What is no classifier with one label for each image is not judged: its labels are no faulty class numbers.

    Args:
        regresses: the loss is smallest where the answers equal the labels as numbers.
        ignores: among the labels is one that the loss leaves out.
        no_loss: none was compiled.
    """
    if output.error:
        return None
    units, places = output.shape[-1], output.shape[1:-1]
    rows = labels.columns == units and not (labels.rows_sum_to_one and labels.lowest >= 0 and labels.highest <= 1)
    numbers = labels.columns == 0 and units == 1 and (not labels.whole or labels.distinct > 2)
    multi_hot = rows and labels.values == 2 and (labels.lowest, labels.highest) == (0, 1)
    free = output.kind == "any"
    what = ""
    if places and labels.shape[: len(places)] == places:
        what = f"the answers are maps, {output.shape[1:]}, and so are the labels, {labels.shape}"
    elif multi_hot and not loss.error and (output.kind == "unit interval" or (free and not loss.takes)):
        what = "the labels are rows of 0 and 1 with any number of ones, and each output stands for itself"
    elif regresses and (rows or numbers) and (free or labels.values > MANY):
        what = "the loss asks how far the answers are from the labels as numbers"
    elif ignores:
        what = "the loss leaves some labels out"
    elif no_loss:
        what = NO_LOSS
    if not what:
        return None
    classes = "for classes: one output for each, softmax, a cross-entropy"
    return Finding(
        causes.UNDETERMINED,
        what,
        "one class for each image, and a loss that asks for it",
        classes if what == NO_LOSS else f"not a single-label image classifier: not examined ({classes})",
        blocks_training=True,
    )


def labels_out_of_range(labels: LabelFacts, units: int, loss: LossFacts) -> Finding | None:
    """Class numbers must be 0 .. outputs - 1, rows of scores 0..1 with sum 1.

    Two numbers for one output may be others, -1 and 1 for a hinge, unless the loss of right answers is below zero: a
    binary cross-entropy then has no lowest value.
    """
    problem, remedy = "", "renumber the classes from 0"
    endless = units == 1 and labels.distinct == 2 and not loss.error and loss.right < -0.05
    if labels.columns:
        if labels.lowest < -1e-6 or labels.highest > 1 + 1e-6 or not labels.rows_sum_to_one:
            problem = f"rows of scores run from {labels.lowest:g} to {labels.highest:g}" + (
                "" if labels.rows_sum_to_one else " and do not sum to 1"
            )
        elif labels.columns == units + 1 and labels.distinct <= units:
            problem = (
                f"rows have {labels.columns} columns, of which {labels.distinct} are used, for {units} outputs "
                "(classes counted from 1?)"
            )
    elif not labels.whole:
        problem = f"class numbers with fractions, {labels.lowest:g} to {labels.highest:g} (scaled like the images?)"
        remedy = "leave the labels as they are: only images are scaled"
    elif endless:
        problem = (
            f"the labels are {labels.lowest:g} and {labels.highest:g}, and with them the loss of right answers is "
            f"{loss.right:.3g}: below zero, without a lowest value"
        )
        remedy = f"make the labels 0 and 1: (labels == {labels.highest:g}).astype(int)"
    elif units > 1 and len(strays := labels.strays(units)):
        few = round(labels.count * labels.prior[np.isin(labels.numbers, strays)].sum())
        problem = f"{few:,} of {labels.count:,} labels: {', '.join(f'{number:g}' for number in strays[:5])}"
        remedy = "leave out or correct these rows"
    elif labels.lowest < 0 and not (labels.distinct == 2 and units == 1):
        problem = f"class numbers start at {labels.lowest:g}"
    elif units > 1 and labels.highest >= units and (labels.lowest > 0 or labels.distinct <= units):
        problem = f"class numbers run from {labels.lowest:g} to {labels.highest:g}, the outputs are 0 to {units - 1}"
    if not problem:
        return None
    return Finding(
        causes.LABELS_OUT_OF_RANGE,
        problem,
        "a binary cross-entropy needs 0 and 1"
        if endless
        else "class numbers must be whole, from 0 to outputs - 1; rows must sum to 1",
        remedy,
        blocks_training=True,
    )


def unshuffled_validation_split(order: OrderFacts) -> Finding | None:
    """The tail that Keras sets aside holds other classes than the rest, or batches are of one class each.

    Thresholds: distance of the label shares above 0.3 and three times that of a fair split;
    neighbours of equal class more than three times as often as by chance, without shuffling.
    """
    if order.tail > max(0.3, 3 * order.tail_by_chance):
        return Finding(
            causes.UNSHUFFLED_VALIDATION_SPLIT,
            (
                f"label shares of the last part and of the rest are {order.tail:.2f} apart (a fair split: "
                f"{order.tail_by_chance:.2f})"
            ),
            "above 0.3; 1 means no class in common",
            "shuffle images and labels together before fit",
        )
    if order.batches_in_order and order.runs > 3:
        return Finding(
            causes.UNSHUFFLED_VALIDATION_SPLIT,
            f"neighbours share their class {order.runs:.1f} times as often as by chance, and fit does not shuffle",
            "above 3; about 1 when shuffled",
            "shuffle=True, and shuffle before splitting",
        )
    return None


def class_imbalance(labels: LabelFacts, in_validation: float = float("nan")) -> Finding | None:
    """One class at least half of three or more and 3 times the others' mean, or the largest 20 times the smallest.

    Calibrated on: CIFAR-10 and the stand-in 1.0; random subsets of 500 images below 2.

    ``in_validation``: the share of the largest class among the validation labels, where there are any.
    """
    if labels.distinct == 1:
        return Finding(
            causes.CLASS_IMBALANCE,
            f"all {labels.count:,} labels are of one class",
            "there must be two classes to tell apart",
            "look at how the labels were made: an argmax along the wrong axis, or the first rows of sorted data",
            blocks_training=True,
        )
    others = (1 - labels.majority) / (labels.distinct - 1)
    other_mix = in_validation < labels.majority / 2
    if (labels.distinct > 2 and labels.majority >= max(0.5, 3 * others)) or (
        labels.imbalance >= FAR_APART and labels.majority > 0.2
    ):
        return Finding(
            causes.CLASS_IMBALANCE,
            f"largest class {labels.majority:.0%} of the images, {labels.imbalance:.0f} times the smallest"
            + (f"; of the validation images {in_validation:.0%}" if other_mix else ""),
            "half of all images and 3 times the mean of the other classes, or 20 times the smallest class",
            "class_weight in fit (it is not looked at here), or draw classes equally often; judge by the accuracy of "
            "each class"
            + ("; first see why validation has another mix: were all labels filled in?" if other_mix else ""),
        )
    return None


def preprocessing_differs(train: ImageFacts, validation: ImageFacts, swapped: bool) -> Finding | None:
    """Channel means over 0.25 standard deviations apart, spreads by 1.5 times, or channels in reverse order.

    A fair split of CIFAR-10 of 1,000 images shows 0.02 and 1.02. The training images must be of the same
    mix of classes as the validation images: classes differ in brightness. A channel that is constant, as one
    without transparency is, counts as one with 0.02 of the mean spread on either side.
    """
    scale, other = (np.maximum(facts.std, 0.02 * max(facts.spread, 1e-12)) for facts in (train, validation))
    shift = float(np.max(np.abs(train.mean - validation.mean) / scale))
    ratio = float(np.max(np.maximum(other / scale, scale / other)))
    allowed = max(0.25, 3.0 / np.sqrt(validation.count))
    wide = 1.5 if validation.count >= 50 else 2.0
    if shift <= allowed and ratio <= wide and not swapped and validation.finite:
        return None
    what = (
        "channels in reverse order"
        if swapped
        else f"means {shift:.2f} standard deviations apart, spreads differ by a factor of {ratio:.2g}"
    )
    if not validation.finite:
        return Finding(
            causes.NON_FINITE_VALUES,
            "NaN or infinity among the validation images",
            "none is allowed",
            "clean the validation images",
        )
    return Finding(
        causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER,
        f"training {_short(train)}, validation {_short(validation)}: {what}",
        (
            f"means within {allowed:.2f}, spreads within a factor of {wide:g}; a fair split of CIFAR-10 shows "
            "0.02 and 1.02"
        ),
        "send both through the same function, with numbers fitted on the training images",
    )


def _short(facts: ImageFacts) -> str:
    return f"mean {np.mean(facts.mean):.3g} and spread {facts.spread:.3g}"
