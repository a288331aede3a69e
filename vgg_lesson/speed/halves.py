"""Each batch in two halves, side by side, where every operation has one thread.

Two threads that share each operation wait for each other a hundred times a step, each time for the slower one. With a
thread an operation, as :mod:`vgg_lesson.environment` asks for on two cores, each of them takes half of the images
through the network, and both meet at the loss. Measured with VGG16 on two cores of an AMD processor, alternating with
two threads an operation: 1.4 times as fast at 1/8 width in batches of 32, 1.1 times in batches of 128, 1.0 to 1.1
times at 1/4 width with batch norm, and 0.94 to 1.04 times at full width, where weights take as long as images.
"""

import os
from collections.abc import Callable

import keras
import tensorflow as tf

from vgg_lesson.speed.batch_norm_in_parts import can_come_in_parts, normalise_parts
from vgg_lesson.speed.small_maps import matrices_made_once

IMAGE_BY_IMAGE = (
    keras.layers.InputLayer,
    keras.layers.Rescaling,
    keras.layers.ZeroPadding2D,
    keras.layers.Conv2D,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.Activation,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Flatten,
    keras.layers.Dropout,
    keras.layers.Dense,
)
"""Layers of which one image's answer does not depend on the other images."""


def an_operation_has_one_thread() -> bool:
    """True where TensorFlow computes several operations at once, and each of them on one core."""
    asked = tf.config.threading.get_intra_op_parallelism_threads() or os.environ.get("TF_NUM_INTRAOP_THREADS")
    return str(asked) == "1"


def halve_batches(model: keras.Model, whole: Callable) -> None:
    """Let a chain of Keras's own layers take its batches in halves, in place, where that pays.

    Answers and gradients stay what they are, but for rounding and for the numbers that a Dropout draws. Models of other
    classes or layers keep the ordinary path, and so does whatever runs outside of a ``tf.function``.

    Args:
        model: any Keras model.
        whole: of a layer and its images: True where it has several operations that run side by side by themselves.
    """
    own_class = type(model).__module__.startswith("keras.src.models.")
    if not (an_operation_has_one_thread() and own_class) or "call" in vars(model):  # somebody's, or from here already
        return
    plain = model.call

    def call(inputs, training=None, mask=None):
        if tf.executing_eagerly() or mask is not None or not _can_be_halved(model, inputs, training):
            return plain(inputs, training=training, mask=mask)
        with matrices_made_once():
            return _in_halves(model.layers, inputs, training, whole)

    model.call = call


def _can_be_halved(model, inputs, training) -> bool:
    """Asked at each tracing, because layers can be added, frozen and changed."""
    expected = (getattr(model, "inputs", None) or [None])[0]
    return (
        tf.is_tensor(inputs)
        and expected is not None
        and (inputs.dtype, len(inputs.shape)) == (expected.dtype, len(expected.shape))  # else Keras adapts it
        and inputs.shape[0] != 1
        and (isinstance(model, keras.Sequential) or _is_chain(model))
        and all(_is_image_by_image(layer) or can_come_in_parts(layer, training) for layer in model.layers)
    )


def _is_chain(model) -> bool:
    if isinstance(model.input, list | dict) or isinstance(model.output, list | dict):
        return False
    previous = model.input
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            if layer.input is not previous:
                return False
            previous = layer.output
    return True


def _is_image_by_image(layer) -> bool:
    activation = getattr(layer, "activation", None)
    own = activation is None or activation is getattr(keras.activations, getattr(activation, "__name__", ""), None)
    own = own and "call" not in vars(layer)
    together = layer.activity_regularizer is not None or getattr(layer, "noise_shape", None) is not None
    return type(layer) in IMAGE_BY_IMAGE and own and not together


def _in_halves(layers, inputs, training, whole):
    size = tf.shape(inputs)[0]
    sizes = [tf.maximum(size // 2, 1), size - size // 2]
    # Of one image both are a copy: TensorFlow 2.21's oneDNN gives convolutions of no image at all a wrong shape.
    halves = [inputs[: sizes[0]], inputs[size // 2 :]]
    for layer in layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.layers.BatchNormalization) and training and layer.trainable:
            halves = normalise_parts(layer, halves)
        elif whole(layer, halves[0]):
            halves = tf.split(layer(tf.concat(halves, axis=0)), sizes)
        else:
            halves = [layer(half) for half in halves]
    return tf.concat(halves, axis=0)[:size]
