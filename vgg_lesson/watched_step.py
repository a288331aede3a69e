"""One training step that can be watched: what goes forward in each layer, what comes back, what is changed."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis.facts.answers import logit_spread
from vgg_lesson.training import build_model
from vgg_lesson.training_config import TrainingConfig


@dataclass(frozen=True)
class LayerSignal:
    """Signals of one layer with a kernel, on one training batch.

    Attributes:
        name: of the layer.
        size: root mean square of its outputs, behind the ReLU (and the pooling, where batch norm follows it).
        spread: standard deviation of its outputs over the images, mean over units and places: the part
            of the signal that depends on the image.
        silent_units: share of its channels (or units) that are 0 for every image and place.
        gradient: norm of the loss's gradient with respect to the kernel.
        update: norm of the step that the optimizer takes, over the norm of the kernel.
    """

    name: str
    size: float
    spread: float
    silent_units: float
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
        """One number a layer, first layer first: "size", "spread", "silent_units", "gradient" or "update"."""
        return [getattr(layer, field) for layer in self.layers]


def handed_on(model: keras.Model) -> list:
    """What each layer with a kernel hands on: its own output, or that of the ReLU behind its batch norm."""
    outputs = []
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            outputs.append(layer.output)
        elif isinstance(layer, keras.layers.ReLU):
            outputs[-1] = layer.output
    return outputs


class WatchedStep:
    """One model with one compiled step that trains, and measures when asked."""

    def __init__(self, config: TrainingConfig, input_shape, classes: int):
        config = config.change(schedule="constant")
        self.model = build_model(config, steps_per_epoch=1, input_shape=input_shape, classes=classes)
        self.fresh_slots = [variable.numpy() for variable in self.model.optimizer.variables]
        self.with_kernel = [layer for layer in self.model.layers if hasattr(layer, "kernel")]
        self.watched = keras.Model(self.model.inputs, handed_on(self.model))
        # Two: a step that could measure takes twice as long as one that cannot, even where it does not.
        self._step, self._measured_step, self._gradients = (
            tf.function(step, autograph=False, jit_compile=False)
            for step in (self._train, self._train_and_measure, self._of_kernels)
        )

    def restart(self, config: TrainingConfig) -> None:
        """Fresh weights, an optimizer without memory, and dropout that begins anew."""
        for number, layer in enumerate(self.model.layers):
            for weight in layer.weights:
                weight.assign(self._fresh(config, number, weight))
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign(np.array([_seed(config, number), 0], np.uint32))
        for variable, value in zip(self.model.optimizer.variables, self.fresh_slots, strict=True):
            variable.assign(value)
        self.model.optimizer.learning_rate.assign(config.learning_rate)

    @staticmethod
    def _fresh(config: TrainingConfig, number: int, weight):
        if weight.path.endswith("kernel"):
            chosen = keras.initializers.get(config.initializer)
            settings = chosen.get_config()
            if "seed" in settings:
                settings["seed"] = _seed(config, number)
            return type(chosen).from_config(settings)(weight.shape)
        ones = weight.path.endswith(("gamma", "moving_variance"))
        return np.full(weight.shape, 1.0 if ones else 0.0, np.float32)

    def step(self, number: int, images, targets, look: bool) -> Moment:
        images, targets = tf.constant(images), tf.constant(targets)
        if not look:
            loss, spread = self._step(images, targets)
            return Moment(number, float(loss), float(spread), ())
        loss, spread, table = self._measured_step(images, targets)
        names = [layer.name for layer in self.with_kernel[:-1]]
        layers = tuple(LayerSignal(name, *row) for name, row in zip(names, table.numpy().tolist(), strict=True))
        return Moment(number, float(loss), float(spread), layers)

    def gradients(self, images, targets) -> list[np.ndarray]:
        """The loss's gradient with respect to each kernel, the last layer's too.

        The optimizer makes no step, but the network trains: batch norm's moving values and dropout move on.
        """
        return [each.numpy() for each in self._gradients(tf.constant(images), tf.constant(targets))]

    def _of_kernels(self, images, targets):
        *_, gradients = self._backward(self.model, images, targets)
        return [gradients[layer.kernel.path] for layer in self.with_kernel]

    def _train(self, images, targets):
        loss, outputs, _ = self._update(self.model, images, targets)
        return loss, logit_spread(outputs[-1])

    def _train_and_measure(self, images, targets):
        kernels = [layer.kernel for layer in self.with_kernel[:-1]]
        before = [tf.identity(kernel.value) for kernel in kernels]
        loss, outputs, gradients = self._update(self.watched, images, targets)
        after = [kernel.value for kernel in kernels]
        of_kernels = [gradients[kernel.path] for kernel in kernels]
        table = [_signals(*each) for each in zip(outputs[:-1], of_kernels, before, after, strict=True)]
        return loss, logit_spread(outputs[-1]), tf.stack(table)

    def _update(self, network, images, targets):
        """One step of the optimizer. Returns the loss, what ``network`` gave, and the gradients by path."""
        loss, outputs, scaled, gradients = self._backward(network, images, targets)
        self.model.optimizer.apply(scaled, self.model.trainable_variables)
        return loss, outputs, gradients

    def _backward(self, network, images, targets):
        """The loss, what ``network`` gave, gradients as the optimizer wants them, and the gradients by path."""
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = tf.nest.flatten(network(images, training=True))
            loss = self.model.compute_loss(images, targets, outputs[-1])
            scaled = self.model.optimizer.scale_loss(loss)  # by more than 1 under mixed_float16 only
        found = tape.gradient(scaled, [variable.value for variable in variables])
        scale = self.model.optimizer.scale_loss(tf.constant(1.0))
        gradients = {variable.path: each / scale for variable, each in zip(variables, found, strict=True)}
        return loss, outputs, found, gradients


def _signals(values, gradient, before, after):
    """The numbers of a :class:`LayerSignal`, in its order."""
    values = tf.cast(values, tf.float32)  # 16 bits under a mixed policy
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


def _seed(config: TrainingConfig, layer: int) -> int:
    """A seed of its own for each layer, in the 32 bits that Keras's generators hold."""
    return (1000 * config.seed + layer) % 2**32
