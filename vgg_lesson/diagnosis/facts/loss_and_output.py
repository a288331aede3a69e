"""Facts on the loss and the output layer, which need no training.

Both are questioned by value: the loss is asked about a right, a wrong and an
uninformed answer; the output layer is asked what it can say at all. Names and classes are not looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.compile_utils import CompileLoss

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.arguments import first_line
from vgg_lesson.diagnosis.facts.batches import as_fed
from vgg_lesson.diagnosis.subject import Labels, Subject

ROWS, SURE = 64, 0.99
"""Made-up answers are tried on so many real labels, and give the class that they are sure of this probability."""
MOVED = 0.1
"""Share of right answers that must change when they are dealt out; where one class is nearly all, few do."""
NO_LOSS = (
    "no loss was compiled: one that add_loss, compute_loss or train_step brings along cannot be asked about answers, "
    "so nothing was tried; compile(loss=...) makes an examination possible"
)
"""In place of what a loss raised, where there is none."""


@dataclass(frozen=True)
class LossFacts:
    """What the loss says to made-up answers; NaN where it raised.

    Attributes:
        error: what Keras or the loss raised, "" for nothing.
        right, wrong, uninformed: mean loss of answers that are 99% sure of the right class, of a wrong
            one, and that only know how frequent the classes are.
        takes: "logits" when adding a constant to all scores changes nothing, "log probabilities" when this is taken
            off the loss, "probabilities" when scores outside 0..1 are clipped or scaled, "" when nothing shows.
        certain: loss of an answer that is exactly 0 and 1 in the right places.
        dealt_out: of the right answers, given to images of other classes; NaN where there are hardly any.
    """

    error: str
    right: float
    wrong: float
    uninformed: float
    takes: str
    certain: float
    dealt_out: float = float("nan")


@dataclass(frozen=True)
class OutputFacts:
    """What the model answers, and could answer.

    Attributes:
        error: raised by the model on its own images, "" for nothing.
        shape: of the answer to one batch.
        kind: "probabilities" (0..1, rows sum to 1), "unit interval", or "any", over many settings of the last bias.
        reach: largest first-placed score under extreme last weights: near 1 for a working softmax.
        constant: True when nothing in the last weights changes the answer.
        healed: True when Keras finds the logits behind a softmax by itself, so the loss sees these.
        depends_on_batch: True when an image is answered differently alone and among others.
        random: True when the same images are answered differently when they are asked again.
        finite: whether the fresh model's answers are.
    """

    error: str
    shape: tuple
    kind: str
    reach: float
    constant: bool
    healed: bool
    depends_on_batch: bool
    random: bool
    finite: bool

    @property
    def in_words(self) -> str:
        """Its kind, and whether chance has a part in it, as with noise at inference or weights drawn in ``call``."""
        return (self.kind or "not available") + self.random * ", another one when the same images are asked again"


def loss_function(model: keras.Model) -> Callable:
    """The model's compiled loss without its penalties, as a function of our own of labels and answers.

    Its value is one number, as in Keras's logs: the mean where a loss keeps one for each image.
    """
    if model._compile_loss is None:
        raise ValueError(NO_LOSS)
    weights, names = getattr(model._compile_loss, "_user_loss_weights", None), getattr(model, "output_names", None)
    loss = CompileLoss(model.loss, weights, output_names=names)
    return lambda labels, answers: tf.reduce_mean(loss(labels, answers))


def made_up_answers(labels: Labels, rows: np.ndarray, units: int, rng) -> dict[str, np.ndarray]:
    """Rows of probabilities: right, wrong, uninformed (the prior), certain, and scattered (nearly uniform)."""
    classes = np.clip(labels.classes[rows], 0, units - 1)
    if units == 1:
        right = np.where(labels.classes[rows] > 0, SURE, 1 - SURE)[:, None].astype(np.float32)
        prior = np.full_like(right, np.clip(np.mean(labels.classes > 0), 1 - SURE, SURE))
        return {"right": right, "wrong": 1 - right, "uninformed": prior, "certain": np.round(right), "scattered": prior}
    off = (1 - SURE) / (units - 1)
    right = np.full((len(rows), units), off, np.float32)
    right[np.arange(len(rows)), classes] = SURE
    wrong = np.full_like(right, off)
    wrong[np.arange(len(rows)), (classes + 1 + rng.integers(0, units - 1, len(rows))) % units] = SURE
    prior = np.maximum(labels.prior(units), 1e-7)
    uninformed = np.tile(prior / prior.sum(), (len(rows), 1)).astype(np.float32)
    scattered = rng.dirichlet(np.full(units, 50.0), len(rows)).astype(np.float32)
    return {
        "right": right,
        "wrong": wrong,
        "uninformed": uninformed,
        "certain": np.eye(units, dtype=np.float32)[classes],
        "scattered": scattered,
    }


def loss_facts(subject: Subject) -> LossFacts:
    """Ask the loss about made-up answers to real labels."""
    if subject.model._compile_loss is None:
        return LossFacts(NO_LOSS, np.nan, np.nan, np.nan, "", np.nan)
    rng = np.random.default_rng(subject.seed)
    _, labels = subject.training_part()
    rows, units = rng.permutation(len(labels))[: 4 * ROWS], max(1, subject.units)
    answers = made_up_answers(labels, rows, units, rng)
    given = tf.constant(as_fed(labels.given[rows]))

    def ask(scores) -> float:
        return float(loss_function(subject.model)(given, tf.constant(scores, tf.float32)))

    try:
        ask(answers["uninformed"])
    except Exception as error:  # whatever a loss of the user's raises is the finding
        return LossFacts(first_line(error), np.nan, np.nan, np.nan, "", np.nan)
    takes = _takes(ask, rng, len(rows), units)
    shown = {name: as_taken(p, takes) for name, p in answers.items()}
    certain = shown["certain"] if units > 1 and takes != "logits" else shown["right"]
    right, wrong, uninformed = (ask(shown[name]) for name in ("right", "wrong", "uninformed"))
    order = np.argsort(labels.classes[rows], kind="stable")
    dealt_out = np.empty_like(shown["right"])
    dealt_out[order] = np.roll(shown["right"][order], len(order) // 2, axis=0)  # half way: mostly of another class
    moved = np.mean(np.abs(dealt_out - shown["right"]).max(axis=1) > 0) >= MOVED
    asked = ask(dealt_out) if moved else np.nan
    return LossFacts("", right, wrong, uninformed, takes, ask(certain), asked)


def _takes(ask, rng, count: int, units: int) -> str:
    scores = rng.uniform(0.05, 0.45, (count, units)).astype(np.float32)
    base = ask(scores)
    if units > 1 and np.isclose(base, ask(scores + 3), rtol=1e-3, atol=1e-6):
        return "" if np.isclose(base, ask(3 * scores), rtol=1e-3) else "logits"
    beyond, further = ask(scores + 4), ask(scores + 9)
    if units > 1 and np.allclose([beyond, further], [base - 4, base - 9], rtol=1e-3):
        return "log probabilities"
    clipped = np.isclose(beyond, further, rtol=1e-4) or (units > 1 and np.isclose(base, ask(scores / 2), rtol=1e-3))
    if clipped or not np.isfinite(ask(-scores)):  # not finite: a hand-written logarithm
        return "probabilities"
    return "logits" if units == 1 and _sigmoid_inside(ask, scores) else ""


def _sigmoid_inside(ask, scores) -> bool:
    """True for a cross-entropy of one logit: ln 2 at 0, whatever the labels, and linear far from there.

    A squared error is not linear; an absolute one is, but starts at the share of the ones, and a hinge at 1.
    """
    first, second, third = (ask(scores + far) for far in (10, 20, 30))
    return bool(
        np.isclose(ask(0 * scores), np.log(2), rtol=1e-5)
        and np.isclose(third - second, second - first, rtol=1e-3, atol=1e-3)
    )


def as_taken(answers, takes: str) -> np.ndarray:
    """Rows of probabilities as the loss takes them: as logits or logarithms where it takes these (see LossFacts)."""
    if takes not in ("logits", "log probabilities"):
        return answers
    if answers.shape[-1] > 1:
        return np.log(np.maximum(answers, 1e-7))
    p = np.clip(answers, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p)).astype(np.float32)


def output_facts(subject: Subject, fresh: keras.Model, loss: LossFacts) -> OutputFacts:
    """Ask the output layer what it can say, by setting the last bias (or kernel) to many values.

    Args:
        fresh: a copy with fresh weights; its weights are left as they were.
        loss: what the loss says; one that raises is not asked about the output.
    """
    images = subject.images[subject.sample(ROWS)].astype(np.float32)
    try:
        plain = fresh(tf.constant(images), training=False)
    except Exception as error:
        return OutputFacts(first_line(error), (), "", np.nan, False, False, False, False, False)
    values = plain.numpy()
    again, alone = (fresh(tf.constant(images[:count]), training=False).numpy()[0] for count in (ROWS, 1))
    healed = not loss.error and values.ndim == 2 and _healed(subject, plain)
    all_finite = bool(np.isfinite(values).all())
    random, other = (all_finite and not np.allclose(a, values[0], rtol=1e-2, atol=1e-4) for a in (again, alone))
    answers = _provoked(fresh, images[:8], subject.seed) if values.ndim == 2 else [values]
    finite = [a for a in answers if np.isfinite(a).all()]
    stacked = np.concatenate(finite or [np.zeros_like(values)])
    kind, reach = "any", float(stacked.max()) if values.ndim == 2 else np.nan
    if values.ndim == 2:
        inside = stacked.min() >= -1e-5 and stacked.max() <= 1 + 1e-5
        sums_to_one = values.shape[1] > 1 and np.allclose(stacked.sum(axis=1), 1, atol=1e-3)
        kind = "probabilities" if inside and sums_to_one else "unit interval" if inside else "any"
    constant = len(finite) > 1 and bool(np.ptp(stacked, axis=0).max() < 1e-6)
    return OutputFacts("", values.shape, kind, reach, constant, healed, other and not random, random, all_finite)


def _provoked(fresh: keras.Model, images: np.ndarray, seed: int) -> list[np.ndarray]:
    holder = next((layer for layer in reversed(cloning.leaves(fresh)) if layer.weights), None)
    if holder is None:
        return [fresh(tf.constant(images), training=False).numpy()]
    vectors = [w for w in holder.trainable_weights or holder.weights if len(w.shape) == 1]
    target, start = (vectors[-1], 0) if vectors else (holder.weights[0], holder.weights[0].numpy())
    kept, rng, answers = holder.get_weights(), np.random.default_rng(seed), []
    for kernel in [w for w in holder.weights if vectors and len(w.shape) > 1]:
        kernel.assign(tf.zeros_like(kernel))  # else huge start weights would drown every bias
    for scale in (0.5, 5.0, 1000.0, 1000.0):
        target.assign(start + rng.normal(0, scale, target.shape).astype(np.float32))
        answers.append(fresh(tf.constant(images), training=False).numpy())
    holder.set_weights(kept)
    return answers


def _healed(subject: Subject, outputs) -> bool:
    """Keras keeps a softmax's inputs with its output. Its own losses look there; a TensorFlow loss does not.

    The loss is asked about made-up probabilities, for a fresh network's are alike. A loss that casts them first, as
    Keras's do with half precision, loses what was kept.
    """
    if getattr(outputs, "_keras_logits", None) is None:
        return False
    labels, ask = tf.constant(as_fed(subject.labels.given[subject.sample(ROWS)])), loss_function(subject.model)
    logits = tf.cast(np.random.default_rng(subject.seed).normal(0, 3, outputs.shape), outputs.dtype)
    answers = tf.sigmoid(logits) if outputs.shape[-1] == 1 else tf.nn.softmax(logits)
    bare = float(ask(labels, answers))
    answers._keras_logits = logits
    return not np.isclose(float(ask(labels, answers)), bare, rtol=1e-3)
