"""Faster gradients for Keras's own Conv2D on CPUs, and all that makes a model's step faster, in one call.

TensorFlow's dedicated kernels for the gradients of a convolution are slow on CPUs for the small
feature maps of a VGG's last blocks. Both gradients can be had from operations that are not:

* The gradient with respect to the input of a stride-1, 'same' convolution is again such a
  convolution: of the output's gradient with the kernel flipped in space and its channel axes
  swapped (Dumoulin and Visin, arXiv 1603.07285, section 4).
* The gradient with respect to each of a kernel's places is a product of two matrices: of what this
  place was laid on, and of the output's gradient there.
"""

import math

import keras
import tensorflow as tf
from tensorflow.python.eager import record  # not public; the package pins TensorFlow 2.21

from vgg_lesson.fused_batch_norm import fuse_batch_norm

SMALL_MAPS = {"float32": 16, "bfloat16": 64}
MANY_WEIGHTS = {"float32": 256 * 256, "bfloat16": 128 * 256}
"""The kernel's gradient comes from matrix products on maps of at most so many places, if a place of the kernel has at
least so many weights.

Measured at full width, batch 128, two AVX2 cores: 8 times faster for 2 x 2, 1.6 times for 4 x 4, no gain for 8 x 8 and
above. At 1/4 width they gain 4% of a step, at 1/8 nothing, and tracing them takes 0.3 s. In bfloat16, where the cores
have instructions for it (AMX): 5 times faster for 4 x 4, 2 times for 8 x 8 (1.7 times where only 128 channels come in),
twice slower for 16 x 16.
"""


def _same_convolution(images, kernel):
    with record.stop_recording():
        outputs = tf.nn.conv2d(images, kernel, strides=1, padding="SAME")

    def gradient(upstream):
        places = math.prod(size or math.inf for size in images.shape[1:3])
        kind, weights = kernel.dtype.name, math.prod(kernel.shape[2:])
        products_pay = places <= SMALL_MAPS.get(kind, 0) and weights >= MANY_WEIGHTS.get(kind, math.inf)
        to_kernel = _by_products if products_pay else _by_tensorflow
        return _to_images(upstream, kernel), to_kernel(images, upstream, kernel)

    # What tf.custom_gradient does for a GradientTape, but without its entry in TensorFlow's global
    # registry: that keeps every graph traced for every network alive for the rest of the process.
    record.record_operation("SameConvolution", [outputs], [images, kernel], gradient)
    return outputs


def _to_images(upstream, kernel):
    flipped = tf.transpose(tf.reverse(kernel, axis=[0, 1]), [0, 1, 3, 2])
    return tf.nn.conv2d(upstream, flipped, strides=1, padding="SAME")


def _by_tensorflow(images, upstream, kernel):
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=tf.shape(kernel), out_backprop=upstream, strides=[1, 1, 1, 1], padding="SAME"
    )


def _by_products(images, upstream, kernel):
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
