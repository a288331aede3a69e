"""Rules on facts that need no training. Each returns a Finding or None; each says its threshold and why."""

import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.array_facts import ImageFacts, LabelFacts, OrderFacts
from vgg_lesson.diagnosis.configuration import LossFacts, MetricFacts, OutputFacts
from vgg_lesson.diagnosis.report import Finding


def non_finite_arrays(images: ImageFacts, labels: LabelFacts) -> Finding | None:
    """One NaN in one image makes every weight NaN within a step."""
    if images.finite and labels.finite:
        return None
    where = "images" if not images.finite else "labels"
    return Finding(causes.NON_FINITE_VALUES, f"NaN or infinity among the {where}", "none is allowed: it spreads to every weight",
                   f"find where the {where} get these values and leave such rows out", blocks_training=True)  # fmt: skip


def non_finite_loss(loss: LossFacts, output: OutputFacts, weights_finite: bool) -> Finding | None:
    """A loss that is NaN for an ordinary answer, or a fresh network that answers NaN to finite images."""
    if loss.error or output.error:
        return None
    if not np.isfinite([loss.right, loss.uninformed]).all() or np.isnan(loss.certain):
        return Finding(causes.NON_FINITE_VALUES,
                       f"the loss of made-up answers: right {loss.right:.3g}, uninformed {loss.uninformed:.3g}, certain and right {loss.certain:.3g}",
                       "ordinary probabilities must give a finite loss",
                       "use a loss of Keras's own, or keep the logarithm away from 0", blocks_training=True)  # fmt: skip
    return None


def inputs_constant(images: ImageFacts) -> Finding | None:
    """Images that do not differ carry no information, whatever the network.

    Threshold: differences between images below 1e-6 of their size, or no detail inside any image.
    CIFAR-10 has 0.46 and 0.37.
    """
    size = max(images.root_mean_square, 1e-30)
    if images.root_mean_square == 0 or images.between < 1e-6 * size or images.within < 1e-6 * size:
        return Finding(causes.INPUTS_CONSTANT,
                       f"standard deviation between images {images.between:.2g}, inside an image {images.within:.2g}, size of the values {size:.2g}",
                       "below 1e-6 of the size; photographs have 0.3 or more",
                       "look at some images right before fit: a whole-number division or a wrong slice is common", blocks_training=True)  # fmt: skip
    return None


def nearly_all_pixels_equal(images_share_of_mode: float) -> Finding | None:
    """Almost every value is one and the same number: x // 255 leaves only the few white pixels.

    Threshold 0.97: in CIFAR-10 and in the drawn stand-in no single value has more than a third.
    """
    if images_share_of_mode <= 0.97:
        return None
    return Finding(causes.INPUTS_CONSTANT, f"{images_share_of_mode:.1%} of all pixel values are the same number",
                   "above 97%; photographs stay below a third", "look at the images right before fit: whole-number division?", blocks_training=True)  # fmt: skip


def labels_out_of_range(labels: LabelFacts, units: int) -> Finding | None:
    """Class numbers must be 0 .. outputs - 1, rows of scores 0..1 with sum 1."""
    problem = ""
    if labels.columns:
        if labels.lowest < -1e-6 or labels.highest > 1 + 1e-6 or not labels.rows_sum_to_one:
            problem = f"rows of scores run from {labels.lowest:g} to {labels.highest:g}" + ("" if labels.rows_sum_to_one else " and do not sum to 1")
        elif labels.columns == units + 1 and labels.distinct <= units:
            problem = f"rows have {labels.columns} columns, of which {labels.distinct} are used, for {units} outputs (classes counted from 1?)"
    elif not labels.whole:
        problem = f"class numbers with fractions, {labels.lowest:g} to {labels.highest:g} (scaled like the images?)"
    elif labels.lowest < 0 and not (labels.distinct == 2 and units == 1):
        problem = f"class numbers start at {labels.lowest:g}"
    elif units > 1 and labels.highest >= units and (labels.lowest > 0 or labels.distinct <= units):
        problem = f"class numbers run from {labels.lowest:g} to {labels.highest:g}, the outputs are 0 to {units - 1}"
    if not problem:
        return None
    return Finding(causes.LABELS_OUT_OF_RANGE, problem, "class numbers must be whole, from 0 to outputs - 1; rows must sum to 1",
                   "renumber the classes from 0", blocks_training=True)  # fmt: skip


def too_few_outputs(labels: LabelFacts, units: int) -> Finding | None:
    """Ten classes cannot be told by fewer outputs than classes (two classes can by one)."""
    classes = max(labels.distinct, labels.columns)
    if units >= classes or (units == 1 and classes == 2):
        return None
    return Finding(causes.OUTPUT_LAYER_MISMATCH, f"{units} output(s) for {classes} classes", "one output for each class",
                   f"make the last layer Dense({classes}) with softmax and a cross-entropy loss", blocks_training=True)  # fmt: skip


def constant_output(output: OutputFacts) -> Finding | None:
    """A softmax over one value is always 1."""
    if not output.constant:
        return None
    return Finding(causes.OUTPUT_LAYER_MISMATCH, "the output stays the same whatever the last layer's weights are",
                   "it must be able to change", "one output for each class", blocks_training=True)  # fmt: skip


def output_raises(output: OutputFacts) -> Finding | None:
    """The model cannot take its own images."""
    if not output.error:
        return None
    return Finding(causes.UNDETERMINED, f"the model does not accept the images: {output.error}", "it must",
                   "bring the images into the shape of the model's input", blocks_training=True)  # fmt: skip


def output_kind(loss: LossFacts, output: OutputFacts) -> Finding | None:
    """Probabilities where the loss takes logits, or numbers of any size where it takes probabilities."""
    remedy = 'either softmax in the last layer with from_logits=False, or neither activation nor from_logits=False'
    if output.error or loss.error:
        return None
    if len(output.shape) != 2:
        return Finding(causes.OUTPUT_LAYER_MISMATCH, f"the output of a batch has shape {output.shape}", "one row of scores for each image",
                       "flatten or pool before the last layer", blocks_training=True)  # fmt: skip
    if loss.takes == "logits" and output.kind in ("probabilities", "unit interval") and output.shape[1] > 1 and not output.healed:
        return Finding(causes.OUTPUT_LAYER_MISMATCH,
                       "the output lies in 0..1, and adding a constant to all scores does not change the loss: it applies a softmax to a softmax",
                       "a loss on logits needs scores without bounds", remedy, blocks_training=True)  # fmt: skip
    if loss.takes == "logits" and output.kind != "any" and output.shape[1] == 1 and not output.healed:
        return Finding(causes.OUTPUT_LAYER_MISMATCH, "the output lies in 0..1, the loss applies a sigmoid to it again",
                       "a loss on logits needs scores without bounds", remedy, blocks_training=True)  # fmt: skip
    if loss.takes == "probabilities" and output.kind == "any":
        return Finding(causes.OUTPUT_LAYER_MISMATCH,
                       "the output takes values outside 0..1, and the loss clips or rescales these: it takes scores for probabilities",
                       "a loss on probabilities needs 0..1", remedy, blocks_training=True)  # fmt: skip
    return None


def output_reach(output: OutputFacts, classes: int) -> Finding | None:
    """An output that cannot come near 1 for any weights: softmax of a softmax reaches e / (e + 9) = 0.23 for ten classes.

    Threshold 1/2: a working softmax or sigmoid reaches 1.00, tanh before softmax 0.45.
    """
    if output.error or output.kind != "probabilities" or not np.isfinite(output.reach) or output.reach >= 0.5 or classes < 3:
        return None
    return Finding(causes.OUTPUT_LAYER_MISMATCH, f"even extreme weights bring no probability above {output.reach:.2f}",
                   "below 1/2; a single softmax reaches 1", "leave one of the two bounding activations out", blocks_training=True)  # fmt: skip


def answers_mix_images(output: OutputFacts) -> Finding | None:
    """An image answered differently alone than among others: an axis was mixed up (softmax over the batch)."""
    if not output.depends_on_batch:
        return None
    return Finding(causes.OUTPUT_LAYER_MISMATCH, "an image gets another answer alone than in a batch, at inference",
                   "answers of different images must be independent", "softmax over the last axis", blocks_training=True)  # fmt: skip


def loss_label_mismatch(loss: LossFacts) -> Finding | None:
    """The loss raises on labels and outputs of these shapes, or is not smallest for right answers, or falls below 0 for wrong ones."""
    if loss.error:
        return Finding(causes.LOSS_LABEL_MISMATCH, f"the loss raises: {loss.error}", "it must accept these labels",
                       "sparse_categorical_crossentropy for class numbers, categorical_crossentropy for one-hot rows", blocks_training=True)  # fmt: skip
    if np.isfinite([loss.right, loss.wrong, loss.uninformed]).all() and not loss.right < min(loss.wrong, loss.uninformed) - 1e-6:
        return Finding(causes.LOSS_LABEL_MISMATCH,
                       f"loss of right answers {loss.right:.3g}, of wrong ones {loss.wrong:.3g}, of uninformed ones {loss.uninformed:.3g}",
                       "right answers must give the smallest loss",
                       "sparse_categorical_crossentropy for class numbers, categorical_crossentropy for one-hot rows", blocks_training=True)  # fmt: skip
    return None


def loss_below_zero(loss: LossFacts, labels: LabelFacts, output: OutputFacts) -> Finding | None:
    """Binary cross-entropy of class numbers above 1 has no lowest value: -y log p - (1 - y) log(1 - p)."""
    if loss.error or output.constant or not loss.right < -0.05 or labels.highest <= 1:
        return None
    return Finding(causes.LOSS_LABEL_MISMATCH, f"the loss of a confident answer is {loss.right:.3g}: below zero, without a lowest value",
                   "a cross-entropy is never negative for labels in 0..1",
                   "one output for each class, softmax, sparse_categorical_crossentropy", blocks_training=True)  # fmt: skip


def metric_mismatch(metrics: tuple[MetricFacts, ...], majority: float) -> Finding | None:
    """A metric high for scattered answers, or the same for right and wrong ones.

    Thresholds: at least 0.6 and 0.3 above the largest class for answers without information, while
    right ones give about 1 (top-5 accuracy gives 0.5 and passes); right and wrong less than 0.05
    apart. Losses and other measures that fall, or leave 0..1, are not touched.
    """
    for metric in metrics:
        if metric.error:
            return Finding(causes.METRIC_MISMATCH, f"metric {metric.name!r} raises: {metric.error}", "it must accept these labels",
                           "metrics=['accuracy']")  # fmt: skip
        looks_good = 0.95 <= metric.right <= 1.0001 and 1 > metric.uninformed >= max(0.6, majority + 0.3)
        # A share of equal (B, 1) and (B,) pairs is 1/classes for anyone; ratios and means of other things also differ.
        blind = abs(metric.right - metric.wrong) < 0.05 and abs(metric.right - metric.uninformed) < 0.05
        if looks_good or blind:
            return Finding(causes.METRIC_MISMATCH,
                           f"metric {metric.name!r}: right answers {metric.right:.2f}, wrong ones {metric.wrong:.2f}, scattered ones {metric.uninformed:.2f}",
                           "an accuracy is 1 for right answers and near the largest class's share for scattered ones",
                           "metrics=['accuracy'], which Keras fits to labels and output")  # fmt: skip
    return None


def unshuffled_validation_split(order: OrderFacts) -> Finding | None:
    """The tail that Keras sets aside holds other classes than the rest, or batches are of one class each.

    Thresholds: distance of the label shares above 0.3 and three times that of a fair split;
    neighbours of equal class more than three times as often as by chance, without shuffling.
    """
    if order.tail > max(0.3, 3 * order.tail_by_chance):
        return Finding(causes.UNSHUFFLED_VALIDATION_SPLIT,
                       f"label shares of the last part and of the rest are {order.tail:.2f} apart (a fair split: {order.tail_by_chance:.2f})",
                       "above 0.3; 1 means no class in common", "shuffle images and labels together before fit")  # fmt: skip
    if order.batches_in_order and order.runs > 3:
        return Finding(causes.UNSHUFFLED_VALIDATION_SPLIT,
                       f"neighbours share their class {order.runs:.1f} times as often as by chance, and fit does not shuffle",
                       "above 3; about 1 when shuffled", "shuffle=True, and shuffle before splitting")  # fmt: skip
    return None


def class_imbalance(labels: LabelFacts) -> Finding | None:
    """One class at least half of three or more, or the largest 20 times the smallest.

    Calibrated on: CIFAR-10 and the stand-in 1.0; random subsets of 500 images below 2.
    """
    if labels.distinct == 1 or (labels.distinct > 2 and labels.majority >= 0.5) or (labels.imbalance >= 20 and labels.majority > 0.2):
        return Finding(causes.CLASS_IMBALANCE,
                       f"largest class {labels.majority:.0%} of the images, {labels.imbalance:.0f} times the smallest; "
                       f"loss of guessing {labels.entropy:.2f}, not {np.log(max(2, labels.distinct)):.2f}",
                       "half of all images, or 20 times the smallest class",
                       "class_weight, or draw classes equally often; judge by the accuracy of each class")  # fmt: skip
    return None


def preprocessing_differs(train: ImageFacts, validation: ImageFacts, labels_differ: bool, swapped: bool) -> Finding | None:
    """Channel means more than 0.25 standard deviations apart, or standard deviations by 1.5 times, or channels in reverse order.

    A fair split of CIFAR-10 of 1,000 images shows 0.02 and 1.02; where the labels differ as well the
    limit for the means is 0.6, for classes differ in brightness.
    """
    scale = np.maximum(np.maximum(train.std, 1e-12), 0.02 * max(train.spread, 1e-12))
    shift = float(np.max(np.abs(train.mean - validation.mean) / scale))
    ratio = float(np.max(np.maximum(validation.std / scale, scale / np.maximum(validation.std, 1e-12))))
    allowed = max(0.6 if labels_differ else 0.25, 3.0 / np.sqrt(validation.count))
    wide = 1.5 if validation.count >= 50 else 2.0
    if shift <= allowed and ratio <= wide and not swapped and validation.finite:
        return None
    what = "channels in reverse order" if swapped else f"means {shift:.2f} standard deviations apart, spreads differ by a factor of {ratio:.2g}"
    if not validation.finite:
        return Finding(causes.NON_FINITE_VALUES, "NaN or infinity among the validation images", "none is allowed", "clean the validation images")
    return Finding(causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER,
                   f"training {_short(train)}, validation {_short(validation)}: {what}",
                   f"means within {allowed:.2f}, spreads within a factor of {wide:g}; a fair split of CIFAR-10 shows 0.02 and 1.02",
                   "send both through the same function, with numbers fitted on the training images")  # fmt: skip


def _short(facts: ImageFacts) -> str:
    return f"mean {np.mean(facts.mean):.3g} and spread {facts.spread:.3g}"


def nothing_trainable(trainable: int, unreachable: int, frozen: int) -> Finding | None:
    """No weight that training may change, or none that a gradient reaches."""
    if trainable and unreachable < trainable:
        return None
    what = f"{unreachable} of {trainable} trainable arrays get no gradient" if trainable else f"0 trainable arrays, {frozen} frozen ones"
    return Finding(causes.FROZEN_WEIGHTS, what, "at least one must be trainable and reached",
                   "set trainable=True and compile again; look for operations without a gradient", blocks_training=True)  # fmt: skip


def frozen_at_random(frozen: int, total: int, random: int, given_accuracy: float, majority: float, error: float) -> Finding | None:
    """More than half of the kernels are frozen at values that still look like fresh draws, and the model knows nothing.

    Compared by the two-sample Kolmogorov-Smirnov distance with new draws of each layer's own
    initialiser (see :func:`frozen_kernels`). Transfer learning freezes kernels that were trained.
    """
    if random <= total / 2 or given_accuracy > majority + 4 * error:
        return None
    return Finding(causes.FROZEN_WEIGHTS, f"{frozen} of {total} kernels are frozen, {random} of them at values like fresh random draws",
                   "more than half of all kernels", "set trainable=True and compile again, or load trained weights", blocks_training=True)  # fmt: skip


def rate_is_zero(rate: float) -> Finding | None:
    """A rate of exactly zero trains nothing."""
    if rate > 0:
        return None
    return Finding(causes.LEARNING_RATE_TOO_LOW, f"learning rate {rate:g}", "must be above 0", "start at 1e-3 for Adam, 1e-2 for SGD", blocks_training=True)
