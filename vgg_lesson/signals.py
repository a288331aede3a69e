"""Signals in a network while it takes its first training steps: what goes forward, what comes back, what is changed.

A :class:`SignalLab` builds and compiles one training step for each structure (depth, width, head,
batch norm) and starts it again with other weights, rates and seeds, so that trying another
initialiser costs a second and not the five of a new compilation.
"""

import math
import threading
from dataclasses import dataclass, fields

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis.training_loop import logit_spread
from vgg_lesson.training import build_model
from vgg_lesson.training_config import TrainingConfig

LEARNED_NATS = 0.05
"""A run counts as learning when its loss at the end lies so far below that of guessing. The loss of a
constant answer varies by about 0.005 from one mean of 20 batches of 32 to the next."""
WINDOW = 20
"""Steps at the end of a run over which its loss is averaged."""


@dataclass(frozen=True)
class LayerSignal:
    """Signals of one layer with a kernel, on one training batch.

    Attributes:
        name: of the layer.
        size: root mean square of its outputs, behind the ReLU.
        spread: standard deviation of its outputs over the images, mean over units and places: the part
            of the signal that depends on the image.
        zero_units: share of its channels (or units) that are 0 for every image and place.
        gradient: norm of the loss's gradient with respect to the kernel.
        update: norm of the step that the optimizer takes, over the norm of the kernel.
    """

    name: str
    size: float
    spread: float
    zero_units: float
    gradient: float
    update: float


@dataclass(frozen=True)
class Moment:
    """What one training step saw, before it changed the weights.

    Attributes:
        step: number of steps taken before.
        loss: mean cross-entropy of the batch (nats).
        logit_spread: standard deviation of the logits over the images, mean over classes.
        layers: one :class:`LayerSignal` for each layer with a kernel but the last, whose outputs are the logits;
            empty for a step whose layers were not measured.
    """

    step: int
    loss: float
    logit_spread: float
    layers: tuple[LayerSignal, ...]

    def values(self, field: str) -> list[float]:
        """One number a layer, first layer first: "size", "spread", "zero_units", "gradient" or "update"."""
        return [getattr(layer, field) for layer in self.layers]


@dataclass(frozen=True)
class WatchedRun:
    """A short training with the loss of every step, and the signals of some.

    Attributes:
        config: what was trained.
        chance: loss of an answer that only knows how frequent the classes are (nats).
        moments: one a step.
    """

    config: TrainingConfig
    chance: float
    moments: tuple[Moment, ...]

    @property
    def losses(self) -> list[float]:
        """Loss of each step."""
        return [moment.loss for moment in self.moments]

    @property
    def final_loss(self) -> float:
        """Mean loss of the last ``WINDOW`` steps (at most half of all); NaN once a loss was not finite."""
        return float(np.mean(self.losses[-max(1, min(WINDOW, len(self.losses) // 2)) :]))

    @property
    def learned(self) -> bool:
        """True when the loss at the end lies ``LEARNED_NATS`` below guessing."""
        return bool(self.final_loss < self.chance - LEARNED_NATS)


class SignalLab:
    """Short trainings of VGGs on given images, with their signals.

    Args:
        images: (N, 32, 32, 3) float32, as the network is to see them.
        labels: (N,) class numbers.
        classes: number of classes.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, classes: int = 10):
        if len(images) != len(labels) or not np.issubdtype(images.dtype, np.floating):
            raise ValueError(
                f"images must be floats with one label each, received {images.dtype} images {images.shape} "
                f"and {len(labels)} labels"
            )
        self.images, self.targets = images.astype(np.float32), np.eye(classes, dtype=np.float32)[labels]
        shares = np.bincount(labels) / len(labels)
        self.chance = float(-sum(share * math.log(share) for share in shares if share))
        self._compiled: dict[TrainingConfig, _Compiled] = {}
        self._lock = threading.Lock()

    def run(
        self, config: TrainingConfig, steps: int, *, handful: int | None = None, look_at: tuple[int, ...] = (0, -1)
    ) -> WatchedRun:
        """Train from fresh weights for some steps.

        Args:
            config: the choices; schedule, preprocessing, augmentation and epochs are not used here.
            steps: number of steps, at least 1; a loss that is not finite ends the run early.
            handful: take every batch from the first so many images only; None for all.
            look_at: the steps whose layers are measured, which takes several times as long as the step; the first
                is 0, and -1 is the last. A step whose loss is not finite is measured, too.

        Raises:
            ValueError: fewer images than a batch, or fewer than 1 step.
        """
        count = min(handful or len(self.images), len(self.images))
        if steps < 1 or count < config.batch_size:
            raise ValueError(f"needs 1 step and {config.batch_size} images at least, received {steps} and {count}")
        with self._lock:
            compiled = self._structure(config)
            compiled.restart(config)
            batches = _batches(count, config.batch_size, config.seed)
            moments = []
            for step in range(steps):
                rows = next(batches)
                look = step in look_at or step - steps in look_at
                moments.append(compiled.step(step, self.images[rows], self.targets[rows], look))
                if not math.isfinite(moments[-1].loss):
                    break
            return WatchedRun(config, self.chance, tuple(moments))

    def _structure(self, config: TrainingConfig) -> "_Compiled":
        # Weights, rate and seed are set anew for every run; all else is part of the compiled step.
        key = config.change(learning_rate=1.0, initializer="zeros", seed=0)
        if key not in self._compiled:
            self._compiled[key] = _Compiled(config, self.images.shape[1:], self.targets.shape[1])
        return self._compiled[key]


def _batches(count: int, batch: int, seed: int):
    """Endless rows of shuffled batches of equal size."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        for first in range(0, count - batch + 1, batch):
            yield order[first : first + batch]


class _Compiled:
    """One model with one compiled step that trains, and measures when asked."""

    def __init__(self, config: TrainingConfig, input_shape, classes: int):
        config = config.change(schedule="constant")
        self.model = build_model(config, steps_per_epoch=1, input_shape=input_shape, classes=classes)
        self.model.optimizer.build(self.model.trainable_variables)
        self.fresh_slots = [variable.numpy() for variable in self.model.optimizer.variables]
        self.with_kernel = [layer for layer in self.model.layers if hasattr(layer, "kernel")]
        self.watched = keras.Model(self.model.inputs, [*self._outputs(), self.model.outputs[0]])
        self._step = tf.function(self._train_and_measure, autograph=False, jit_compile=False)

    def _outputs(self):
        """What each hidden layer with a kernel hands on: its own output, or that of the ReLU behind its batch norm."""
        outputs, layers = [], self.model.layers
        for layer in self.with_kernel[:-1]:
            behind = layers[layers.index(layer) + 1 : layers.index(layer) + 3]
            normed = isinstance(behind[0], keras.layers.BatchNormalization)
            outputs.append((behind[1] if normed else layer).output)
        return outputs

    def restart(self, config: TrainingConfig) -> None:
        """Fresh weights and an optimizer without memory."""
        for number, layer in enumerate(self.model.layers):
            for weight in layer.weights:
                weight.assign(self._fresh(config, number, weight))
        for variable, value in zip(self.model.optimizer.variables, self.fresh_slots, strict=True):
            variable.assign(value)
        self.model.optimizer.learning_rate.assign(config.learning_rate)

    @staticmethod
    def _fresh(config: TrainingConfig, number: int, weight):
        if weight.path.endswith("kernel"):
            chosen = keras.initializers.get(config.initializer)
            settings = chosen.get_config()
            if "seed" in settings:
                settings["seed"] = 1000 * config.seed + number
            return type(chosen).from_config(settings)(weight.shape)
        ones = weight.path.endswith(("gamma", "moving_variance"))
        return np.full(weight.shape, 1.0 if ones else 0.0, np.float32)

    def step(self, number: int, images, targets, look: bool) -> Moment:
        loss, spread, table = self._step(tf.constant(images), tf.constant(targets), tf.constant(look))
        rows = table.numpy().tolist()
        if not look and math.isfinite(loss):
            return Moment(number, float(loss), float(spread), ())
        hidden = self.with_kernel[:-1]
        layers = tuple(LayerSignal(layer.name, *row) for layer, row in zip(hidden, rows, strict=True))
        return Moment(number, float(loss), float(spread), layers)

    def _train_and_measure(self, images, targets, look):
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            *hidden, outputs = self.watched(images, training=True)
            loss = self.model.compute_loss(images, targets, outputs)
        found = tape.gradient(loss, [variable.value for variable in variables])
        gradients = dict(zip((variable.path for variable in variables), found, strict=True))
        before = [tf.identity(layer.kernel.value) for layer in self.with_kernel[:-1]]
        self.model.optimizer.apply(found, variables)
        after = [layer.kernel.value for layer in self.with_kernel[:-1]]
        of_kernels = [gradients[layer.kernel.path] for layer in self.with_kernel[:-1]]
        table = tf.cond(
            look | ~tf.math.is_finite(loss),
            lambda: tf.stack([_signals(*each) for each in zip(hidden, of_kernels, before, after, strict=True)]),
            lambda: tf.zeros([len(hidden), len(fields(LayerSignal)) - 1]),
        )
        return loss, logit_spread(outputs), table


def _signals(values, gradient, before, after):
    """The numbers of a :class:`LayerSignal`, in its order."""
    silent = tf.reduce_max(tf.abs(values), axis=list(range(len(values.shape) - 1))) == 0
    return tf.stack(
        [
            tf.sqrt(tf.reduce_mean(tf.square(values))),
            tf.reduce_mean(tf.math.reduce_std(values, axis=0)),
            tf.reduce_mean(tf.cast(silent, tf.float32)),
            tf.norm(gradient),
            tf.norm(after - before) / tf.norm(before),
        ]
    )
