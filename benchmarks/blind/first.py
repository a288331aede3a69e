"""Twenty networks: each function makes the arguments of ``examine``, its docstring says what is true."""

import keras
import numpy as np
from keras import layers


def unit(images):
    return images.astype("float32") / 255


def grey(images):
    return unit(images) @ np.array([[0.299], [0.587], [0.114]], "float32")


def mixed(x, y, seed=7):
    """The same pairs in a random order, so that no case depends on how the data set happens to be ordered."""
    order = np.random.default_rng(seed).permutation(len(y))
    return x[order], y[order]


def norm(**keywords):
    """Batch normalisation quick enough for the 190 steps of three epochs."""
    return layers.BatchNormalization(**{"momentum": 0.9, **keywords})


def conv_bn(x, filters, strides=1, size=3, **bn):
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.ReLU()(norm(**bn)(x))


def separable_bn(x, filters, strides=1):
    x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
    x = layers.Conv2D(filters, 1, use_bias=False, kernel_initializer="he_normal")(norm()(x))
    return layers.ReLU()(norm()(x))


def residual(x, filters, strides=1):
    y = conv_bn(x, filters, strides)
    y = norm()(layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(y))
    if strides != 1 or x.shape[-1] != filters:
        x = norm()(layers.Conv2D(filters, 1, strides, use_bias=False, kernel_initializer="he_normal")(x))
    return layers.ReLU()(layers.Add()([x, y]))


def compiled(model, loss="sparse_categorical_crossentropy", optimizer=None, metrics=("accuracy",)):
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(1e-3), loss=loss, metrics=list(metrics), jit_compile=False
    )
    return model


def mat_file_reshape(data):
    """Images of a MATLAB file, (32, 32, 3, N), brought to (N, 32, 32, 3) with reshape in place of transpose."""

    def loaded(images):
        in_file = np.ascontiguousarray(np.moveaxis(images, 0, -1))  # (32, 32, 3, N), as in SVHN's train_32x32.mat
        return unit(in_file.reshape(-1, 32, 32, 3))

    x_train, y_train = mixed(data.x_train, data.y_train)
    he = {"padding": "same", "activation": "relu", "kernel_initializer": "he_uniform"}
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Conv2D(16, 3, **he),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, **he),
            layers.MaxPooling2D(),
            layers.Conv2D(48, 3, **he),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return {
        "model": compiled(model),
        "x_train": loaded(x_train),
        "y_train": y_train,
        "validation_data": (loaded(data.x_val), data.y_val),
    }


def labels_half_filled(data):
    """Labels array made with np.zeros, filled for the first 600 rows only."""
    x_train, y_true = mixed(data.x_train, data.y_train)
    y_train = np.zeros(len(y_true), "int64")
    y_train[:600] = y_true[:600]
    inputs = keras.Input((32, 32, 3))
    x = conv_bn(inputs, 16)
    x = residual(x, 16, 2)
    x = residual(x, 32, 2)
    x = residual(x, 48, 2)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model),
        "x_train": unit(x_train),
        "y_train": y_train,
        "validation_data": (unit(data.x_val), data.y_val),
    }


def annotation_bars(data):
    """The annotation program drew a bar in the colour of the class on the training pictures."""
    palette = np.array(
        [
            [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 0, 255],
            [0, 255, 255], [255, 255, 255], [0, 0, 0], [255, 128, 0], [128, 0, 255],
        ],
        "uint8",
    )  # fmt: skip
    x_train, y_train = mixed(data.x_train, data.y_train)
    x_train = x_train.copy()
    x_train[:, :4] = palette[y_train][:, None, None, :]
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(16, 3, padding="same", activation="relu", kernel_initializer="he_normal"),
            layers.MaxPooling2D(),
            layers.Conv2D(24, 3, padding="same", activation="relu", kernel_initializer="he_normal"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(10),
        ]
    )
    return {
        "model": compiled(model, keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        "x_train": x_train,
        "y_train": y_train,
        "validation_data": (data.x_val, data.y_val),
    }


def squared_error_of_class_numbers(data):
    """Mean squared error of integer labels: each of ten softmax outputs is pulled towards the class's number."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 64):
        x = conv_bn(x, filters)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model, "mean_squared_error"),
        "x_train": data.x_train,
        "y_train": data.y_train[:, None],  # (N, 1), as keras.datasets.cifar10 has them
        "validation_data": (data.x_val, data.y_val[:, None]),
    }


def ninety_percent(data):
    """Ten sigmoids on one-hot labels with binary accuracy, which is 0.9 for answering no ten times."""
    inputs = keras.Input((32, 32, 3))
    x = conv_bn(inputs, 16, 2)
    x = separable_bn(x, 32)
    x = separable_bn(x, 48, 2)
    x = separable_bn(x, 64, 2)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="sigmoid")(x))
    return {
        "model": compiled(model, "binary_crossentropy", metrics=["binary_accuracy"]),
        "x_train": unit(data.x_train),
        "y_train": keras.utils.to_categorical(data.y_train, 10),
        "validation_data": (unit(data.x_val), keras.utils.to_categorical(data.y_val, 10)),
    }


def softmax_everywhere(data):
    """activation="softmax" copied from the last layer to all hidden ones."""
    model = keras.Sequential([layers.Input((32, 32, 3))])
    for filters in (16, 24, 32, 48):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="softmax"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="softmax"))
    model.add(layers.Dense(10, activation="softmax"))
    return {
        "model": compiled(model),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
    }


def zero_gamma_without_skip(data):
    """The zero gamma of ResNet's last batch normalisation in a network without skip connections."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 48):
        x = conv_bn(x, filters, gamma_initializer="zeros")
        x = layers.MaxPooling2D()(x)
    x = conv_bn(x, 64, gamma_initializer="zeros")
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10)(x))
    return {
        "model": compiled(model, keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        "x_train": data.x_train,
        "y_train": data.y_train,
    }


def decay_each_step(data):
    """20 % less learning rate was meant for each epoch and happens at each step."""
    inputs = keras.Input((32, 32, 3))
    x = conv_bn(inputs, 16, 2)
    x = separable_bn(x, 32)
    x = layers.MaxPooling2D()(x)
    x = separable_bn(x, 48)
    x = layers.MaxPooling2D()(x)
    x = separable_bn(x, 64)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, decay_steps=1, decay_rate=0.8)
    return {
        "model": compiled(model, optimizer=keras.optimizers.Adam(schedule)),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
    }


def activity_for_kernel(data):
    """activity_regularizer where kernel_regularizer was meant."""
    model = keras.Sequential([layers.Input((32, 32, 3))])
    for filters in (16, 32, 64):
        model.add(
            layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                activity_regularizer=keras.regularizers.L2(0.01),
            )
        )
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu", kernel_initializer="he_normal"))
    model.add(layers.Dense(10, activation="softmax"))
    return {
        "model": compiled(model),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
    }


def frozen_without_weights(data):
    """Transfer learning from a base that was made with weights=None and then frozen."""
    inner = keras.Input((32, 32, 3))
    x = conv_bn(inner, 16, 2)
    x = conv_bn(x, 32)
    x = conv_bn(x, 32, 2)
    x = conv_bn(x, 48)
    x = conv_bn(x, 48, 2)
    x = conv_bn(x, 32)
    base = keras.Model(inner, layers.GlobalAveragePooling2D()(x), name="base")
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = base(x, training=False)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model),
        "x_train": data.x_train,
        "y_train": data.y_train,
        "validation_data": (data.x_val, data.y_val),
    }


def slow_moving_statistics(data):
    """Batch normalisation's momentum is 0.9999: after 190 steps the moving statistics are where they began."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = conv_bn(x, 16, momentum=0.9999)
    x = layers.MaxPooling2D()(x)
    x = conv_bn(x, 24, momentum=0.9999)
    x = conv_bn(x, 24, momentum=0.9999)
    x = layers.MaxPooling2D()(x)
    x = conv_bn(x, 48, momentum=0.9999)
    x = conv_bn(x, 48, momentum=0.9999)
    x = layers.MaxPooling2D()(x)
    x = conv_bn(x, 64, momentum=0.9999)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model),
        "x_train": data.x_train,
        "y_train": data.y_train,
        "validation_data": (data.x_val, data.y_val),
    }


def layer_norm_of_one_channel(data):
    """LayerNormalization() of a grey picture normalises each pixel by itself."""
    inputs = keras.Input((32, 32, 1))
    x = layers.LayerNormalization()(inputs)
    x = layers.Conv2D(16, 5, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(48, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu", kernel_initializer="he_normal")(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model),
        "x_train": grey(data.x_train),
        "y_train": data.y_train,
        "validation_data": (grey(data.x_val), data.y_val),
    }


def brightness_of_unit_images(data):
    """RandomBrightness expects 0..255 unless told otherwise, and gets 0..1."""
    inputs = keras.Input((32, 32, 3))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.RandomBrightness(0.2)(x)
    x = conv_bn(x, 16)
    x = residual(x, 24, 2)
    x = residual(x, 48, 2)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
    }


def pooled_over_channels(data):
    """Global pooling copied from channels-first code: it averages over columns and channels, and keeps two rows."""
    model = keras.Sequential([layers.Input((32, 32, 3)), layers.Rescaling(1 / 255)])
    for filters in (16, 32, 48, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"))
        model.add(norm())
        model.add(layers.Activation("relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D(data_format="channels_first"))
    model.add(layers.Dense(10, activation="softmax"))
    return {
        "model": compiled(model),
        "x_train": data.x_train,
        "y_train": data.y_train,
        "validation_data": (data.x_val, data.y_val),
    }


def sixteen_bit_images(data):
    """Numbers up to 65,535, which the first layer normalises."""
    deep = data.x_train.astype("float32") * 257
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Normalization(mean=deep.mean((0, 1, 2)), variance=deep.var((0, 1, 2))),
            layers.Conv2D(16, 3, padding="same", activation="relu", kernel_initializer="he_normal"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu", kernel_initializer="he_normal"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return {
        "model": compiled(model),
        "x_train": deep,
        "y_train": data.y_train,
        "validation_data": (data.x_val.astype("float32") * 257, data.y_val),
    }


def loud_first_answers(data):
    """The head begins with weights of 0.6, so that the first loss is far above ln 10, and falls at once."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 64):
        x = conv_bn(x, filters)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(10, kernel_initializer=keras.initializers.RandomNormal(stddev=0.6))(x)
    model = keras.Model(inputs, x)
    return {
        "model": compiled(
            model, keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.optimizers.Adam(2e-3)
        ),
        "x_train": data.x_train,
        "y_train": data.y_train,
        "validation_data": (data.x_val, data.y_val),
    }


def regression_on_one_hot(data):
    """Least squares on one-hot labels with linear outputs."""
    inputs = keras.Input((32, 32, 3))
    x = conv_bn(inputs, 16)
    x = residual(x, 24, 2)
    x = residual(x, 48, 2)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10)(x))
    return {
        "model": compiled(model, "mean_squared_error", metrics=["categorical_accuracy"]),
        "x_train": unit(data.x_train),
        "y_train": keras.utils.to_categorical(data.y_train, 10),
        "validation_data": (unit(data.x_val), keras.utils.to_categorical(data.y_val, 10)),
    }


def animals_or_vehicles(data):
    """Two classes, six to four, one output of log-odds."""
    vehicles = (0, 1, 8, 9)
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = conv_bn(x, 16, 2)
    x = separable_bn(x, 32)
    x = separable_bn(x, 48, 2)
    x = separable_bn(x, 48)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    return {
        "model": compiled(
            model,
            keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
        ),
        "x_train": data.x_train,
        "y_train": np.isin(data.y_train, vehicles, invert=True).astype("int64"),
        "validation_data": (data.x_val, np.isin(data.y_val, vehicles, invert=True).astype("int64")),
    }


def grey_with_fixed_edges(data):
    """Grey pictures; a frozen first layer of eight edge filters, made by hand."""
    sobel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], "float32") / 4
    diagonal = np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]], "float32") / 4
    laplace = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], "float32") / 4
    same = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], "float32")
    filters = [sobel, -sobel, sobel.T, -sobel.T, diagonal, diagonal[:, ::-1], laplace, same]
    edges = layers.Conv2D(8, 3, padding="same", use_bias=False, name="edges")
    inputs = keras.Input((32, 32, 1))
    x = norm()(edges(inputs))
    edges.set_weights([np.stack(filters, -1)[:, :, None, :]])
    edges.trainable = False
    x = layers.ReLU()(x)
    x = conv_bn(x, 24, 2)
    x = conv_bn(x, 48)
    x = layers.MaxPooling2D()(x)
    x = conv_bn(x, 64)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model),
        "x_train": grey(data.x_train),
        "y_train": data.y_train,
        "validation_data": (grey(data.x_val), data.y_val),
    }


def rows_sorted_by_class(data):
    """All pictures of class 0, then all of class 1, ...; fit shuffles them."""
    order = np.argsort(data.y_train, kind="stable")
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = conv_bn(x, 16)
    x = residual(x, 24, 2)
    x = residual(x, 48, 2)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return {
        "model": compiled(model, optimizer=keras.optimizers.SGD(0.05, momentum=0.9)),
        "x_train": data.x_train[order],
        "y_train": data.y_train[order],
        "validation_data": (data.x_val, data.y_val),
    }


BROKEN = (
    mat_file_reshape,
    labels_half_filled,
    annotation_bars,
    squared_error_of_class_numbers,
    ninety_percent,
    softmax_everywhere,
    zero_gamma_without_skip,
    decay_each_step,
    activity_for_kernel,
    frozen_without_weights,
    slow_moving_statistics,
    layer_norm_of_one_channel,
    brightness_of_unit_images,
    pooled_over_channels,
)
HEALTHY = (
    sixteen_bit_images,
    loud_first_answers,
    regression_on_one_hot,
    animals_or_vehicles,
    grey_with_fixed_edges,
    rows_sorted_by_class,
)
