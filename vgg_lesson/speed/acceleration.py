"""Faster convolutions for Keras's own Conv2D on CPUs, and all that makes a model's step faster, in one call.

TensorFlow's kernels for convolutions and their gradients are slow on CPUs for the small feature maps
of a VGG's last blocks. All three can be had from operations that are not:

* On the smallest maps convolutions and both gradients are matrix products, see
  :mod:`vgg_lesson.speed.small_maps`.
* Where oneDNN is off, the gradient with respect to the input of a stride-1, 'same' convolution is made
  of another such convolution: of the output's gradient with the kernel flipped in space and its channel
  axes swapped (Dumoulin and Visin, arXiv 1603.07285, section 4).
"""

import math
import platform

import keras
import tensorflow as tf
from tensorflow.python.eager import record  # not public, nor is the next; the package pins TensorFlow 2.21
from tensorflow.python.util._pywrap_util_port import IsMklEnabled as onednn_is_on

from vgg_lesson.speed import small_maps
from vgg_lesson.speed.fused_batch_norm import fuse_batch_norm
from vgg_lesson.speed.halves import halve_batches

X86 = ("x86_64", "AMD64")
"""Processors on which oneDNN's own gradient of the input was measured; on ARM it has other kernels."""
KNOWN = (tf.float32, tf.bfloat16)
"""Types in which products were measured."""
TINY_MAP = 4
SMALL_MAP, MANY_WEIGHTS = 16, 256 * 256
"""A convolution is one product on maps of at most 2 x 2 places, and one for each place up to 4 x 4 if a place of the
kernel has many weights.

Measured on two cores with batches of 32 and 128, in float32 held to AVX2, in float32 with AVX-512, and in bfloat16 with
AMX: on 2 x 2 maps forward and both gradients together take 0.35 to 0.75 of the time with 16 to 64 channels, 0.25 to 0.8
with 128, 0.1 to 0.45 with 512; on 4 x 4 maps, 256 to 512 channels, a convolution takes 0.4 to 1.05.
"""
MEDIUM_MAP_BFLOAT16, MANY_WEIGHTS_BFLOAT16 = 64, 128 * 256
"""The same for the kernel's gradient in bfloat16, where the cores have instructions for it (AMX): 2 times faster for
8 x 8 (1.7 times where only 128 channels come in), twice slower for 16 x 16."""


def _same_convolution(images, kernel):
    with record.stop_recording():
        outputs = _convolution(images, kernel)

    def gradient(upstream):
        upstream = tf.convert_to_tensor(upstream)  # of rows that were looked up, it comes as slices
        products_pay = _products_pay_for_gradient(images, kernel)
        to_kernel = small_maps.kernel_gradient if products_pay else _kernel_gradient
        return _input_gradient(images, upstream, kernel), to_kernel(images, upstream, kernel)

    # What tf.custom_gradient does for a GradientTape, but without its entry in TensorFlow's global
    # registry: that keeps every graph traced for every network alive for the rest of the process.
    record.record_operation("SameConvolution", [outputs], [images, kernel], gradient)
    return outputs


def _convolution(images, kernel):
    if _products_pay(images, kernel):
        return small_maps.convolution(images, kernel)
    return tf.nn.conv2d(images, kernel, strides=1, padding="SAME")


def _input_gradient(images, upstream, kernel):
    """Another convolution, unless oneDNN has it: that takes 0.7 to 1.0 times as long, on small maps the least."""
    if _products_pay(images, kernel) or not (onednn_is_on() and platform.machine() in X86):
        return _convolution(upstream, tf.transpose(tf.reverse(kernel, axis=[0, 1]), [0, 1, 3, 2]))
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(images), filter=kernel, out_backprop=upstream, strides=[1, 1, 1, 1], padding="SAME"
    )


def _kernel_gradient(images, upstream, kernel):
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=tf.shape(kernel), out_backprop=upstream, strides=[1, 1, 1, 1], padding="SAME"
    )


def _one_product_pays(images, kernel) -> bool:
    """On a tiny map whose places all see each other; else the product has zeros, of a 1 x 1 kernel three quarters."""
    tiny = kernel.dtype in KNOWN and _sizes(images, kernel)[0] <= TINY_MAP
    return tiny and all(2 * size - 1 <= reach for size, reach in zip(images.shape[1:3], kernel.shape[:2], strict=True))


def _products_pay(images, kernel) -> bool:
    places, weights = _sizes(images, kernel)
    return kernel.dtype in KNOWN and places <= SMALL_MAP and weights >= MANY_WEIGHTS


def _products_pay_for_gradient(images, kernel) -> bool:
    places, weights = _sizes(images, kernel)
    medium = kernel.dtype == tf.bfloat16 and places <= MEDIUM_MAP_BFLOAT16 and weights >= MANY_WEIGHTS_BFLOAT16
    return medium or _products_pay(images, kernel)


def _sizes(images, kernel) -> tuple[float, int]:
    """Places of the map, infinitely many where its size is not known, and weights of one place of the kernel."""
    return math.prod(size or math.inf for size in images.shape[1:3]), math.prod(kernel.shape[2:])


def accelerate(model: keras.Model) -> keras.Model:
    """Give the suitable convolutions and batch normalisations of a model the fast kernels, in place.

    Only what a plain ``keras.layers.Conv2D`` or ``BatchNormalization`` computes with is exchanged, not the layer, and
    on two cores a chain of Keras's own layers takes its batches in halves (:mod:`vgg_lesson.speed.halves`):
    class, configuration and weights stay Keras's own, so the model saves, loads and clones as ever (the
    copy starts out without the change). Layers with other strides, paddings, even kernels,
    dilation or groups keep the ordinary path, and so does everything when a GPU is present.

    Args:
        model: any built or unbuilt Keras model; call this before the first ``fit``.

    Returns:
        The same model.

    Raises:
        TypeError: no ``keras.Model``.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model, received {model!r}")
    if keras.backend.backend() == "tensorflow" and not tf.config.list_physical_devices("GPU"):
        for layer in model._flatten_layers(include_self=False):
            if is_suitable(layer):
                layer.convolution_op = _convolve
            fuse_batch_norm(layer)
        halve_batches(model, whole=_is_many_products)
    return model


def is_suitable(layer: keras.layers.Layer) -> bool:
    """True for a Conv2D with stride 1, 'same' padding and a kernel that has a centre."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.strides == (1, 1)
        and layer.dilation_rate == (1, 1)
        and layer.padding == "same"
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and all(size % 2 for size in layer.kernel_size)  # an even kernel pads one side more
    )


def _convolve(inputs, kernel):
    value = tf.convert_to_tensor(kernel)
    if _one_product_pays(inputs, value):
        return small_maps.by_one_product(inputs, kernel)
    return _same_convolution(inputs, value)


def _is_many_products(layer, images) -> bool:
    """True for a convolution that is one product for each place: as many operations, side by side by themselves."""
    if not is_suitable(layer):
        return False
    return _products_pay(images, layer.kernel) and not _one_product_pays(images, layer.kernel)
