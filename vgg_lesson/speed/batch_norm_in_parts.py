"""Batch normalisation of a training batch that comes in parts, with the mean and variance of the whole batch.

Each part is read twice, for its own mean and variance and to be normalised, and once more on the way back: in all some
1.8 times what one kernel does for a whole batch. It is worth that, because the parts meet for a few numbers only.
"""

import keras
import tensorflow as tf
from tensorflow.python.eager import record  # not public; the package pins TensorFlow 2.21

from vgg_lesson.speed.fused_batch_norm import is_fused, normalise

OF_A_GRAPH = "VggLessonNormalisedInParts"
"""Under which name TensorFlow knows the gradient."""
ONCE = (
    "no second derivatives of a function that takes batches in halves; set TF_NUM_INTRAOP_THREADS=0 before the import"
)
"""What TensorFlow says where it would have to derive the gradient below by itself, and would do so wrongly."""


def can_come_in_parts(layer: keras.layers.Layer, training) -> bool:
    """True for a batch normalisation that uses its running values, or that :func:`normalise_parts` can do."""
    if type(layer) is not keras.layers.BatchNormalization:
        return False
    maps = layer.axis in (-1, 3) and layer.input_spec.ndim == 4
    if not (training and layer.trainable):
        return maps
    return maps and is_fused(layer)


def normalise_parts(layer: keras.layers.BatchNormalization, parts: list) -> list:
    """What a layer makes of (n, H, W, C) parts of a batch in training; it updates its running values."""
    parts = [tf.cast(part, layer.compute_dtype) for part in parts]
    scale, offset = tf.convert_to_tensor(layer.gamma), tf.convert_to_tensor(layer.beta)
    outputs, mean, variance = _normalise(parts, scale, offset, layer.epsilon)
    keep = layer.momentum
    layer.moving_mean.assign(layer.moving_mean * keep + mean * (1 - keep))
    layer.moving_variance.assign(layer.moving_variance * keep + variance * (1 - keep))
    return outputs


def _normalise(parts, scale, offset, epsilon):
    with record.stop_recording():
        counts = [tf.cast(tf.size(part) // tf.shape(part)[-1], tf.float32) for part in parts]
        count = tf.add_n(counts)
        own = [normalise(part, scale, offset, epsilon)[1:3] for part in parts]
        mean = tf.add_n([one * number for (one, _), number in zip(own, counts, strict=True)]) / count
        # the kernel divides by one less than their number
        squares = [
            spread * (number - 1) + tf.math.squared_difference(one, mean) * number
            for (one, spread), number in zip(own, counts, strict=True)
        ]
        variance = tf.add_n(squares) / count
        outputs = [_by(part, scale, offset, mean, variance, epsilon) for part in parts]
        # what TensorFlow derives by, where it derives the operations of a graph: a tape around a whole function
        with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": OF_A_GRAPH}):
            held = [*parts, scale, offset, mean, variance, tf.constant(epsilon), count]
            outputs = tf.identity_n([*outputs, *held])[: len(parts)]

    def gradient(*upstream):
        return _gradient(upstream, parts, scale, mean, variance, epsilon, count)

    def tangent(*along):
        *along, of_scale, of_offset = along
        root = tf.math.rsqrt(variance + epsilon)
        along = [tf.cast(way, tf.float32) for way in along]
        normal = [(tf.cast(part, tf.float32) - mean) * root for part in parts]
        shift = _sum(along) / count
        stretch = _sum([one * way for one, way in zip(normal, along, strict=True)]) / count
        return [
            tf.cast(scale * root * (way - shift - one * stretch) + of_scale * one + of_offset, parts[0].dtype)
            for one, way in zip(normal, along, strict=True)
        ]

    record.record_operation("NormalisedInParts", outputs, [*parts, scale, offset], gradient, tangent)
    return outputs, mean, variance


def _sum(parts):
    return tf.add_n([tf.reduce_sum(part, [0, 1, 2]) for part in parts])


@tf.RegisterGradient(OF_A_GRAPH)
def _gradient_of_a_graph(operation, *upstream):
    *held, scale, _, mean, variance, epsilon, count = operation.inputs
    parts = held[len(held) // 2 :]
    found = _gradient(upstream[: len(parts)], parts, scale, mean, variance, float(tf.get_static_value(epsilon)), count)
    return [None] * len(parts) + list(found) + [None] * 4


def _gradient(upstream, parts, scale, mean, variance, epsilon, count):
    """With respect to the parts, the scale and the offset."""
    if record.could_possibly_record():  # by a tape that is to find second derivatives
        return _gradient_that_can_be_derived(upstream, parts, scale, mean, variance, epsilon)
    options = {"scale": scale, "reserve_space_1": mean, "reserve_space_2": variance, "epsilon": epsilon}
    own = [
        tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=one, x=part, **options, reserve_space_3=tf.zeros([0]), is_training=False
        )
        for one, part in zip(upstream, parts, strict=True)
    ]
    to_scale, to_offset = tf.add_n([one[1] for one in own]), tf.add_n([one[2] for one in own])
    # what each value did to the mean and the variance of all
    factor = -scale * tf.math.rsqrt(variance + epsilon) / count
    to_parts = [
        one[0] + _by(part, factor * to_scale, factor * to_offset, mean, variance, epsilon)
        for one, part in zip(own, parts, strict=True)
    ]
    return [tf.raw_ops.PreventGradient(input=one, message=ONCE) for one in (*to_parts, to_scale, to_offset)]


def _gradient_that_can_be_derived(upstream, parts, scale, mean, variance, epsilon):
    to_whole, to_scale, to_offset, *_ = tf.raw_ops.FusedBatchNormGradV3(
        y_backprop=tf.concat(upstream, axis=0),
        x=tf.concat(parts, axis=0),
        scale=scale,
        reserve_space_1=mean,
        reserve_space_2=variance,
        reserve_space_3=tf.zeros([0]),
        epsilon=epsilon,
        is_training=True,
    )
    return *tf.split(to_whole, [tf.shape(part)[0] for part in parts]), to_scale, to_offset


def _by(images, scale, offset, mean, variance, epsilon):
    """Images normalised with a mean and a variance that are known."""
    return tf.raw_ops.FusedBatchNormV3(
        x=images, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=False
    )[0]
