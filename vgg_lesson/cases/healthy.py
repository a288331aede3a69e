"""Networks that learn. An examination that names a cause here raises a false alarm."""

import keras
import numpy as np

from vgg_lesson.cases.case import Case, arguments, arrays, compiled, simple, small_vgg
from vgg_lesson.diagnosis.causes import HEALTHY

Adam, SGD, RMSprop = keras.optimizers.Adam, keras.optimizers.SGD, keras.optimizers.RMSprop


def mobile_net(seed: int) -> keras.Model:
    """Depthwise and pointwise convolutions with batch norm, as in MobileNet (Howard et al., arXiv 1704.04861)."""
    layers = [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="stem"),
        keras.layers.BatchNormalization(momentum=0.9, name="stem_bn"),
        keras.layers.ReLU(6.0, name="stem_relu"),
    ]
    for number, (filters, stride) in enumerate(((32, 1), (64, 2), (64, 1), (128, 2)), 1):
        layers += [
            keras.layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"depthwise{number}"),
            keras.layers.BatchNormalization(momentum=0.9, name=f"depthwise{number}_bn"),
            keras.layers.ReLU(6.0, name=f"depthwise{number}_relu"),
            keras.layers.Conv2D(filters, 1, use_bias=False, name=f"pointwise{number}"),
            keras.layers.BatchNormalization(momentum=0.9, name=f"pointwise{number}_bn"),
            keras.layers.ReLU(6.0, name=f"pointwise{number}_relu"),
        ]
    layers += [
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(10, activation="softmax", name="predictions"),
    ]
    return keras.Sequential(layers, name="mobile_net_like")


def residual_net(seed: int) -> keras.Model:
    """Residual blocks with batch norm (He et al., arXiv 1512.03385), linear output."""
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(16, 3, padding="same", kernel_initializer="he_normal", name="stem")(images)
    for number, (filters, stride) in enumerate(((16, 2), (32, 2), (64, 2)), 1):
        y = keras.layers.Conv2D(
            filters, 3, strides=stride, padding="same", kernel_initializer="he_normal", name=f"res{number}_conv1"
        )(x)
        y = keras.layers.ReLU(name=f"res{number}_relu1")(
            keras.layers.BatchNormalization(momentum=0.9, name=f"res{number}_bn1")(y)
        )
        y = keras.layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=f"res{number}_conv2")(
            y
        )
        y = keras.layers.BatchNormalization(momentum=0.9, gamma_initializer="zeros", name=f"res{number}_bn2")(y)
        skip = keras.layers.Conv2D(filters, 1, strides=stride, name=f"res{number}_skip")(x)
        x = keras.layers.ReLU(name=f"res{number}_relu2")(keras.layers.Add(name=f"res{number}_add")([skip, y]))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(images, keras.layers.Dense(10, name="scores")(x), name="residual")


def _other(build, optimizer, *, how="unit", one_hot=True, loss="categorical_crossentropy", **options):
    def make(dataset, seed):
        x, y, x_val, y_val = arrays(dataset, how, one_hot=one_hot)
        return arguments(
            compiled(build(seed), optimizer(), loss() if callable(loss) else loss), x, y, (x_val, y_val), **options
        )

    return make


def _trained(make, epochs=2):
    """The same case after a short training: weights are no longer those of a start."""

    def trained(dataset, seed):
        given = make(dataset, seed)
        given["history"] = given["model"].fit(
            given["x_train"],
            given["y_train"],
            batch_size=given.get("batch_size", 32),
            epochs=epochs,
            validation_data=given["validation_data"],
            verbose=0,
        )
        return given

    return trained


def _rescaling_inside(seed):
    model = small_vgg("A")
    return keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255, name="to_unit"), *model.layers], name="vgg_rescaling"
    )


def _flip_half(images):
    flipped = images.copy()
    flipped[::2] = flipped[::2, :, ::-1]
    return flipped


def _shift(images):
    return np.roll(images, 2, axis=2)


def _few_images(dataset, seed):
    return simple(configuration="A", batch_norm=True)(dataset.subset(train=600, seed=seed), seed)


def _split_by_keras(dataset, seed):
    x, y, _, _ = arrays(dataset)
    return arguments(compiled(small_vgg("A")), x, y, validation_split=0.2)


def _raw_into_rescaling(dataset, seed):
    y, y_val = (np.eye(10, dtype=np.float32)[part] for part in (dataset.y_train, dataset.y_val))
    return arguments(compiled(_rescaling_inside(seed)), dataset.x_train, y, (dataset.x_val, y_val))


def _uneven_classes(dataset, seed):
    x, y, x_val, y_val = arrays(dataset)
    kept = np.flatnonzero((dataset.y_train > 2) | (np.arange(len(y)) % 3 == 0))
    return arguments(compiled(small_vgg("A")), x[kept], y[kept], (x_val, y_val))


def _h(number, name, make):
    return Case(number, name, (HEALTHY,), make)


HEALTHY_CASES = (
    _h(101, "VGG16, He, Adam 5e-4", simple()),
    _h(
        102,
        "VGG11, He, Adam 1e-3, standardised",
        simple(configuration="A", how="standardise", optimizer=lambda: Adam(1e-3)),
    ),
    _h(103, "VGG13, He, Adam 3e-4", simple(configuration="B", optimizer=lambda: Adam(3e-4))),
    _h(104, "VGG16, batch norm, Adam 1e-3", simple(batch_norm=True, optimizer=lambda: Adam(1e-3))),
    _h(
        105,
        "VGG11, batch norm, SGD 0.05 momentum 0.9",
        simple(configuration="A", batch_norm=True, optimizer=lambda: SGD(0.05, momentum=0.9)),
    ),
    _h(
        106,
        "VGG11, He, SGD 0.01 momentum 0.9",
        simple(configuration="A", how="standardise", optimizer=lambda: SGD(0.01, momentum=0.9)),
    ),
    _h(107, "VGG19, He, Adam 5e-4", simple(configuration="E")),
    _h(108, "VGG11, dropout 0.5", simple(configuration="A", head=(128, 128), dropout=0.5)),
    _h(109, "VGG11, flips", simple(configuration="A", options={"augmentation": _flip_half})),
    _h(110, "VGG11, batch norm, batch 8", simple(configuration="A", batch_norm=True, options={"batch_size": 8})),
    _h(
        111,
        "VGG11, batch norm, batch 128",
        simple(configuration="A", batch_norm=True, optimizer=lambda: Adam(2e-3), options={"batch_size": 128}),
    ),
    _h(112, "MobileNet-like", _other(mobile_net, lambda: Adam(2e-3))),
    _h(
        113,
        "residual, linear output with from_logits=True",
        _other(
            residual_net,
            lambda: Adam(1e-3),
            one_hot=False,
            loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ),
    ),
    _h(114, "VGG11, batch norm, trained", _trained(simple(configuration="A", batch_norm=True))),
    _h(115, "VGG11, He, trained", _trained(simple(configuration="A"))),
    _h(116, "VGG11, class numbers", simple(configuration="A", one_hot=False)),
    _h(117, "VGG11, RMSprop 3e-4", simple(configuration="A", optimizer=lambda: RMSprop(3e-4))),
    _h(
        118,
        "VGG16, batch norm, mean of the channels taken off (the paper's preparation)",
        simple(batch_norm=True, how="mean_rgb"),
    ),
    _h(
        119,
        "VGG11, sigmoid and binary cross-entropy on one-hot rows",
        _other(lambda seed: _sigmoid(), lambda: Adam(5e-4), loss="binary_crossentropy"),
    ),
    _h(
        120,
        "VGG11, softmax with from_logits=True, which Keras heals",
        simple(configuration="A", loss=lambda: keras.losses.CategoricalCrossentropy(from_logits=True)),
    ),
    _h(121, "VGG11, 600 images", _few_images),
    _h(122, "VGG11, validation_split on shuffled data", _split_by_keras),
    _h(123, "raw uint8 images into a Rescaling layer", _raw_into_rescaling),
    _h(124, "VGG11, some classes three times as frequent", _uneven_classes),
    _h(
        125,
        "VGG11, batch norm, label smoothing, AdamW",
        simple(
            configuration="A",
            batch_norm=True,
            optimizer=lambda: keras.optimizers.AdamW(1e-3, weight_decay=5e-4),
            loss=lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        ),
    ),
    _h(
        126,
        "VGG11, Glorot, Adam 3e-4",
        simple(configuration="A", initializer="glorot_uniform", optimizer=lambda: Adam(3e-4)),
    ),
    _h(127, "VGG11, shifted images", simple(configuration="A", options={"augmentation": _shift})),
)


def _sigmoid():
    base = small_vgg("A")
    return keras.Sequential(
        [keras.Input((32, 32, 3)), *base.layers[:-1], keras.layers.Dense(10, activation="sigmoid", name="scores")],
        name="vgg_sigmoid",
    )
