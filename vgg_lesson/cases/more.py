"""Faults of the same kinds as the reported ones, in other places and sizes."""

import keras
import numpy as np

from vgg_lesson.cases.case import Case, arguments, arrays, compiled, simple, small_vgg, with_last_layers
from vgg_lesson.diagnosis import causes as c

_exponential = keras.optimizers.schedules.ExponentialDecay


def _on_labels(change, **compile_options):
    """A case in which only the labels are changed: ``change(class numbers) -> labels``."""

    def make(dataset, seed):
        x, _, x_val, _ = arrays(dataset)
        return arguments(
            compiled(small_vgg("A"), **compile_options), x, change(dataset.y_train), (x_val, change(dataset.y_val))
        )

    return make


def _on_images(change, **vgg):
    """A case in which only the images are changed, of training and validation alike."""

    def make(dataset, seed):
        x, y, x_val, y_val = arrays(dataset)
        return arguments(compiled(small_vgg(**{"configuration": "A", **vgg})), change(x), y, (change(x_val), y_val))

    return make


def _on_validation_images(change):
    def make(dataset, seed):
        x, y, x_val, y_val = arrays(dataset)
        return arguments(compiled(small_vgg("A")), x, y, (change(x_val), y_val))

    return make


def _augmented(change):
    def make(dataset, seed):
        x, y, x_val, y_val = arrays(dataset)
        return arguments(
            compiled(small_vgg("A")), x, y, (x_val, y_val), augmentation=change(np.random.default_rng(seed))
        )

    return make


def _with_nan(images):
    images = images.copy()
    images[3::50, 4:6] = np.nan
    return images


def _mostly_one_class(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    rare = np.flatnonzero(dataset.y_train != 0)[::40]
    kept = np.sort(np.concatenate([np.flatnonzero(dataset.y_train == 0), rare]))
    return arguments(compiled(small_vgg("A")), x[kept], y[kept], (x_val, y_val))


def _network(make_model, optimizer=None):
    """A case in which only the network is changed: ``make_model()`` gives it, not yet compiled."""

    def make(dataset, seed):
        x, y, x_val, y_val = arrays(dataset)
        return arguments(compiled(make_model(), optimizer and optimizer()), x, y, (x_val, y_val))

    return make


def _slow_statistics():
    model = small_vgg("A", batch_norm=True)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9999
    return model


def _zero_gammas():
    model = small_vgg("A", batch_norm=True)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma_initializer = keras.initializers.Zeros()
    return keras.models.clone_model(model)  # initialisers take effect when a layer is built


def _penalty():
    model = small_vgg("A")
    for layer in model.layers:
        if hasattr(layer, "kernel_regularizer"):
            layer.kernel_regularizer = keras.regularizers.L2(1.0)
    return keras.models.clone_model(model)  # and so do penalties


def _dropout_everywhere():
    return small_vgg("A", head=(64, 64), dropout=0.99)


def _stop_gradient():
    model = with_last_layers(
        lambda: keras.layers.Lambda(lambda z: keras.ops.stop_gradient(z)),
        lambda: keras.layers.Dense(10, activation="softmax"),
    )
    model.layers[-1].trainable = False
    return model


def _held_small():
    layers = [keras.Input((32, 32, 3))]
    held = {"kernel_constraint": keras.constraints.MaxNorm(1e-4)}
    for filters in (16, 32, 64):
        layers += [keras.layers.Conv2D(filters, 3, activation="relu", **held), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax", **held)]
    return keras.Sequential(layers)


def _rescaled_again():
    rescaling = keras.layers.Rescaling(1 / 127.5, offset=-1)
    return keras.Sequential([keras.Input((32, 32, 3)), rescaling, *small_vgg("A").layers], name="vgg_rescaling")


def _only_head_trains():
    model = small_vgg("A")
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model


def _relu_output():
    return with_last_layers(lambda: keras.layers.Dense(10, activation="relu"))


def _softmax_of_softmax():
    return with_last_layers(
        lambda: keras.layers.Dense(10, activation="softmax"), lambda: keras.layers.Activation("softmax")
    )


def _normalised_over_one_channel(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    grey, grey_val = (part.mean(axis=-1, keepdims=True) for part in (x, x_val))
    vgg = small_vgg("A", input_shape=grey.shape[1:])
    model = keras.Sequential([keras.Input(grey.shape[1:]), keras.layers.LayerNormalization(), *vgg.layers])
    return arguments(compiled(model), grey, y, (grey_val, y_val))


def _mse_on_numbers(dataset, seed):
    x, _, x_val, _ = arrays(dataset)
    return arguments(
        compiled(small_vgg("A"), loss=lambda y, p: keras.ops.mean((keras.ops.cast(y, "float32")[:, None] - p) ** 2)),
        x,
        dataset.y_train,
        (x_val, dataset.y_val),
    )


def _noise(rng):
    return lambda images: rng.uniform(0, 1, images.shape).astype(np.float32)


def _erase(rng):
    return lambda images: images * 0.0 + images.mean()


MORE_CASES = (
    Case(
        18,
        "kernels N(0, 1)",
        (c.INITIALISATION_TOO_LARGE,),
        simple(configuration="A", initializer=lambda: keras.initializers.RandomNormal(stddev=1.0)),
    ),
    Case(
        19,
        "class numbers 1..10",
        (c.LABELS_OUT_OF_RANGE,),
        _on_labels(lambda y: y + 1, loss="sparse_categorical_crossentropy"),
    ),
    Case(
        20,
        "one-hot rows for the sparse loss",
        (c.LOSS_LABEL_MISMATCH,),
        _on_labels(lambda y: np.eye(10, dtype=np.float32)[y], loss="sparse_categorical_crossentropy"),
    ),
    Case(21, "squared error on class numbers against ten probabilities", (c.LOSS_LABEL_MISMATCH,), _mse_on_numbers),
    Case(22, "whole-number division by 255", (c.INPUTS_CONSTANT,), _on_images(lambda x: np.zeros_like(x) + (x == 2.0))),
    Case(23, "NaN in some images", (c.NON_FINITE_VALUES,), _on_images(_with_nan)),
    Case(24, "nine of ten images show one class", (c.CLASS_IMBALANCE,), _mostly_one_class),
    Case(
        25,
        "batch norm momentum 0.9999",
        (c.BATCHNORM_STATISTICS,),
        _network(_slow_statistics, lambda: keras.optimizers.Adam(1e-3)),
    ),
    Case(26, "L2 penalty 1.0", (c.REGULARISATION_TOO_STRONG,), _network(_penalty)),
    Case(27, "dropout 0.99", (c.REGULARISATION_TOO_STRONG,), _network(_dropout_everywhere)),
    Case(28, "augmentation replaces images by noise", (c.AUGMENTATION_DESTROYS_IMAGES,), _augmented(_noise)),
    Case(29, "augmentation blanks images", (c.AUGMENTATION_DESTROYS_IMAGES,), _augmented(_erase)),
    Case(30, "only the last layer trains, on random features", (c.FROZEN_WEIGHTS,), _network(_only_head_trains)),
    Case(31, "no gradient reaches a weight", (c.FROZEN_WEIGHTS,), _network(_stop_gradient)),
    Case(32, "ReLU as output activation", (c.OUTPUT_LAYER_MISMATCH,), _network(_relu_output)),
    Case(33, "softmax of softmax", (c.OUTPUT_LAYER_MISMATCH,), _network(_softmax_of_softmax)),
    Case(
        34,
        "validation images turned by 90 degrees",
        (c.TRAIN_VALIDATION_PREPROCESSING_DIFFER,),
        _on_validation_images(lambda x: np.ascontiguousarray(np.rot90(x, 1, (1, 2)))),
    ),
    Case(
        35,
        "validation images standardised, training images / 255",
        (c.TRAIN_VALIDATION_PREPROCESSING_DIFFER,),
        _on_validation_images(lambda x: (x - x.mean()) / x.std()),
    ),
    Case(
        36,
        "images shifted against labels by one",
        (c.LABELS_INDEPENDENT_OF_IMAGES,),
        _on_labels(lambda y: np.eye(10, dtype=np.float32)[np.roll(y, 1)]),
    ),
    Case(
        37,
        "SGD 1e-6",
        (c.LEARNING_RATE_TOO_LOW,),
        simple(configuration="A", optimizer=lambda: keras.optimizers.SGD(1e-6, momentum=0.9)),
    ),
    Case(38, "kernels zero", (c.INITIALISATION_TOO_SMALL,), simple(configuration="A", initializer="zeros")),
    Case(39, "images divided by 255 twice", (c.INPUTS_NOT_SCALED,), _on_images(lambda x: x / 255)),
    Case(
        40,
        "a schedule whose rate is gone after twenty steps",
        (c.LEARNING_RATE_TOO_LOW,),
        simple(configuration="A", optimizer=lambda: keras.optimizers.Adam(_exponential(5e-4, 1, 0.7))),
    ),
    Case(
        41,
        "validation images read as BGR",
        (c.TRAIN_VALIDATION_PREPROCESSING_DIFFER,),
        _on_validation_images(lambda x: np.ascontiguousarray(x[..., ::-1])),
    ),
    Case(42, "kernels held to a norm of 1e-4", (c.REGULARISATION_TOO_STRONG,), _network(_held_small)),
    Case(43, "images / 255 into a layer that takes 0..255 to -1..1", (c.INPUTS_NOT_SCALED,), _network(_rescaled_again)),
    Case(
        44, "gammas of batch norm at 0, no shortcut", (c.SIGNAL_BLOCKED,), _network(_zero_gammas), also=(c.DEAD_RELUS,)
    ),
    Case(45, "grey images normalised over their one channel", (c.SIGNAL_BLOCKED,), _normalised_over_one_channel),
)
