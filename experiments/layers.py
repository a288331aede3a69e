"""Vital signs of every layer while a network trains, at steps that are dense where it matters."""

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.watched_step import handed_on

STEPS = (0, 1, 2, 3, 5, 10, 20, 50, 100, 160, 200, 320)


class LayerRecorder(keras.callbacks.Callback):
    """Measures a fixed batch of training images after chosen steps.

    Args:
        images: (N, H, W, C) float32, preprocessed as for training.
        targets: (N, classes) one-hot.

    Attributes:
        signs: list of {"step", "loss", "logit_spread", "layers"}. ``loss`` is the cross-entropy on
            the batch (nats); ``logit_spread`` the standard deviation over images of the log
            probabilities, centred per image, averaged over classes. Each layer with a kernel gives
            "name", "activation_std" (of its output after ReLU, all values), "dead_share" (share of
            units that are 0 for every image; 0 for the softmax), "gradient_norm" (of its kernel)
            and "update_ratio" (norm of the kernel's change in this step over its norm; None at 0).
    """

    def __init__(self, images, targets):
        super().__init__()
        self.images, self.targets = tf.constant(images), tf.constant(targets)
        self.step, self.signs = 0, []

    def on_train_begin(self, logs=None):
        self.layers = [layer for layer in self.model.layers if hasattr(layer, "kernel")]
        extractor = keras.Model(self.model.inputs, handed_on(self.model))

        @tf.function
        def measure():
            with tf.GradientTape() as tape:
                values = extractor(self.images, training=True)
                loss = tf.reduce_mean(keras.losses.categorical_crossentropy(self.targets, values[-1]))
            gradients = tape.gradient(loss, [layer.kernel.value for layer in self.layers])
            logs_ = tf.math.log(values[-1] + 1e-30)
            logits = logs_ - tf.reduce_mean(logs_, axis=1, keepdims=True)
            return (
                loss,
                tf.reduce_mean(tf.math.reduce_std(logits, axis=0)),
                [tf.math.reduce_std(value) for value in values],
                [tf.reduce_mean(tf.cast(tf.reduce_all(value == 0, axis=list(range(value.shape.rank - 1))), tf.float32))
                 for value in values],
                [tf.norm(gradient) for gradient in gradients],
            )  # fmt: skip

        self._measure = measure
        self._record([None] * len(self.layers))

    def on_train_batch_begin(self, batch, logs=None):
        if self.step + 1 in STEPS:
            self._before = [np.array(layer.kernel.value) for layer in self.layers]

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self.step in STEPS:
            ratios = []
            for before, layer in zip(self._before, self.layers, strict=True):
                after = np.array(layer.kernel.value)
                ratios.append(float(np.linalg.norm(after - before) / np.linalg.norm(before)))
            self._record(ratios)

    def _record(self, ratios):
        statistics = [np.array(variable.value) for variable in self.model.non_trainable_variables]
        loss, spread, stds, dead, norms = self._measure()
        # The forward pass in training mode moved batch norm's statistics: measuring changes nothing.
        for variable, value in zip(self.model.non_trainable_variables, statistics, strict=True):
            variable.assign(value)
        rows = zip(self.layers, stds, dead, norms, ratios, strict=True)
        self.signs.append(
            {
                "step": self.step,
                "loss": float(loss),
                "logit_spread": float(spread),
                "layers": [
                    {
                        "name": layer.name,
                        "activation_std": float(std),
                        "dead_share": float(share),
                        "gradient_norm": float(norm),
                        "update_ratio": ratio,
                    }
                    for layer, std, share, norm, ratio in rows
                ],
            }
        )
