"""Batch normalisation in training as one kernel instead of a dozen array operations.

Keras writes it as separate operations, forward and backward, each of which reads and writes the whole
feature map. TensorFlow has both directions as one kernel each, which is used here with Keras's own
variables.
"""

import types

import keras
import tensorflow as tf

TYPES = ("float32", "bfloat16", "float16")
"""Types of feature maps that the kernel takes; it computes in float32, as Keras does under a mixed policy."""


def fuse_batch_norm(layer: keras.layers.Layer) -> None:
    """Let a plain ``keras.layers.BatchNormalization`` normalise batches with one kernel, in place.

    Class, configuration and weights stay Keras's own. Predictions, which use the running statistics, and whatever
    the kernel cannot do (masks, other types, inputs that are no feature maps) keep the ordinary path.

    Args:
        layer: any Keras layer; those of another kind are left alone.
    """
    if (
        type(layer) is keras.layers.BatchNormalization
        and layer.scale
        and layer.center
        and not layer.synchronized
        and not layer.renorm
        and layer.compute_dtype in TYPES
        and layer.variable_dtype == "float32"
    ):
        layer.call = types.MethodType(_call, layer)


def _call(layer, inputs, training=None, mask=None):
    channels_last = len(inputs.shape) == 4 and layer.axis in (-1, 3)
    if not (training and layer.trainable and mask is None and channels_last and inputs.dtype == layer.compute_dtype):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=tf.convert_to_tensor(inputs),
        scale=tf.convert_to_tensor(layer.gamma),
        offset=tf.convert_to_tensor(layer.beta),
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=layer.epsilon,
        is_training=True,
    )
    values = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
    biased = variance * (values - 1) / values  # the kernel divides by one less than their number, Keras does not
    keep = layer.momentum
    layer.moving_mean.assign(layer.moving_mean * keep + mean * (1 - keep))
    layer.moving_variance.assign(layer.moving_variance * keep + biased * (1 - keep))
    return outputs
