"""Faults that blind tests of the diagnosis brought to light (``benchmarks/blind``), made again on other networks."""

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.cases.case import Case, arguments, arrays, compiled, simple, small_vgg, with_last_layers
from vgg_lesson.diagnosis import causes as c


@tf.custom_gradient
def _against_the_slope(values):
    return tf.identity(values), lambda upstream: -upstream


class GradientReversal(keras.layers.Layer):
    """Passes its inputs on and turns gradients around (Ganin and Lempitsky, arXiv 1409.7495)."""

    def call(self, inputs):
        return _against_the_slope(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


class ConvolutionOfItsOwn(keras.layers.Layer):
    """A 3 x 3 convolution whose kernel Keras does not know of, since it is no ``keras.Variable``.

    Args:
        filters: channels that come out.
        last: without ReLU, and with a bias that Keras does know.
    """

    def __init__(self, filters: int, last: bool = False, **options):
        super().__init__(**options)
        self.filters, self.last = filters, last

    def build(self, input_shape):
        shape = (3, 3, input_shape[-1], self.filters)
        self.kernel = tf.Variable(keras.random.normal(shape, stddev=(2 / np.prod(shape[:3])) ** 0.5))
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias") if self.last else None

    def call(self, inputs):
        values = tf.nn.conv2d(inputs, self.kernel, 1, "SAME")
        return values + self.bias if self.last else tf.nn.relu(values)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "last": self.last}


def _reversed(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    output = lambda: keras.layers.Dense(10, activation="softmax")  # noqa: E731
    return arguments(compiled(with_last_layers(GradientReversal, output)), x, y, (x_val, y_val))


def _one_at_a_time(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    layers = [keras.layers.BatchNormalization, lambda: keras.layers.Dense(10, activation="softmax")]
    return arguments(compiled(with_last_layers(*layers)), x, y, (x_val, y_val), batch_size=1)


def _not_counted(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    layers = [keras.Input(x.shape[1:])]
    for filters in (16, 32, 64):
        layers += [ConvolutionOfItsOwn(filters), keras.layers.MaxPooling2D()]
    layers += [ConvolutionOfItsOwn(10, last=True), keras.layers.GlobalAveragePooling2D(), keras.layers.Softmax()]
    return arguments(compiled(keras.Sequential(layers)), x, y, (x_val, y_val))


def _one_array_for_ten(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    last = np.minimum(np.arange(len(x)) // 10 * 10 + 9, len(x) - 1)
    return arguments(compiled(small_vgg("A")), x[last], y, (x_val, y_val))


def _loss_of_means(labels, answers):
    shares, answered = keras.ops.mean(labels, axis=0), keras.ops.mean(answers, axis=0)
    return -keras.ops.sum(shares * keras.ops.log(answered + 1e-7))


BLIND_CASES = (
    Case(46, "a layer that turns gradients around", (c.GRADIENT_WRONG,), _reversed),
    Case(
        47,
        "gradients of 1,024 batches make one step",
        (c.LEARNING_RATE_TOO_LOW,),
        simple(configuration="A", optimizer=lambda: keras.optimizers.Adam(5e-4, gradient_accumulation_steps=1024)),
    ),
    Case(48, "batches of one image, batch norm of vectors", (c.BATCHNORM_STATISTICS,), _one_at_a_time),
    Case(49, "kernels kept in tf.Variable", (c.FROZEN_WEIGHTS,), _not_counted),
    Case(50, "one image in the place of ten", (c.LABELS_INDEPENDENT_OF_IMAGES,), _one_array_for_ten),
    Case(
        51,
        "a loss of the batch's mean answer",
        (c.LOSS_LABEL_MISMATCH,),
        simple(configuration="A", loss=lambda: _loss_of_means),
    ),
)
