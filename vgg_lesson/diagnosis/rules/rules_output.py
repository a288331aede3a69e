"""Rules on loss, output and metrics, before any training. Each returns a Finding or None and says why."""

import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.facts.array_facts import LabelFacts
from vgg_lesson.diagnosis.facts.loss_and_output import SURE, LossFacts, OutputFacts
from vgg_lesson.diagnosis.facts.metric_facts import MetricFacts
from vgg_lesson.diagnosis.report import Finding


def non_finite_loss(loss: LossFacts, output: OutputFacts) -> Finding | None:
    """A loss that is NaN or infinite for an ordinary answer, or NaN for a certain one."""
    if loss.error or output.error:
        return None
    if not np.isfinite([loss.right, loss.uninformed]).all() or np.isnan(loss.certain):
        return Finding(
            causes.NON_FINITE_VALUES,
            (
                f"the loss of made-up answers: right {loss.right:.3g}, uninformed {loss.uninformed:.3g}, "
                f"certain and right {loss.certain:.3g}"
            ),
            "ordinary probabilities must give a finite loss",
            "use a loss of Keras's own, or keep the logarithm away from 0",
            blocks_training=True,
        )
    return None


def too_few_outputs(labels: LabelFacts, units: int) -> Finding | None:
    """Ten classes cannot be told by fewer outputs than classes (two classes can by one, but for rows of two)."""
    classes = max(labels.distinct - len(labels.strays(units)), labels.columns)
    if units >= classes or (units == 1 and classes == 2 and not labels.columns):
        return None
    column = ", or give the labels' last column to the one output" if (units, labels.columns) == (1, 2) else ""
    return Finding(
        causes.OUTPUT_LAYER_MISMATCH,
        f"{units} output(s) for {classes} classes",
        "one output for each class",
        f"make the last layer Dense({classes}) with softmax and a cross-entropy loss{column}",
        blocks_training=True,
    )


def constant_output(output: OutputFacts) -> Finding | None:
    """A softmax over one value is always 1."""
    if not output.constant:
        return None
    one = "one output with a sigmoid for two classes, else one softmax output for each class"
    return Finding(
        causes.OUTPUT_LAYER_MISMATCH,
        "the output stays the same whatever the last layer's weights are",
        "it must be able to change",
        one if output.shape[1] == 1 else "let what follows the last layer with weights be a softmax over the last axis",
        blocks_training=True,
    )


def output_raises(output: OutputFacts) -> Finding | None:
    """The model cannot take its own images."""
    if not output.error:
        return None
    return Finding(
        causes.UNDETERMINED,
        f"the model does not accept the images: {output.error}",
        "it must",
        "bring the images into the shape of the model's input",
        blocks_training=True,
    )


def output_kind(loss: LossFacts, output: OutputFacts) -> Finding | None:
    """Probabilities where the loss takes logits, or numbers of any size where it takes probabilities."""
    if output.error or loss.error:
        return None
    if len(output.shape) != 2:
        return Finding(
            causes.OUTPUT_LAYER_MISMATCH,
            f"the output of a batch has shape {output.shape}",
            "one row of scores for each image",
            "flatten or pool before the last layer",
            blocks_training=True,
        )
    activation = "sigmoid" if output.shape[1] == 1 else "softmax"
    remedy = f"either {activation} in the last layer and from_logits=False, or no activation and from_logits=True"
    if (
        loss.takes == "logits"
        and output.kind in ("probabilities", "unit interval")
        and output.shape[1] > 1
        and not output.healed
    ):
        return Finding(
            causes.OUTPUT_LAYER_MISMATCH,
            (
                "the output lies in 0..1, and adding a constant to all scores does not change the loss: it "
                "applies a softmax to a softmax"
            ),
            "a loss on logits needs scores without bounds",
            remedy,
            blocks_training=True,
        )
    if loss.takes == "logits" and output.kind != "any" and output.shape[1] == 1 and not output.healed:
        return Finding(
            causes.OUTPUT_LAYER_MISMATCH,
            "the output lies in 0..1, the loss applies a sigmoid to it again",
            "a loss on logits needs scores without bounds",
            remedy,
            blocks_training=True,
        )
    if loss.takes == "probabilities" and output.kind == "any":
        return Finding(
            causes.OUTPUT_LAYER_MISMATCH,
            (
                "the output takes values outside 0..1, and the loss clips or rescales these: it takes scores "
                "for probabilities"
            ),
            "a loss on probabilities needs 0..1",
            remedy,
            blocks_training=True,
        )
    return None


def output_reach(output: OutputFacts, classes: int) -> Finding | None:
    """An output that cannot come near 1: softmax of a softmax reaches e / (e + 9) = 0.23 for ten classes.

    Threshold 1/2: a working softmax or sigmoid reaches 1.00, tanh before softmax 0.45.
    """
    if (
        output.error
        or output.kind != "probabilities"
        or not np.isfinite(output.reach)
        or output.reach >= 0.5
        or classes < 3
    ):
        return None
    return Finding(
        causes.OUTPUT_LAYER_MISMATCH,
        f"even extreme weights bring no probability above {output.reach:.2f}",
        "below 1/2; a single softmax reaches 1",
        "leave one of the two bounding activations out",
        blocks_training=True,
    )


def answers_mix_images(output: OutputFacts) -> Finding | None:
    """An image answered differently alone than among others: an axis was mixed up (softmax over the batch, reshape)."""
    if not output.depends_on_batch:
        return None
    return Finding(
        causes.OUTPUT_LAYER_MISMATCH,
        "an image gets another answer alone than in a batch, at inference",
        "answers of different images must be independent",
        "softmax over the last axis; reshape and transpose must leave the first, the images, alone",
        blocks_training=True,
    )


def loss_label_mismatch(loss: LossFacts, labels: LabelFacts) -> Finding | None:
    """The loss raises on labels and outputs of these shapes, or is not smallest for right answers.

    Where nearly all labels are of one class, the uninformed answer is surer of it than the right one, and right ones
    dealt out among the images stay right: no rivals then.
    """
    if loss.error:
        return Finding(
            causes.LOSS_LABEL_MISMATCH,
            f"the loss raises: {loss.error}",
            "it must accept these labels",
            "sparse_categorical_crossentropy for class numbers, categorical_crossentropy for one-hot rows",
            blocks_training=True,
        )
    mixed = labels.entropy > -2 * np.log(SURE)
    rivals = [loss.wrong, loss.uninformed] if mixed else [loss.wrong]
    if mixed and abs(loss.right - loss.dealt_out) < 1e-6 * max(1.0, abs(loss.right)):
        return Finding(
            causes.LOSS_LABEL_MISMATCH,
            f"right answers cost {loss.right:.3g}, and as much when each is given to another image",
            "they must cost more then",
            "a value for each image first, their mean last: this loss compares all answers with all labels",
            blocks_training=True,
        )
    if np.isfinite([loss.right, *rivals]).all() and not loss.right < min(rivals) - 1e-6:
        own = "; in a loss of your own, a sign or a weight is turned around" if loss.wrong < loss.right else ""
        return Finding(
            causes.LOSS_LABEL_MISMATCH,
            (
                f"loss of right answers {loss.right:.3g}, of wrong ones {loss.wrong:.3g}, of uninformed ones "
                f"{loss.uninformed:.3g}"
            ),
            "right answers must give the smallest loss",
            "sparse_categorical_crossentropy for class numbers, categorical_crossentropy for one-hot rows" + own,
            blocks_training=True,
        )
    return None


def loss_below_zero(loss: LossFacts, labels: LabelFacts, output: OutputFacts) -> Finding | None:
    """Binary cross-entropy of class numbers above 1 has no lowest value: -y log p - (1 - y) log(1 - p).

    Two classes for one output need other numbers, not another output: see ``labels_out_of_range``.
    """
    if loss.error or output.constant or not loss.right < -0.05 or labels.highest <= 1 or labels.distinct == 2:
        return None
    return Finding(
        causes.LOSS_LABEL_MISMATCH,
        f"the loss of a confident answer is {loss.right:.3g}: below zero, without a lowest value",
        "a cross-entropy is never negative for labels in 0..1",
        "one output for each class, softmax, sparse_categorical_crossentropy",
        blocks_training=True,
    )


def metric_mismatch(metrics: tuple[MetricFacts, ...], majority: float) -> Finding | None:
    """A metric high for scattered answers, or the same for right and wrong ones.

    Thresholds: at least 0.6 and 0.3 above the largest class for answers without information, while
    right ones give about 1 (top-5 accuracy gives 0.5 and passes); right and wrong less than 0.05
    apart. Beside a sound accuracy the first is allowed. Losses and measures that fall, leave 0..1, or do not read
    the answers, as a learning rate among the metrics, are not touched.
    """
    sound = any(m.right > 0.95 and m.wrong < 0.1 and abs(m.scattered - majority) < 0.2 for m in metrics)
    for metric in metrics:
        if metric.error:
            return Finding(
                causes.METRIC_MISMATCH,
                f"metric {metric.name!r} raises: {metric.error}",
                "it must accept these labels",
                "metrics=['accuracy']",
            )
        if not metric.reads_answers:
            continue
        looks_good = not sound and 0.95 <= metric.right <= 1.0001 and 1 > metric.scattered >= max(0.6, majority + 0.3)
        # A share of equal (B, 1) and (B,) pairs is 1/classes for anyone; ratios and means of other things also differ.
        blind = abs(metric.right - metric.wrong) < 0.05 and abs(metric.right - metric.scattered) < 0.05
        if looks_good or blind:
            return Finding(
                causes.METRIC_MISMATCH,
                (
                    f"metric {metric.name!r}: right answers {metric.right:.2f}, wrong ones {metric.wrong:.2f}, "
                    f"scattered ones {metric.scattered:.2f}"
                ),
                "an accuracy is 1 for right answers and near the largest class's share for scattered ones",
                "metrics=['accuracy'], which Keras fits to labels and output",
            )
    return None
