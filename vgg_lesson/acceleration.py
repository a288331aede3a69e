"""A faster input gradient for Keras's own Conv2D on CPUs.

The gradient of a stride-1, 'same' convolution with respect to its input is again such a
convolution: of the output's gradient with the kernel flipped in space and its channel axes
swapped (Dumoulin and Visin, arXiv 1603.07285, section 4). TensorFlow's dedicated kernel for that
gradient is slow on CPUs for the small feature maps of a VGG's last blocks, its forward
convolution is not.
"""

import keras
import tensorflow as tf
from tensorflow.python.eager import record  # not public; the package pins TensorFlow 2.21


def _same_convolution(images, kernel):
    with record.stop_recording():
        outputs = tf.nn.conv2d(images, kernel, strides=1, padding="SAME")

    def gradient(upstream):
        flipped = tf.transpose(tf.reverse(kernel, axis=[0, 1]), [0, 1, 3, 2])
        to_images = tf.nn.conv2d(upstream, flipped, strides=1, padding="SAME")
        to_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=images, filter_sizes=tf.shape(kernel), out_backprop=upstream, strides=[1, 1, 1, 1], padding="SAME"
        )
        return to_images, to_kernel

    # What tf.custom_gradient does for a GradientTape, but without its entry in TensorFlow's global
    # registry: that keeps every graph traced for every network alive for the rest of the process.
    record.record_operation("SameConvolution", [outputs], [images, kernel], gradient)
    return outputs


def accelerate(model: keras.Model) -> keras.Model:
    """Give the suitable convolutions of a model the fast input gradient, in place.

    Only what a plain ``keras.layers.Conv2D`` computes with is exchanged, not the layer: class,
    configuration and weights stay Keras's own, so the model saves, loads and clones as ever (the
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
    return model


def is_suitable(layer: keras.layers.Layer) -> bool:
    """True for a Conv2D whose input gradient is itself a stride-1 'same' convolution."""
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
