"""A short training that can be stopped, continued and started again: what the probes run."""

import time
from dataclasses import dataclass, field, replace

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.subject import Labels, Subject

PROBE_BATCH = 256
"""Larger batches are cut to this many images: a probe of a minute needs steps."""


@dataclass(frozen=True)
class Variation:
    """One change to the subject's own configuration; the default is no change: the control.

    Attributes:
        name: for readers.
        rate: factor on the learning rate.
        he: kernels from He's distribution, biases zero.
        zero_biases: all biases start at zero.
        scale_inputs: standardise the images per channel.
        permute_labels: give the images each other's labels.
        augment: use the augmentation that was given.
        strip: without penalties, constraints, decay and layers that act only in training.
        batch_norm, unfreeze, batchnorm_defaults: as in :func:`cloning.copy`.
        one_batch: train on the same handful of images again and again.
        seed: of weights and order.
    """

    name: str = "untouched control"
    rate: float = 1.0
    he: bool = False
    zero_biases: bool = False
    scale_inputs: bool = False
    permute_labels: bool = False
    augment: bool = True
    strip: bool = False
    batch_norm: bool = False
    unfreeze: bool = False
    batchnorm_defaults: bool = False
    one_batch: bool = False
    seed: int = 0

    def structure(self) -> tuple:
        """Variations of equal structure share one compiled training step."""
        return self.strip, self.batch_norm, self.unfreeze, self.batchnorm_defaults


@dataclass
class Course:
    """How a short training went, step by step.

    Attributes:
        variation: what was changed.
        batch: images a step.
        loss: data loss of each step, regularisation excluded, on images before they were trained on.
        correct: right answers of each step.
        spread: of each step: how much the logits differ between images (mean standard deviation).
        state: weights and optimizer, to go on from.
        seconds: wall time of the steps.
    """

    variation: Variation
    batch: int
    loss: list[float] = field(default_factory=list)
    correct: list[int] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    state: tuple = ()
    seconds: float = 0.0

    @property
    def steps(self) -> int:
        return len(self.loss)

    def window(self) -> int:
        """Steps that give a firm mean: at least 320 images and 10 steps, at most half of all."""
        return max(1, min(max(10, -(-320 // self.batch)), max(1, self.steps // 2)))

    def last_loss(self) -> float:
        return float(np.mean(self.loss[-self.window():])) if self.loss else float("nan")

    def last_accuracy(self) -> float:
        return float(np.mean(self.correct[-self.window():])) / self.batch if self.correct else float("nan")


class Trainer:
    """One compiled training step for all variations of equal structure."""

    def __init__(self, subject: Subject, variation: Variation, strip_names: tuple[str, ...] = ()):
        self.subject, self.strip_names = subject, strip_names
        images, _ = subject.training_part()
        self.batch = min(subject.batch_size, PROBE_BATCH, len(images))
        self.structure = replace(variation, seed=0)
        self.model = self._copy(subject.seed)
        self.rate_factor = tf.Variable(1.0, dtype=tf.float32, trainable=False)
        self.optimizer = cloning.fresh_optimizer(subject.model.optimizer, weight_decay=not variation.strip)
        self.base_rate = self.optimizer._learning_rate
        if isinstance(self.base_rate, keras.optimizers.schedules.LearningRateSchedule):
            self.optimizer._learning_rate = _Scaled(self.base_rate, self.rate_factor)
        else:
            self.base_rate = float(keras.ops.convert_to_numpy(self.base_rate))
        self.model.compile(optimizer=self.optimizer, loss=subject.model.loss, jit_compile=False,
                           loss_weights=getattr(subject.model._compile_loss, "_user_loss_weights", None))  # fmt: skip
        self.optimizer.build(self.model.trainable_variables)
        self.fresh_slots = [variable.numpy() for variable in self.optimizer.variables]
        self.unreachable: tuple[str, ...] = ()
        self._compiled = tf.function(self._step, jit_compile=False)

    def _copy(self, seed: int) -> keras.Model:
        kind = self.structure
        return cloning.copy(
            self.subject.model, self.subject.images, seed=seed, strip=self.strip_names if kind.strip else (),
            batch_norm=kind.batch_norm, unfreeze=kind.unfreeze, batchnorm_defaults=kind.batchnorm_defaults,
        )  # fmt: skip

    def start(self, variation: Variation) -> Course:
        """Fresh weights and optimizer for one variation."""
        fresh = self._copy(self.subject.seed + variation.seed)
        weights = cloning.he_normal(fresh, self.subject.seed + variation.seed) if variation.he else fresh.get_weights()
        if variation.zero_biases:
            weights = [np.zeros_like(value) if len(variable.shape) == 1 and variable.path.endswith("bias") else value
                       for value, variable in zip(weights, fresh.weights, strict=True)]  # fmt: skip
        course = Course(variation, self.batch)
        course.state = weights, [np.array(slot) for slot in self.fresh_slots]
        return course

    def run(self, course: Course, batches, *, steps: int, until: float, finished=None) -> Course:
        """Train on for at most ``steps`` steps or until the clock (``time.perf_counter``) says ``until``.

        Args:
            course: from :meth:`start` or an earlier run; extended in place.
            batches: endless iterator of (images, labels as the loss wants them, class numbers).
            finished: called with the course every few steps; True stops.
        """
        variation = course.variation
        self.model.set_weights(course.state[0])
        for variable, value in zip(self.optimizer.variables, course.state[1], strict=True):
            variable.assign(value)
        self.rate_factor.assign(variation.rate)
        if isinstance(self.base_rate, float):
            self.optimizer.learning_rate.assign(self.base_rate * variation.rate)
        began = time.perf_counter()
        for number in range(steps):
            images, labels, classes = next(batches)
            loss, correct, spread = self._compiled(tf.constant(images), tf.constant(labels), tf.constant(classes))
            course.loss.append(float(loss))
            course.correct.append(int(correct))
            course.spread.append(float(spread))
            if not np.isfinite(course.loss[-1]) or time.perf_counter() >= until:
                break
            if finished and number % 5 == 4 and finished(course):
                break
        course.seconds += time.perf_counter() - began
        course.state = self.model.get_weights(), [variable.numpy() for variable in self.optimizer.variables]
        return course

    def _step(self, images, labels, classes):
        model = self.model
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            data_loss = tf.reduce_sum(model._compile_loss(labels, outputs))
            total = data_loss + tf.add_n(model.losses) if model.losses else data_loss
        variables = model.trainable_variables
        gradients = tape.gradient(total, [variable.value for variable in variables])
        self.unreachable = tuple(v.path for v, g in zip(variables, gradients, strict=True) if g is None)
        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        if pairs:
            # A missing gradient counts as zero, so that the optimizer's slots keep their places.
            self.optimizer.apply([tf.zeros_like(v.value) if g is None else g for g, v in zip(gradients, variables, strict=True)], variables)
        return data_loss, correct_answers(outputs, classes), logit_spread(outputs)


@keras.saving.register_keras_serializable(package="vgg_lesson")
class _Scaled(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, schedule, factor):
        self.schedule, self.factor = schedule, factor

    def __call__(self, step):
        return self.schedule(step) * self.factor

    def get_config(self):
        return {"schedule": self.schedule, "factor": 1.0}


def predicted_classes(outputs):
    """(N,) class of each output row; a single output counts as yes above 1/2 (a probability) or above 0 (any value)."""
    outputs = tf.reshape(outputs, [tf.shape(outputs)[0], -1])
    if outputs.shape[-1] == 1:
        probability = tf.reduce_all((outputs >= 0) & (outputs <= 1))
        return tf.cast(outputs[:, 0] > tf.where(probability, 0.5, 0.0), tf.int64)
    return tf.argmax(outputs, axis=1)


def correct_answers(outputs, classes):
    predicted = predicted_classes(outputs)
    return tf.reduce_sum(tf.cast(predicted == classes, tf.int32)) if predicted.shape[0] == classes.shape[0] else tf.constant(0)


def logit_spread(outputs):
    """How much the answer depends on the image: mean over classes of the standard deviation over images.

    Probabilities are turned back into logits first (logarithm, mean over the classes taken off),
    for a softmax hides how far apart its inputs are.
    """
    outputs = tf.reshape(tf.cast(outputs, tf.float32), [tf.shape(outputs)[0], -1])
    probability = tf.reduce_all((outputs >= 0) & (outputs <= 1))
    logits = tf.where(probability, tf.math.log(tf.maximum(outputs, 1e-12)), outputs)
    if outputs.shape[-1] is not None and outputs.shape[-1] > 1:
        logits -= tf.reduce_mean(logits, axis=1, keepdims=True)
    return tf.reduce_mean(tf.math.reduce_std(logits, axis=0))


def augment_batch(augmentation, images: np.ndarray, labels: np.ndarray):
    """Apply the subject's augmentation: a function of images, or of images and labels, or a Keras layer."""
    if isinstance(augmentation, keras.layers.Layer):
        return keras.ops.convert_to_numpy(augmentation(images.astype(np.float32), training=True)), labels
    try:
        changed = augmentation(images)
    except TypeError as first:
        try:
            changed = augmentation(images, labels)
        except TypeError:
            raise first from None
    if isinstance(changed, tuple):
        return np.asarray(changed[0]), np.asarray(changed[1])
    return np.asarray(changed), labels


def batches(subject: Subject, variation: Variation, batch: int, statistics=None):
    """Endless training batches of a subject: (images float32, labels, class numbers int64), batch after batch of equal size."""
    images, labels = subject.training_part()
    count = len(images)
    rng = np.random.default_rng([subject.seed, variation.seed])
    order = np.arange(count)
    if variation.permute_labels:
        mixed = rng.permutation(count)
        labels = Labels(labels.given[mixed], labels.classes[mixed], labels.one_hot)
    handful = rng.permutation(count)[:batch]
    while True:
        if subject.shuffle:
            rng.shuffle(order)
        for first in range(0, count - batch + 1, batch):
            rows = handful if variation.one_batch else order[first : first + batch]
            x, y = images[rows], labels.given[rows]
            if variation.augment and subject.augmentation is not None:
                x, y = augment_batch(subject.augmentation, x, y)
            x = np.asarray(x, np.float32)
            if variation.scale_inputs and statistics is not None:
                x = (x - statistics[0]) / statistics[1]
            yield x, _as_number(y), labels.classes[rows]


def _as_number(labels: np.ndarray) -> np.ndarray:
    return labels.astype(np.float32) if labels.dtype in (np.float64, np.float16, np.bool_) else labels


def update_ratio_of(model: keras.Model, start: list[np.ndarray], course: Course) -> float:
    """Median over trainable kernels of one step's change over the kernel's size, from a course's first steps."""
    trainable = {id(weight) for weight in model.trainable_weights}
    ratios = [
        float(np.linalg.norm(new - old) / np.linalg.norm(old) / course.steps)
        for weight, old, new in zip(model.weights, start, course.state[0], strict=True)
        if old.ndim >= 2 and id(weight) in trainable and np.linalg.norm(old)
    ]
    return float(np.median(ratios)) if ratios else float("nan")
