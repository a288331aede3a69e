"""Twenty-eight more networks, by a third author.

The broken ones take ``repaired=True``: the same without its fault. The author saw each of these learn.
"""

import keras
import numpy as np
from keras import layers, ops, regularizers

CLASSES = 10


def unit(x):
    return x.astype("float32") / 255.0


def centred(x):
    return x.astype("float32") / 127.5 - 1.0


def one_hot(y):
    return keras.utils.to_categorical(y, CLASSES)


def conv_bn(x, filters, momentum=0.9, **kw):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, **kw)(x)
    x = layers.BatchNormalization(momentum=momentum)(x)
    return layers.ReLU()(x)


def bn_net(filters=(16, 32, 64), momentum=0.9, before=(), last="softmax", units=CLASSES):
    """A small network with batch normalisation that learns quickly."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for layer in before:
        x = layer(x)
    for f in filters:
        x = conv_bn(x, f, momentum)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(units, activation=last)(x))


def sparse(model, optimizer=None):
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


# ---------------------------------------------------------------- broken: ordinary mistakes


def shuffled_apart(data, repaired=False):
    """Images and labels were shuffled separately, so the labels no longer belong to the images."""
    rng = np.random.default_rng(7)
    order = rng.permutation(len(data.x_train))
    x = unit(data.x_train)[order]
    y = data.y_train[order if repaired else rng.permutation(len(order))]
    return {
        "model": sparse(bn_net()),
        "x_train": x,
        "y_train": y,
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
    }


def logits_as_probabilities(data, repaired=False):
    """The last layer has no softmax and the loss is not told from_logits=True, so it takes logits for probabilities."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.compile(
        optimizer="adam", loss=keras.losses.CategoricalCrossentropy(from_logits=repaired), metrics=["accuracy"]
    )
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": one_hot(data.y_train),
        "validation_data": (unit(data.x_val), one_hot(data.y_val)),
    }


def adam_far_too_fast(data, repaired=False):
    """The learning rate of Adam is far too high (0.1) for a VGG-like network without normalisation."""
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)])
    for filters in (16, 32, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    sparse(model, keras.optimizers.Adam(1e-3 if repaired else 0.1))
    return {
        "model": model,
        "x_train": data.x_train.astype("float32"),
        "y_train": data.y_train,
        "validation_data": (data.x_val.astype("float32"), data.y_val),
    }


def deep_sigmoid_vgg(data, repaired=False):
    """A deep plain VGG-like network uses sigmoid in every hidden layer, so the gradients vanish."""
    act = "relu" if repaired else "sigmoid"
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for filters, times in ((16, 2), (32, 2), (64, 3)):
        for _ in range(times):
            x = layers.Conv2D(
                filters,
                3,
                padding="same",
                activation=act,
                kernel_initializer="he_uniform" if repaired else "glorot_uniform",
            )(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation=act)(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="categorical_crossentropy", metrics=["accuracy"])
    return {
        "model": model,
        "x_train": centred(data.x_train),
        "y_train": one_hot(data.y_train),
        "validation_data": (centred(data.x_val), one_hot(data.y_val)),
        "batch_size": 32,
    }


def validation_scaled_twice(data, repaired=False):
    """Validation images were divided by 255 twice (the cell ran again), the training images only once."""
    x_val = unit(data.x_val)
    if not repaired:
        x_val /= 255.0
    return {
        "model": sparse(bn_net()),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (x_val, data.y_val),
        "batch_size": 32,
    }


def frozen_base_without_weights(data, repaired=False):
    """Transfer learning style: the base is frozen although it has random weights (none were loaded)."""
    base = keras.Sequential(name="backbone")
    base.add(keras.Input((32, 32, 3)))
    for filters, times in ((16, 2), (32, 2), (64, 2)):
        for _ in range(times):
            base.add(layers.Conv2D(filters, 3, padding="same"))
            base.add(layers.BatchNormalization(momentum=0.9))
            base.add(layers.ReLU())
        base.add(layers.MaxPooling2D())
    base.trainable = repaired
    inputs = keras.Input((32, 32, 3))
    x = base(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    sparse(model, keras.optimizers.Adam(1e-3))
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
    }


def crushing_l2(data, repaired=False):
    """An L2 penalty of 1.0 on every kernel pulls all the weights to zero."""
    reg = regularizers.l2(1e-4 if repaired else 1.0)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, activation="relu", padding="same", kernel_regularizer=reg),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu", padding="same", kernel_regularizer=reg),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu", padding="same", kernel_regularizer=reg),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_regularizer=reg),
            layers.Dense(10, activation="softmax", kernel_regularizer=reg),
        ]
    )
    return {
        "model": sparse(model, keras.optimizers.Adam(1e-3)),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
    }


def keep_probability_dropout(data, repaired=False):
    """Dropout(0.9) after every block, as if the rate were the share to keep: almost nothing gets through."""
    rate = 0.1 if repaired else 0.9
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (16, 32, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
        model.add(layers.Dropout(rate))
    model.add(layers.Flatten())
    model.add(layers.Dense(96, activation="relu"))
    model.add(layers.Dropout(rate))
    model.add(layers.Dense(10, activation="softmax"))
    sparse(model, keras.optimizers.Adam(1e-3))
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
    }


def one_sigmoid_for_ten_classes(data, repaired=False):
    """The last layer is one sigmoid unit with binary cross-entropy, but the labels are ten classes 0..9."""
    if repaired:
        model = sparse(bn_net(), keras.optimizers.Adam(2e-3))
    else:
        model = bn_net(last="sigmoid", units=1)
        model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="binary_crossentropy", metrics=["accuracy"])
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
    }


def brightness_for_bytes(data, repaired=False):
    """RandomBrightness after the scaling to 0..1 still has value_range 0..255, so it wipes out the images."""
    span = (0.0, 1.0) if repaired else (0, 255)
    before = [
        layers.Rescaling(1.0 / 255),
        layers.RandomFlip("horizontal"),
        layers.RandomBrightness(0.2, value_range=span),
    ]
    return {
        "model": sparse(bn_net(before=before)),
        "x_train": data.x_train.astype("float32"),
        "y_train": data.y_train,
        "validation_data": (data.x_val.astype("float32"), data.y_val),
        "batch_size": 32,
    }


# ---------------------------------------------------------------- broken: more unusual mistakes


def black_images_standardised(data, repaired=False):
    """Per-image standardisation divides by zero for a few black images, so the inputs contain NaN."""
    raw = data.x_train.astype("float32").copy()
    raw[[150, 611, 1203, 1764]] = 0.0  # files that could not be read came back black

    def standardise(x):
        m = x.mean(axis=(1, 2, 3), keepdims=True)
        s = x.std(axis=(1, 2, 3), keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (x - m) / (s + 1e-6 if repaired else s)

    return {
        "model": sparse(bn_net()),
        "x_train": standardise(raw),
        "y_train": data.y_train,
        "validation_data": (standardise(data.x_val.astype("float32")), data.y_val),
    }


def validation_labels_numbered_anew(data, repaired=False):
    """Train and validation labels were numbered separately, so the same number means different classes."""
    names = np.array(["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])
    train_names, val_names = names[data.y_train], names[data.y_val]

    def by_appearance(values):
        table = {}
        for v in values:
            table.setdefault(v, len(table))
        return table

    # numbered in the order in which the names first turn up in each of the two lists
    table = by_appearance(train_names)
    val_table = table if repaired else by_appearance(val_names[::-1])
    y = np.array([table[n] for n in train_names])
    y_val = np.array([val_table[n] for n in val_names])
    model = bn_net()
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="categorical_crossentropy", metrics=["accuracy"])
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": one_hot(y),
        "validation_data": (unit(data.x_val), one_hot(y_val)),
        "batch_size": 32,
    }


def augment_reorders_batch(data, repaired=False):
    """The augmentation also shuffles the images inside the batch, so they part from their labels."""
    rng = np.random.default_rng(3)

    def augment(images):
        images = np.array(images)
        flip = rng.random(len(images)) < 0.5
        out = images.copy()
        out[flip] = out[flip, :, ::-1]
        if repaired:
            return out
        # "half flipped, half not", glued together again and mixed
        out = np.concatenate([out[flip], out[~flip]])
        rng.shuffle(out)
        return out

    return {
        "model": sparse(bn_net()),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
        "augmentation": augment,
    }


class ToVectors(layers.Layer):
    """Averages the feature maps to one vector per image."""

    def __init__(self, batch_last, **kw):
        super().__init__(**kw)
        self.batch_last = batch_last

    def call(self, x):
        channels = x.shape[-1]
        if self.batch_last:
            x = ops.transpose(x, (1, 2, 3, 0))  # the author thinks of (h, w, c, n) arrays from MATLAB
            return ops.reshape(ops.mean(x, axis=(0, 1)), (-1, channels))
        return ops.reshape(ops.mean(x, axis=(1, 2)), (-1, channels))


class SubclassedNet(keras.Model):
    def __init__(self, batch_last, **kw):
        super().__init__(**kw)
        self.convs = [layers.Conv2D(f, 3, padding="same", activation="relu") for f in (16, 32, 64)]
        self.norms = [layers.BatchNormalization(momentum=0.9) for _ in range(3)]
        self.pool = layers.MaxPooling2D()
        self.vectors = ToVectors(batch_last)
        self.hidden = layers.Dense(32, activation="relu")
        self.out = layers.Dense(10, activation="softmax")

    def call(self, x, training=False):
        for conv, norm in zip(self.convs, self.norms, strict=False):
            x = self.pool(norm(conv(x), training=training))
        return self.out(self.hidden(self.vectors(x)))


def reshape_mixes_images(data, repaired=False):
    """A custom pooling layer reshapes (channels, batch) to (batch, channels), so images of a batch get mixed."""
    model = SubclassedNet(batch_last=not repaired)
    model(np.zeros((1, 32, 32, 3), "float32"))  # builds the layers
    sparse(model, keras.optimizers.Adam(2e-3))
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
    }


def head_on_the_input(data, repaired=False):
    """In the functional model the head is connected to the input image, and the conv layers are left out."""
    image = keras.Input((32, 32, 3))
    features = layers.Rescaling(1 / 255.0)(image)
    x = features
    for filters in (16, 32, 64):
        x = conv_bn(x, filters)
        x = layers.MaxPooling2D()(x)
    pooled = layers.GlobalAveragePooling2D()(x if repaired else features)
    hidden = layers.Dense(32, activation="relu")(pooled)
    model = keras.Model(image, layers.Dense(10, activation="softmax")(hidden))
    return {
        "model": sparse(model),
        "x_train": data.x_train.astype("float32"),
        "y_train": data.y_train,
        "validation_data": (data.x_val.astype("float32"), data.y_val),
    }


def norm_statistics_never_arrive(data, repaired=False):
    """BatchNormalization momentum 0.9999: the moving statistics stay at their start, so validation fails."""
    model = bn_net(momentum=0.9 if repaired else 0.9999)
    scale = lambda x: x.astype("float32") - 120.0  # noqa: E731  (mean taken off, not divided)
    return {
        "model": sparse(model),
        "x_train": scale(data.x_train),
        "y_train": data.y_train,
        "validation_data": (scale(data.x_val), data.y_val),
        "batch_size": 32,
    }


def decay_every_step(data, repaired=False):
    """The exponential decay was meant per epoch but acts at every step: the learning rate is gone in a few batches."""
    schedule = keras.optimizers.schedules.ExponentialDecay(2e-3, decay_steps=63 if repaired else 1, decay_rate=0.5)
    return {
        "model": sparse(bn_net(), keras.optimizers.Adam(schedule)),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
    }


def exact_match_metric(data, repaired=False):
    """The metric is keras.metrics.Accuracy(), which wants exact equality, so it shows 0 while the model learns."""
    model = bn_net()
    metric = keras.metrics.CategoricalAccuracy() if repaired else keras.metrics.Accuracy()
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="categorical_crossentropy", metrics=[metric])
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": one_hot(data.y_train),
        "validation_data": (unit(data.x_val), one_hot(data.y_val)),
        "batch_size": 32,
    }


def residuals_add_up(data, repaired=False):
    """A deep residual network without any normalisation: the sums grow block by block and training blows up."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, strides=2, padding="same", kernel_initializer="he_normal")(inputs)
    for i in range(12):
        y = x
        for _k in range(2):
            if repaired:
                y = layers.BatchNormalization(momentum=0.9)(y)
            y = layers.ReLU()(y)
            y = layers.Conv2D(16, 3, padding="same", kernel_initializer="he_normal")(y)
        x = layers.Add()([x, y])
        if i in (3, 7):
            x = layers.MaxPooling2D()(x)
    if repaired:
        x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    sparse(model, keras.optimizers.SGD(0.05, momentum=0.9))
    return {
        "model": model,
        "x_train": centred(data.x_train),
        "y_train": data.y_train,
        "validation_data": (centred(data.x_val), data.y_val),
        "batch_size": 32,
    }


def loss_without_minus(data, repaired=False):
    """The custom cross-entropy lacks its minus sign, so training makes the right class less likely."""
    sign = -1.0 if repaired else 1.0

    def cross_entropy(y_true, y_pred):
        p = ops.clip(y_pred, 1e-7, 1.0)
        return sign * ops.sum(y_true * ops.log(p), axis=-1)

    model = bn_net()
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss=cross_entropy, metrics=["accuracy"])
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": one_hot(data.y_train),
        "validation_data": (unit(data.x_val), one_hot(data.y_val)),
        "batch_size": 32,
    }


# ---------------------------------------------------------------- healthy but suspicious


def raw_bytes_but_normalised_inside(data):
    """Healthy: raw 0..255 images go in, but a batch normalisation is the first layer."""
    model = bn_net(before=[layers.BatchNormalization(momentum=0.9)])
    return {
        "model": sparse(model),
        "x_train": data.x_train.astype("float32"),
        "y_train": data.y_train,
        "validation_data": (data.x_val.astype("float32"), data.y_val),
        "batch_size": 32,
    }


def fast_sgd_with_schedule(data):
    """Healthy: SGD at 0.1 with Nesterov momentum looks high, but the residual network is normalised."""
    inputs = keras.Input((32, 32, 3))
    x = conv_bn(inputs, 16)
    for f in (16, 32, 64):
        short = layers.Conv2D(f, 1, strides=2, use_bias=False)(x)
        y = layers.Conv2D(f, 3, strides=2, padding="same", use_bias=False)(x)
        y = layers.BatchNormalization(momentum=0.9)(y)
        y = layers.ReLU()(y)
        y = layers.Conv2D(f, 3, padding="same", use_bias=False)(y)
        y = layers.BatchNormalization(momentum=0.9, gamma_initializer="zeros")(y)
        x = layers.ReLU()(layers.Add()([layers.BatchNormalization(momentum=0.9)(short), y]))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    schedule = keras.optimizers.schedules.CosineDecay(0.1, decay_steps=190)
    sparse(model, keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True))
    return {
        "model": model,
        "x_train": centred(data.x_train),
        "y_train": data.y_train,
        "validation_data": (centred(data.x_val), data.y_val),
        "batch_size": 32,
    }


def ten_sigmoids(data):
    """Healthy: ten sigmoid units with binary cross-entropy on one-hot labels, one against the rest."""
    model = bn_net(last="sigmoid")
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss="binary_crossentropy",
        metrics=[keras.metrics.CategoricalAccuracy(name="acc")],
    )
    return {
        "model": model,
        "x_train": unit(data.x_train),
        "y_train": one_hot(data.y_train),
        "validation_data": (unit(data.x_val), one_hot(data.y_val)),
        "batch_size": 32,
    }


def frozen_random_stem(data):
    """Healthy: the first conv layer is frozen with random weights, the rest learns on top of it."""
    model = bn_net((24, 32, 64))
    model.layers[1].trainable = False
    return {
        "model": sparse(model),
        "x_train": unit(data.x_train),
        "y_train": data.y_train,
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
    }


def sorted_by_class(data):
    """Healthy: the training images are stored class by class, but fit shuffles them in every epoch."""
    order = np.argsort(data.y_train, kind="stable")
    return {
        "model": sparse(bn_net()),
        "x_train": unit(data.x_train)[order],
        "y_train": data.y_train[order],
        "validation_data": (unit(data.x_val), data.y_val),
        "batch_size": 32,
    }


def squared_error_on_softmax(data):
    """Healthy: mean squared error on softmax and one-hot labels; the loss is tiny (0.09), but it learns."""
    model = bn_net()
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="mse", metrics=["accuracy"])
    return {
        "model": model,
        "x_train": centred(data.x_train),
        "y_train": one_hot(data.y_train),
        "validation_data": (centred(data.x_val), one_hot(data.y_val)),
        "batch_size": 32,
    }


def linear_head_and_column_labels(data):
    """Healthy: no softmax, but from_logits=True; labels are a column; gradients clipped; strong augmentation."""
    before = [
        layers.Rescaling(1 / 255.0),
        layers.RandomFlip("horizontal"),
        layers.RandomTranslation(0.1, 0.1),
        layers.GaussianNoise(0.05),
    ]
    model = bn_net(before=before, last=None)
    model.compile(
        optimizer=keras.optimizers.AdamW(3e-3, weight_decay=1e-2, clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return {
        "model": model,
        "x_train": data.x_train.astype("float32"),
        "y_train": data.y_train.reshape(-1, 1),
        "validation_data": (data.x_val.astype("float32"), data.y_val.reshape(-1, 1)),
    }


def deep_plain_he(data):
    """Healthy: nine plain conv layers without normalisation, but with He weights, ReLU and a fitting rate."""
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters, times in ((16, 3), (32, 3), (64, 3)):
        for _ in range(times):
            model.add(layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(10, activation="softmax"))
    sparse(model, keras.optimizers.Adam(7e-4))
    return {
        "model": model,
        "x_train": centred(data.x_train),
        "y_train": data.y_train,
        "validation_data": (centred(data.x_val), data.y_val),
        "batch_size": 16,
    }


BROKEN = [
    shuffled_apart,
    logits_as_probabilities,
    adam_far_too_fast,
    deep_sigmoid_vgg,
    validation_scaled_twice,
    frozen_base_without_weights,
    crushing_l2,
    keep_probability_dropout,
    one_sigmoid_for_ten_classes,
    brightness_for_bytes,
    black_images_standardised,
    validation_labels_numbered_anew,
    augment_reorders_batch,
    reshape_mixes_images,
    head_on_the_input,
    norm_statistics_never_arrive,
    decay_every_step,
    exact_match_metric,
    residuals_add_up,
    loss_without_minus,
]

HEALTHY = [
    raw_bytes_but_normalised_inside,
    fast_sgd_with_schedule,
    ten_sigmoids,
    frozen_random_stem,
    sorted_by_class,
    squared_error_on_softmax,
    linear_head_and_column_labels,
    deep_plain_he,
]
