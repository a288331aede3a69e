"""Batch normalisation in training as one kernel instead of a dozen array operations.

Keras writes it as separate operations, forward and backward, each of which reads and writes the whole
feature map. TensorFlow has both directions as one kernel each, which is used here with Keras's own
variables. On processors with AVX2 but without AVX-512, oneDNN's forward kernel is the slower one of
TensorFlow's two, and the other takes its place.
"""

import os
import types

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record  # not public; the package pins TensorFlow 2.21

TYPES = ("float32", "bfloat16", "float16")
"""Types of feature maps that the kernel takes; it computes in float32, as Keras does under a mixed policy."""


def fuse_batch_norm(layer: keras.layers.Layer) -> None:
    """Let a plain ``keras.layers.BatchNormalization`` normalise batches with one kernel, in place.

    Class, configuration and weights stay Keras's own. Predictions, which use the running statistics, and whatever
    the kernel cannot do (masks, other types, inputs that are no feature maps) keep the ordinary path.
    Second derivatives are right here; Keras's own take the batch's mean for a constant (``tf.nn.moments`` stops its
    gradient) and lie some percent off.

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


def onednn_is_slow_at_it() -> bool:
    """True where oneDNN has AVX2 but no AVX-512 to normalise with.

    Its forward kernel then takes 1.6 to 2.8 times as long as TensorFlow's own (float32, maps of 32 x 32 x 16 to
    4 x 4 x 128, batch 128, two cores), with AVX-512 0.35 to 0.75. Its backward kernel is faster with either.
    """
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})  # numpy leaves out what is empty
    found = " ".join(extensions.get("baseline", []) + extensions.get("found", []))
    # numpy < 2.4 has AVX2 and AVX512F for V3 and V4
    has_avx2, has_avx512 = "AVX2" in found or "X86_V3" in found, "AVX512" in found or "X86_V4" in found
    limited = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper().startswith("AVX2")
    return has_avx2 and (limited or not has_avx512)


def _call(layer, inputs, training=None, mask=None):
    channels_last = len(inputs.shape) == 4 and layer.axis in (-1, 3)
    if not (training and layer.trainable and mask is None and channels_last and inputs.dtype == layer.compute_dtype):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    images, scale, offset = (tf.convert_to_tensor(value) for value in (inputs, layer.gamma, layer.beta))
    outputs, mean, variance, *_ = normalise(images, scale, offset, layer.epsilon)
    values = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
    biased = variance * (values - 1) / values  # the kernel divides by one less than their number, Keras does not
    keep = layer.momentum
    layer.moving_mean.assign(layer.moving_mean * keep + mean * (1 - keep))
    layer.moving_variance.assign(layer.moving_variance * keep + biased * (1 - keep))
    return outputs


def is_fused(layer: keras.layers.Layer) -> bool:
    """True for a layer that :func:`fuse_batch_norm` has changed."""
    return getattr(layer.call, "__func__", None) is _call


def normalise(images, scale, offset, epsilon):
    """Outputs, mean, variance (of n values divided by n - 1) and what only the kernels need, of a batch."""
    past_onednn = images.dtype == tf.float32 and onednn_is_slow_at_it()
    return (_past_onednn if past_onednn else _by_tensorflow)(images, scale, offset, epsilon)


def _by_tensorflow(images, scale, offset, epsilon, data_format="NHWC"):
    none = tf.zeros([0])  # no running statistics
    return tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=scale,
        offset=offset,
        mean=none,
        variance=none,
        epsilon=epsilon,
        is_training=True,
        data_format=data_format,
    )


def _past_onednn(images, scale, offset, epsilon):
    """Forward as maps of three dimensions, which TensorFlow does not hand to oneDNN, and back as maps of two."""
    with record.stop_recording():
        outputs, mean, variance, own_mean, own_variance, _ = _by_tensorflow(
            images[:, None], scale, offset, epsilon, data_format="NDHWC"
        )
        outputs = tf.reshape(outputs, tf.shape(images))

    def gradient(upstream):
        to_images, to_scale, to_offset, *_ = tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=upstream,
            x=images,
            scale=scale,
            reserve_space_1=own_mean,
            reserve_space_2=own_variance,
            reserve_space_3=tf.zeros([0]),
            epsilon=epsilon,
            is_training=True,
        )
        return to_images, to_scale, to_offset

    def tangent(of_images, of_scale, of_offset):
        root = tf.math.rsqrt(own_variance + epsilon)
        normal = (images - own_mean) * root
        shared = tf.reduce_mean(of_images, [0, 1, 2]) + normal * tf.reduce_mean(normal * of_images, [0, 1, 2])
        return [scale * root * (of_images - shared) + of_scale * normal + of_offset]

    # as in vgg_lesson.speed.acceleration, and for its reason, instead of tf.custom_gradient
    record.record_operation("NormalisedPastOneDNN", [outputs], [images, scale, offset], gradient, tangent)
    return outputs, mean, variance
