"""Twenty more networks, by another author."""

import keras
import numpy as np
from keras import layers, ops


def unit(images):
    return images.astype("float32") / 255


def one_hot(labels):
    return np.eye(10, dtype="float32")[labels]


def mixed(x, y, seed=11):
    """The same pairs in a random order, so that no case depends on the order of the data set."""
    order = np.random.default_rng(seed).permutation(len(y))
    return x[order], y[order]


def pairs(data, images=unit, labels=np.asarray):
    """The three data arguments of examine, with the images and labels of both sets prepared alike."""
    (x, y), (x_val, y_val) = mixed(data.x_train, data.y_train), mixed(data.x_val, data.y_val)
    return {"x_train": images(x), "y_train": labels(y), "validation_data": (images(x_val), labels(y_val))}


def compiled(model, loss="sparse_categorical_crossentropy", optimizer=None, metrics=("accuracy",)):
    optimizer = optimizer or keras.optimizers.Adam(1e-3)
    model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics), jit_compile=False)
    return model


def classifier(inputs, x, units=10, activation="softmax"):
    return keras.Model(inputs, layers.Dense(units, activation=activation)(x))


def norm(**options):
    """Batch normalisation whose averages are ready within the 190 steps of three epochs."""
    return layers.BatchNormalization(momentum=0.9, **options)


def conv(x, filters, size=3, strides=1):
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return layers.Conv2D(filters, size, strides, **options)(x)


def conv_bn(x, filters, size=3, strides=1):
    return layers.ReLU()(norm()(conv(x, filters, size, strides)))


def separable_bn(x, filters, strides=1):
    x = norm()(layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x))
    return conv_bn(x, filters, size=1)


def residual(x, filters, strides=1, gamma="ones"):
    branch = conv_bn(x, filters, strides=strides)
    branch = norm(gamma_initializer=gamma)(conv(branch, filters))
    if strides != 1 or x.shape[-1] != filters:
        x = norm()(conv(x, filters, 1, strides))
    return layers.ReLU()(layers.Add()([x, branch]))


def squeeze_excite(x):
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(x.shape[-1] // 4, 1, activation="relu")(gate)
    return layers.Multiply()([x, layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(gate)])


def plain_vgg(*first, **options):
    """A small VGG without batch normalisation; `first` are layers before it, `options` go to its hidden layers."""
    options = {"activation": "relu", "kernel_initializer": "he_uniform", **options}
    model = keras.Sequential([layers.Input((32, 32, 3)), *first])
    for filters in (16, 32, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", **options))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(64, **options))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def small_resnet():
    inputs = layers.Input((32, 32, 3))
    x = conv_bn(inputs, 16, strides=2)
    x = residual(residual(x, 32), 64, strides=2)
    return classifier(inputs, layers.GlobalAveragePooling2D()(x))


# Broken.


def brightness_of_raw_pixels(data):
    """RandomBrightness keeps its default range of 0..255 while images are 0..1, so in training it wipes them out."""
    model = plain_vgg(layers.RandomFlip("horizontal"), layers.RandomBrightness(0.2))
    return {"model": compiled(model), **pairs(data)}


def augmentation_rescales_again(data):
    """The augmentation divides by 255 images that already are 0..1, so validation is 255 times brighter."""
    flip = layers.RandomFlip("horizontal")

    def augment(batch):
        return flip(ops.cast(batch, "float32") / 255, training=True)

    inputs = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D()(conv_bn(inputs, 16, size=5))
    x = layers.MaxPooling2D()(conv_bn(x, 32))
    x = layers.GlobalAveragePooling2D()(conv_bn(conv_bn(x, 64), 64))
    return {"model": compiled(classifier(inputs, x)), **pairs(data), "augmentation": augment}


def classes_numbered_by_first_appearance(data):
    """Training and validation classes are each numbered in their order of appearance, so their numbers do not agree."""

    def factorized(labels):  # what pandas.factorize gives
        _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[inverse]

    return {"model": compiled(small_resnet()), **pairs(data, labels=factorized)}


def one_image_skipped(data):
    """One image was dropped in loading but its label was not, so every label after it belongs to the previous image."""
    arguments = pairs(data)
    arguments["x_train"] = np.delete(arguments["x_train"], 150, axis=0)
    arguments["y_train"] = arguments["y_train"][:-1]
    inputs = layers.Input((32, 32, 3))
    x = separable_bn(separable_bn(conv_bn(inputs, 24, strides=2), 48, strides=2), 96)
    return {"model": compiled(classifier(inputs, layers.GlobalAveragePooling2D()(x))), **arguments}


def instance_norm_before_pooling(data):
    """Instance normalisation right before global average pooling gives every channel mean 0, so nothing is left."""
    inputs = layers.Input((32, 32, 3))
    x = residual(residual(conv_bn(inputs, 16, strides=2), 32), 64, strides=2)
    x = layers.GroupNormalization(groups=64, epsilon=1e-5)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return {"model": compiled(classifier(inputs, x)), **pairs(data)}


def pooling_as_channels_first(data):
    """Global pooling is told channels_first, so it averages over columns and channels and leaves two numbers of 64."""
    inputs = layers.Input((32, 32, 3))
    x = inputs
    for filters in (16, 32, 64, 64):
        x = layers.MaxPooling2D()(conv_bn(x, filters))
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    return {"model": compiled(classifier(inputs, x)), **pairs(data)}


def weights_overwritten_by_average(data):
    """The optimizer writes a slow moving average over the weights at every step, so they move 1000 times too little."""
    inputs = layers.Input((32, 32, 3))
    x = conv_bn(inputs, 16, strides=2)
    x = squeeze_excite(conv_bn(x, 32))
    x = squeeze_excite(conv_bn(x, 64, strides=2))
    model = classifier(inputs, layers.GlobalAveragePooling2D()(x))
    optimizer = keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.999, ema_overwrite_frequency=1)
    return {"model": compiled(model, optimizer=optimizer), **pairs(data)}


def activity_in_place_of_kernel_regularizer(data):
    """The L1 penalty meant for the weights was given as activity_regularizer and drives all activations to zero."""
    return {"model": compiled(plain_vgg(activity_regularizer=keras.regularizers.L1(0.01))), **pairs(data)}


def difference_of_mirrored_branches(data):
    """A shared encoder's features of the image and of its mirror image are subtracted, not averaged, so they cancel."""
    image = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D()(conv_bn(image, 16))
    x = layers.MaxPooling2D()(conv_bn(x, 32))
    x = layers.GlobalAveragePooling2D()(conv_bn(x, 64))
    encoder = keras.Model(image, x, name="encoder")
    inputs = layers.Input((32, 32, 3))
    x = layers.Subtract()([encoder(inputs), encoder(ops.flip(inputs, axis=2))])
    return {"model": compiled(classifier(inputs, x)), **pairs(data)}


def frozen_backbone_expects_raw_pixels(data):
    """The frozen backbone was trained on pixels of 0..255 but gets 0..1, so its features hardly differ at all."""
    inputs = layers.Input((32, 32, 3))
    x = conv_bn(inputs, 16, strides=2)
    x = conv_bn(conv_bn(x, 32), 64, strides=2)
    backbone = keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="backbone")
    teacher = compiled(keras.Sequential([backbone, layers.Dense(10, activation="softmax")]))
    teacher.fit(*mixed(data.x_train.astype("float32"), data.y_train), epochs=2, verbose=0)
    backbone.trainable = False
    head = [layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    return {"model": compiled(keras.Sequential([layers.Input((32, 32, 3)), backbone, *head])), **pairs(data)}


def frame_of_each_site(data):
    """Each training class comes from a site with its own grey frame; validation has none: only frames are learnt."""
    arguments = pairs(data)
    framed = arguments["x_train"].copy()
    framed[:, 2:-2, 2:-2] = -1
    grey = (arguments["y_train"] / 9).astype("float32")[:, None, None, None]
    arguments["x_train"] = np.where(framed < 0, arguments["x_train"], grey)
    return {"model": compiled(small_resnet()), **arguments}


def metric_for_exact_equality(data):
    """The network learns, but metrics.Accuracy counts probabilities exactly equal to the one-hot label: always 0."""
    inputs = layers.Input((32, 32, 3))
    x = separable_bn(separable_bn(conv_bn(inputs, 24, strides=2), 48), 96, strides=2)
    model = classifier(inputs, layers.GlobalAveragePooling2D()(x))
    model = compiled(model, "categorical_crossentropy", metrics=[keras.metrics.Accuracy(name="accuracy")])
    return {"model": model, **pairs(data, labels=one_hot)}


def one_black_image_standardised(data):
    """One training image is all black; divided by its standard deviation it becomes NaN, and so do the weights."""

    def standardised(images):
        images = images.astype("float32")
        with np.errstate(invalid="ignore"):
            return (images - images.mean((1, 2, 3), keepdims=True)) / images.std((1, 2, 3), keepdims=True)

    (x, y), (x_val, y_val) = mixed(data.x_train, data.y_train), mixed(data.x_val, data.y_val)
    x[1234] = 0
    x, x_val = standardised(x), standardised(x_val)
    return {"model": compiled(plain_vgg()), "x_train": x, "y_train": y, "validation_data": (x_val, y_val)}


class FreshDense(layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.seed = keras.random.SeedGenerator(3)

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def call(self, x):
        kernel = keras.random.normal((x.shape[-1], self.units), stddev=x.shape[-1] ** -0.5, seed=self.seed)
        return ops.relu(ops.matmul(x, kernel))


def kernel_drawn_in_call(data):
    """The hand-written dense layer draws its kernel in call() and not in build(), so each step has another one."""
    inputs = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D()(conv_bn(inputs, 16))
    x = layers.MaxPooling2D()(conv_bn(x, 32))
    x = layers.GlobalAveragePooling2D()(conv_bn(x, 64))
    return {"model": compiled(classifier(inputs, FreshDense(64)(x))), **pairs(data)}


# Healthy.


def tiny_clipping_under_adam(data):
    """Fine: gradients are clipped to a norm of 0.001, but Adam divides by their size anyway."""
    inputs = layers.Input((32, 32, 3))
    x = squeeze_excite(separable_bn(conv_bn(inputs, 24, strides=2), 48))
    x = squeeze_excite(separable_bn(x, 96, strides=2))
    model = classifier(inputs, layers.GlobalAveragePooling2D()(x))
    return {"model": compiled(model, optimizer=keras.optimizers.Adam(2e-3, clipnorm=1e-3)), **pairs(data)}


def residuals_and_head_start_at_zero(data):
    """Fine: the last layer and the last scale of each residual branch start at zero, but do not stay there."""
    inputs = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D()(conv_bn(inputs, 16))
    x = layers.MaxPooling2D()(residual(x, 32, gamma="zeros"))
    x = layers.GlobalAveragePooling2D()(residual(conv_bn(x, 64), 64, gamma="zeros"))
    outputs = layers.Dense(10, activation="softmax", kernel_initializer="zeros")(x)
    return {"model": compiled(keras.Model(inputs, outputs), optimizer=keras.optimizers.Adam(2e-3)), **pairs(data)}


def summed_loss_of_hundred_outputs(data):
    """Fine: the loss is a sum over the batch and 90 of the 100 outputs have no class, but Adam and softmax cope."""
    inputs = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D()(conv_bn(inputs, 16))
    x = layers.MaxPooling2D()(conv_bn(x, 32))
    x = layers.GlobalAveragePooling2D()(conv_bn(x, 64))
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    return {"model": compiled(classifier(inputs, x, units=100), loss), **pairs(data, labels=lambda y: y[:, None])}


def training_accuracy_below_validation(data):
    """Fine: dropout of 0.5 and flips in training only keep the training accuracy below that of validation."""
    inputs = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D()(conv_bn(inputs, 16))
    x = layers.MaxPooling2D()(conv_bn(x, 32))
    x = layers.GlobalAveragePooling2D()(conv_bn(x, 128))
    model = compiled(classifier(inputs, layers.Dropout(0.5)(x)), optimizer=keras.optimizers.Adam(4e-3))
    arguments = pairs(data)
    del arguments["validation_data"]
    return {"model": model, **arguments, "validation_split": 0.2, "augmentation": layers.RandomFlip("horizontal")}


def hinge_without_softmax(data):
    """Fine: no softmax and all classes numbered one too low (0 became 9), but the hinge loss needs neither."""
    inputs = layers.Input((32, 32, 3))
    colour = layers.AveragePooling2D(4)(conv_bn(inputs, 16, size=1))
    shape = layers.MaxPooling2D()(conv_bn(layers.MaxPooling2D()(conv_bn(inputs, 16)), 32))
    x = layers.Concatenate()([colour, shape])
    model = classifier(inputs, layers.GlobalAveragePooling2D()(conv_bn(x, 64)), activation=None)
    return {"model": compiled(model, "categorical_hinge"), **pairs(data, labels=lambda y: one_hot(y - 1))}


def frozen_random_stem_and_smoothed_labels(data):
    """Fine: a frozen random first convolution and smoothed labels keep the loss near 2, but the others learn."""
    image = layers.Input((32, 32, 3))
    stem = keras.Model(image, layers.MaxPooling2D()(conv_bn(image, 32, size=5)), name="stem")
    stem.get_layer(index=1).trainable = False
    inputs = layers.Input((32, 32, 3), dtype="uint8")
    x = stem(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = conv_bn(conv_bn(x, 48, strides=2), 64)
    model = classifier(inputs, layers.GlobalAveragePooling2D()(x))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)
    return {"model": compiled(model, loss), **pairs(data, images=np.asarray, labels=one_hot)}


BROKEN = (
    brightness_of_raw_pixels,
    augmentation_rescales_again,
    classes_numbered_by_first_appearance,
    one_image_skipped,
    instance_norm_before_pooling,
    pooling_as_channels_first,
    weights_overwritten_by_average,
    activity_in_place_of_kernel_regularizer,
    difference_of_mirrored_branches,
    frozen_backbone_expects_raw_pixels,
    frame_of_each_site,
    metric_for_exact_equality,
    one_black_image_standardised,
    kernel_drawn_in_call,
)
HEALTHY = (
    tiny_clipping_under_adam,
    residuals_and_head_start_at_zero,
    summed_loss_of_hundred_outputs,
    training_accuracy_below_validation,
    hinge_without_softmax,
    frozen_random_stem_and_smoothed_labels,
)
