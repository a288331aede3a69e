"""Faster convolutions for Keras's own Conv2D on CPUs, and all that makes a model's step faster, in one call.

TensorFlow's kernels for convolutions and their gradients are slow on CPUs for the small feature maps
of a VGG's last blocks. All three can be had from operations that are not:

* What one place of the output holds is a product of two matrices: of that part of the images which the
  kernel reaches from there, and of the kernel's places that lie on it. Nothing is computed for the padding,
  which is more than half of the kernel on a map of 2 x 2.
* The gradient with respect to the input of a stride-1, 'same' convolution is again such a
  convolution: of the output's gradient with the kernel flipped in space and its channel axes
  swapped (Dumoulin and Visin, arXiv 1603.07285, section 4).
* The gradient with respect to each of a kernel's places is a product of two matrices: of what this
  place was laid on, and of the output's gradient there.
"""

import itertools
import math

import keras
import tensorflow as tf
from tensorflow.python.eager import record  # not public; the package pins TensorFlow 2.21

from vgg_lesson.fused_batch_norm import fuse_batch_norm

TINY_MAP, SMALL_MAP = 4, 16
MANY_WEIGHTS = 256 * 256
"""Convolutions are matrix products on maps of at most 2 x 2 places, and up to 4 x 4 if a place of the kernel has at
least so many weights.

Measured on two cores with batches of 32 and 128, in float32 held to AVX2, in float32 with AVX-512, and in bfloat16 with
AMX: on 2 x 2 maps a convolution of 64 to 64 channels takes 0.6 to 0.8 of the time, of 512 to 512 channels 0.15 to 0.5,
and the gradient of the kernel 0.1 to 0.7; on 4 x 4 maps, 256 to 512 channels, a convolution takes 0.4 to 1.05 of it. With
fewer channels there, and on larger maps, there is nothing to gain.
"""
MEDIUM_MAP_BFLOAT16, MANY_WEIGHTS_BFLOAT16 = 64, 128 * 256
"""The same for the kernel's gradient in bfloat16, where the cores have instructions for it (AMX): 2 times faster for
8 x 8 (1.7 times where only 128 channels come in), twice slower for 16 x 16."""


def _same_convolution(images, kernel):
    with record.stop_recording():
        outputs = _convolution(images, kernel)

    def gradient(upstream):
        flipped = tf.transpose(tf.reverse(kernel, axis=[0, 1]), [0, 1, 3, 2])
        to_kernel = _kernel_gradient_by_products if _products_pay_for_kernels(images, kernel) else _kernel_gradient
        return _convolution(upstream, flipped), to_kernel(images, upstream, kernel)

    # What tf.custom_gradient does for a GradientTape, but without its entry in TensorFlow's global
    # registry: that keeps every graph traced for every network alive for the rest of the process.
    record.record_operation("SameConvolution", [outputs], [images, kernel], gradient)
    return outputs


def _products_pay(images, kernel) -> bool:
    places, weights = _sizes(images, kernel)
    known = kernel.dtype in (tf.float32, tf.bfloat16)
    return known and places <= (SMALL_MAP if weights >= MANY_WEIGHTS else TINY_MAP)


def _products_pay_for_kernels(images, kernel) -> bool:
    places, weights = _sizes(images, kernel)
    medium = kernel.dtype == tf.bfloat16 and places <= MEDIUM_MAP_BFLOAT16 and weights >= MANY_WEIGHTS_BFLOAT16
    return medium or _products_pay(images, kernel)


def _sizes(images, kernel) -> tuple[float, int]:
    """Places of the map, infinitely many where its size is not known, and weights of one place of the kernel."""
    return math.prod(size or math.inf for size in images.shape[1:3]), math.prod(kernel.shape[2:])


def _convolution(images, kernel):
    if not _products_pay(images, kernel):
        return tf.nn.conv2d(images, kernel, strides=1, padding="SAME")
    outputs = kernel.shape[3]
    height, width = images.shape[1:3]
    products = []
    for row, column in itertools.product(range(height), range(width)):
        rows, kernel_rows = _overlap(row, height, kernel.shape[0])
        columns, kernel_columns = _overlap(column, width, kernel.shape[1])
        window = tf.reshape(kernel[kernel_rows, kernel_columns], [-1, outputs])
        products.append(tf.matmul(tf.reshape(images[:, rows, columns], [-1, window.shape[0]]), window))
    return tf.reshape(tf.stack(products, axis=1), [-1, height, width, outputs])


def _overlap(place: int, size: int, kernel: int) -> tuple[slice, slice]:
    """Along one axis: the places that a kernel reaches from this one, and the places of the kernel that lie there."""
    first, last = max(0, place - kernel // 2), min(size, place + kernel // 2 + 1)
    return slice(first, last), slice(first - place + kernel // 2, last - place + kernel // 2)


def _kernel_gradient(images, upstream, kernel):
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=tf.shape(kernel), out_backprop=upstream, strides=[1, 1, 1, 1], padding="SAME"
    )


def _kernel_gradient_by_products(images, upstream, kernel):
    rows, columns, inputs, outputs = kernel.shape
    height, width = images.shape[1:3]

    def at(down, right):
        """Gradient of the kernel's place so far from its centre; where it lies on the padding, nothing is added."""
        if abs(down) >= height or abs(right) >= width:
            return tf.zeros([inputs, outputs], images.dtype)
        under = images[:, max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
        above = upstream[:, max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)]
        return tf.matmul(tf.reshape(under, [-1, inputs]), tf.reshape(above, [-1, outputs]), transpose_a=True)

    places = [(row - rows // 2, column - columns // 2) for row in range(rows) for column in range(columns)]
    return tf.reshape(tf.stack([at(*place) for place in places]), [rows, columns, inputs, outputs])


def accelerate(model: keras.Model) -> keras.Model:
    """Give the suitable convolutions and batch normalisations of a model the fast kernels, in place.

    Only what a plain ``keras.layers.Conv2D`` or ``BatchNormalization`` computes with is exchanged, not the layer:
    class, configuration and weights stay Keras's own, so the model saves, loads and clones as ever (the
    copy starts out without the change). Layers with other strides, paddings, even kernels,
    dilation or groups keep the ordinary path, and so does everything when a GPU is present.

    Args:
        model: any built or unbuilt Keras model; call this before the first ``fit``.

    Returns:
        The same model.
    """
    if keras.backend.backend() == "tensorflow" and not tf.config.list_physical_devices("GPU"):
        for layer in model._flatten_layers(include_self=False):
            if is_suitable(layer):
                layer.convolution_op = _convolve
            fuse_batch_norm(layer)
    return model


def start_sooner() -> None:
    """Let TensorFlow run its graphs as they were traced, without rewriting them first; for the whole process.

    Rewriting (Grappler) takes 0.3 s for each network that is trained, and gains nothing on a CPU: measured on two
    AVX2 cores, alternating, a step takes 0.95 to 1.03 times as long without it (VGG16 at 1/8, 1/4 and full width, with
    and without batch norm), ``predict`` 0.86 to 1.00 times. With a GPU nothing is changed: there it chooses the layout.
    """
    if not tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


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
    return _same_convolution(inputs, tf.convert_to_tensor(kernel))
