"""Public reports of networks that did not learn, made again: the cause is the one that was confirmed there."""

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.cases.case import Case, arguments, arrays, compiled, simple, small_vgg, with_last_layers
from vgg_lesson.diagnosis import causes as c


def _bias_minus_ten(dataset, seed):
    model = small_vgg()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.bias_initializer = keras.initializers.Constant(-10)
            layer.bias.assign(np.full(layer.bias.shape, -10, np.float32))
    x, y, x_val, y_val = arrays(dataset)
    return arguments(compiled(model), x, y, (x_val, y_val))


def _validation_raw(dataset, seed):
    x, y, _, y_val = arrays(dataset)
    return arguments(compiled(small_vgg("A")), x, y, (dataset.x_val.astype(np.float32), y_val))


def _sorted_split(dataset, seed):
    x, y, _, _ = arrays(dataset)
    order = np.argsort(dataset.y_train, kind="stable")
    return arguments(compiled(small_vgg("A")), x[order], y[order], validation_split=0.2)


def _permuted_labels(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    return arguments(compiled(small_vgg("A")), x, np.random.default_rng(seed).permutation(y), (x_val, y_val))


def _one_softmax_unit(dataset, seed):
    x, _, x_val, _ = arrays(dataset)
    model = with_last_layers(lambda: keras.layers.Dense(1, activation="softmax"))
    return arguments(compiled(model, loss="mse"), x, dataset.y_train, (x_val, dataset.y_val))


def _one_sigmoid_unit(dataset, seed):
    x, _, x_val, _ = arrays(dataset)
    model = with_last_layers(lambda: keras.layers.Dense(1, activation="sigmoid"))
    return arguments(compiled(model, loss="binary_crossentropy"), x, dataset.y_train, (x_val, dataset.y_val))


def _linear_output(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    return arguments(compiled(with_last_layers(lambda: keras.layers.Dense(10))), x, y, (x_val, y_val))


def _softmax_twice(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    model = with_last_layers(lambda: keras.layers.Dense(10), keras.layers.Softmax, lambda: keras.layers.Rescaling(1.0))
    return arguments(compiled(model, loss=keras.losses.CategoricalCrossentropy(from_logits=True)), x, y, (x_val, y_val))


def equal_pairs(y_true, y_pred):
    """The report's metric: (B, 1) compared with (B,) gives a (B, B) table."""
    return tf.reduce_mean(tf.cast(tf.equal(tf.cast(y_true, tf.int64), tf.argmax(y_pred, axis=1)), tf.float32))


def _metric_of_pairs(dataset, seed):
    x, y, x_val, y_val = arrays(dataset, one_hot=False)
    model = compiled(small_vgg("A"), loss="sparse_categorical_crossentropy", metrics=[equal_pairs])
    return arguments(model, x, y[:, None], (x_val, y_val[:, None]))


def _frozen(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    model = small_vgg("A")
    model.trainable = False
    return arguments(compiled(model), x, y, (x_val, y_val))


REPORTED_CASES = (
    Case(
        1,
        "Glorot, Adam 1e-3, 16 layers, a quarter of the width",
        (c.INITIALISATION_TOO_SMALL, c.LEARNING_RATE_TOO_HIGH),
        simple(
            width=1 / 4, head=(256, 256), initializer="glorot_uniform", optimizer=lambda: keras.optimizers.Adam(1e-3)
        ),
        "the lecture; kuangliu/pytorch-cifar#28",
    ),
    Case(
        2,
        "He, Adam 1e-2 (the report's 1e-3 learns at this width)",
        (c.LEARNING_RATE_TOO_HIGH,),
        simple(optimizer=lambda: keras.optimizers.Adam(1e-2)),
        "tflearn/tflearn#691",
    ),
    Case(
        3,
        "kernels N(0, 0.01), deep",
        (c.INITIALISATION_TOO_SMALL,),
        simple(initializer=lambda: keras.initializers.RandomNormal(stddev=0.01)),
        "keras-team/keras#3752",
    ),
    Case(4, "bias -10 in every convolution", (c.DEAD_RELUS,), _bias_minus_ten, "apache/mxnet#1968"),
    Case(
        5,
        "SGD 10",
        (c.LEARNING_RATE_TOO_HIGH,),
        simple(configuration="A", optimizer=lambda: keras.optimizers.SGD(10.0)),
        "geifmany/cifar-vgg#1",
    ),
    Case(
        6,
        "Adam 1e-8",
        (c.LEARNING_RATE_TOO_LOW,),
        simple(configuration="A", optimizer=lambda: keras.optimizers.Adam(1e-8)),
        "keras-team/keras#2711",
    ),
    Case(7, "images 0..255", (c.INPUTS_NOT_SCALED,), simple(configuration="A", how="raw"), "keras-team/keras#6914"),
    Case(
        8,
        "training / 255, validation raw",
        (c.TRAIN_VALIDATION_PREPROCESSING_DIFFER,),
        _validation_raw,
        "keras-team/keras#12689, #13517",
    ),
    Case(
        9,
        "sorted by class, last fifth split off",
        (c.UNSHUFFLED_VALIDATION_SPLIT,),
        _sorted_split,
        "keras-team/keras#8346",
    ),
    Case(10, "labels permuted", (c.LABELS_INDEPENDENT_OF_IMAGES,), _permuted_labels, "keras-team/keras#6499"),
    Case(
        11,
        "Dense(1, softmax) for class numbers",
        (c.OUTPUT_LAYER_MISMATCH,),
        _one_softmax_unit,
        "keras-team/keras#4784",
    ),
    Case(
        12,
        "Dense(1, sigmoid), binary cross-entropy on 0..9",
        (c.LOSS_LABEL_MISMATCH,),
        _one_sigmoid_unit,
        "datascience.stackexchange 38604",
        also=(c.OUTPUT_LAYER_MISMATCH,),
    ),
    Case(
        13,
        "linear output, from_logits=False",
        (c.OUTPUT_LAYER_MISMATCH,),
        _linear_output,
        "fchollet/deep-learning-with-python-notebooks#124",
    ),
    Case(
        14,
        "softmax, another operation, from_logits=True",
        (c.OUTPUT_LAYER_MISMATCH,),
        _softmax_twice,
        "nfmcclure/tensorflow_cookbook#86",
    ),
    Case(15, "metric compares (B, 1) with (B,)", (c.METRIC_MISMATCH,), _metric_of_pairs, "tensorflow/tensorflow#62460"),
    Case(
        16,
        "binary_accuracy on one-hot labels",
        (c.METRIC_MISMATCH,),
        simple(configuration="A", metrics=("binary_accuracy",)),
        "the binary_crossentropy thread on Stack Overflow",
    ),
    Case(17, "everything frozen", (c.FROZEN_WEIGHTS,), _frozen, "keras-team/keras#2506"),
)
