"""Test networks by a fifth author.

The broken ones take ``repaired=True``: the same without its fault. The author saw each of these learn.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops, regularizers

CLASSES = 10


def unit(x):
    return x.astype("float32") / 255.0


def centred(x):
    return x.astype("float32") / 127.5 - 1.0


def one_hot(y):
    return keras.utils.to_categorical(y, CLASSES)


def same(y):
    return y


def conv_bn(x, filters, strides=1, activation=None):
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return (activation or layers.ReLU())(x)


def bn_features(x, filters=(16, 32, 64), activation=None):
    for f in filters:
        x = layers.MaxPooling2D()(conv_bn(x, f, activation=activation and activation()))
    return x


def bn_net(before=(), last="softmax", cls=keras.Model, activation=None):
    """A small network with batch normalisation that learns quickly."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for layer in before:
        x = layer(x)
    x = layers.GlobalAveragePooling2D()(bn_features(x, activation=activation))
    return cls(inputs, layers.Dense(CLASSES, activation=last)(x))


def plain_net(hidden=64, **kw):
    """A small network without normalisation."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, padding="same", activation="relu", **kw),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu", **kw),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(hidden, activation="relu", **kw),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def compiled(model, optimizer=None, loss="sparse_categorical_crossentropy"):
    model.compile(optimizer=optimizer or keras.optimizers.Adam(2e-3), loss=loss, metrics=["accuracy"])
    return model


def given(model, data, prepare=unit, labels=same, batch_size=32, **others):
    return {
        "model": model,
        "x_train": prepare(data.x_train),
        "y_train": labels(data.y_train),
        "validation_data": (prepare(data.x_val), labels(data.y_val)),
        "batch_size": batch_size,
        **others,
    }


# ---------------------------------------------------------------- broken: data


def mirrored_copies(data, repaired=False):
    """Mirrored copies are appended to the images, but the labels are repeated one by one, so most do not match."""
    half = len(data.x_train) // 2
    x, y = unit(data.x_train[:half]), data.y_train[:half]
    kwargs = given(compiled(bn_net()), data)
    kwargs["x_train"] = np.concatenate([x, x[:, :, ::-1]])
    kwargs["y_train"] = np.concatenate([y, y]) if repaired else np.repeat(y, 2)
    return kwargs


def two_codings(data, repaired=False):
    """Half of the training set comes from a source that counts its classes from 1, so equal classes have two labels."""
    kwargs = given(compiled(bn_net()), data)
    if not repaired:
        second = np.random.default_rng(3).random(len(data.y_train)) < 0.5
        kwargs["y_train"] = np.where(second, (data.y_train + 1) % CLASSES, data.y_train)
    return kwargs


def whitened_to_noise(data, repaired=False):
    """ZCA whitening divides by eigenvalues that are nearly zero, so the images become noise without structure."""
    flat = unit(data.x_train).reshape(len(data.x_train), -1)
    mean = flat.mean(0)
    _, s, vt = np.linalg.svd(flat - mean, full_matrices=False)
    scale = 1.0 / np.sqrt(s**2 / len(flat) + (0.1 if repaired else 1e-9))

    def whiten(x):
        z = unit(x).reshape(len(x), -1) - mean
        return (((z @ vt.T) * scale) @ vt).reshape(x.shape).astype("float32")

    return given(compiled(bn_net()), data, whiten)


def marked_by_class(data, repaired=False):
    """The training images carry a mark that gives the class away. It is learned instead, and validation has none."""
    kwargs = given(compiled(bn_net()), data)
    if not repaired:
        for k in range(CLASSES):
            kwargs["x_train"][data.y_train == k, -8:] = keras.utils.to_categorical(k % 3, 3) * (1 + k // 3) / 4
    return kwargs


def seconds_beside_images(data, repaired=False):
    """The second input is the time in seconds since 1970, about 1.7e9, unscaled. It drowns the image features."""
    rng = np.random.default_rng(5)

    def both(x):
        taken = rng.uniform(1.6e9, 1.75e9, (len(x), 1)).astype("float32")
        return {"image": unit(x), "taken": (taken - 1.675e9) / 4.3e7 if repaired else taken}

    image, taken = keras.Input((32, 32, 3), name="image"), keras.Input((1,), name="taken")
    x = layers.GlobalAveragePooling2D()(bn_features(image))
    x = layers.Dense(64, activation="relu")(layers.Concatenate()([x, taken]))
    x = layers.Dense(CLASSES, activation="softmax")(x)
    return given(compiled(keras.Model({"image": image, "taken": taken}, x)), data, both)


def weights_that_sum_to_one(data, repaired=False):
    """The sample weights are divided by their sum, so each is about 1/2000 and the steps of SGD are far too small."""
    w = np.random.default_rng(1).uniform(0.5, 1.5, len(data.x_train)).astype("float32")
    w = w / w.mean() if repaired else w / w.sum()
    return given(compiled(bn_net(), keras.optimizers.SGD(0.05, momentum=0.9)), data, sample_weight=w)


# ---------------------------------------------------------------- broken: losses


def broadcast_squares(data, repaired=False):
    """Labels of shape (N, 1) give one-hots of shape (N, 1, 10). The loss compares every output with every label."""

    def squares(y_true, y_pred):
        target = ops.one_hot(ops.cast(y_true, "int32"), CLASSES)
        if repaired:
            target = ops.reshape(target, (-1, CLASSES))
        return ops.mean(ops.square(target - y_pred))

    return given(compiled(bn_net(), keras.optimizers.Adam(3e-3), squares), data, labels=lambda y: y.reshape(-1, 1))


def softmax_over_the_batch(data, repaired=False):
    """The loss takes its log-softmax over axis 0, so the images of a batch compete instead of the classes."""

    def nll(y_true, y_pred):
        return -ops.sum(y_true * ops.log_softmax(y_pred, axis=-1 if repaired else 0), axis=-1)

    return given(compiled(bn_net(last=None), loss=nll), data, labels=one_hot)


def focal_the_wrong_way(data, repaired=False):
    """The focal loss weighs with p squared, not (1 - p) squared. It falls as p goes to 0, so classes are unlearned."""

    def focal(y_true, y_pred):
        p = ops.clip(ops.sum(y_true * y_pred, axis=-1), 1e-6, 1.0)
        return -ops.square(1.0 - p if repaired else p) * ops.log(p)

    return given(compiled(bn_net(), loss=focal), data, labels=one_hot)


def summed_loss(data, repaired=False):
    """The loss is a sum over the batch of 64, so the step of SGD is 64 times as long as meant."""
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum_over_batch_size" if repaired else "sum")
    return given(compiled(plain_net(), keras.optimizers.SGD(0.02, momentum=0.9), loss), data, centred, batch_size=64)


class Variational(layers.Layer):
    """A random code with a Kullback-Leibler penalty."""

    def __init__(self, units, beta, **kw):
        super().__init__(**kw)
        self.units, self.beta = units, beta
        self.mean, self.log_var = layers.Dense(units), layers.Dense(units)
        self.seeds = keras.random.SeedGenerator(1)

    def build(self, shape):
        self.mean.build(shape)
        self.log_var.build(shape)

    def call(self, x, training=False):
        mean, log_var = self.mean(x), self.log_var(x)
        kl = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - log_var - 1.0, axis=-1)
        self.add_loss(self.beta * ops.mean(kl))
        if not training:
            return mean
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seeds)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "beta": self.beta}


def collapsed_code(data, repaired=False):
    """The Kullback-Leibler penalty of the bottleneck has weight 5, so the code collapses to noise without content."""
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(bn_features(inputs))
    x = Variational(16, 1e-3 if repaired else 5.0)(x)
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data)


def quiet_activations(data, repaired=False):
    """An activity regulariser sums over whole maps and outweighs the loss, so all activations are pushed to zero."""
    penalty = None if repaired else regularizers.L1(0.02)
    return given(compiled(plain_net(activity_regularizer=penalty), keras.optimizers.Adam(1e-3)), data)


# ---------------------------------------------------------------- broken: optimizers, schedules, callbacks


def averaged_every_step(data, repaired=False):
    """The weights are overwritten with their moving average (momentum 0.999) after each step, so they hardly move."""
    optimizer = keras.optimizers.Adam(
        2e-3, use_ema=True, ema_momentum=0.9 if repaired else 0.999, ema_overwrite_frequency=60 if repaired else 1
    )
    return given(compiled(bn_net(), optimizer), data)


def adadelta_by_name(data, repaired=False):
    """Adadelta is asked for by name. Its default rate of 0.001 is a thousand times less than the method expects."""
    return given(compiled(bn_net(), keras.optimizers.Adadelta(1.0) if repaired else "adadelta"), data)


class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises to its peak and stays there."""

    def __init__(self, peak, steps, whole):
        self.peak, self.steps, self.whole = peak, steps, whole

    def __call__(self, step):
        step = ops.cast(step, "float32")
        part = step // self.steps if self.whole else step / self.steps
        return self.peak * ops.minimum(1.0, part)

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps, "whole": self.whole}


def warmup_by_whole_numbers(data, repaired=False):
    """The warm-up divides with //, so the rate is exactly 0 for all of its 1000 steps."""
    return given(compiled(bn_net(), keras.optimizers.Adam(Warmup(5e-3, 1000, not repaired))), data)


class FreshStart(keras.callbacks.Callback):
    """Puts the first weights back, as between the folds of a cross-validation."""

    def __init__(self, every_epoch):
        super().__init__()
        self.every_epoch, self.first = every_epoch, None

    def on_train_begin(self, logs=None):
        self.first = self.model.get_weights()

    def on_epoch_begin(self, epoch, logs=None):
        if self.every_epoch:
            self.model.set_weights(self.first)


def fresh_start_each_epoch(data, repaired=False):
    """A callback meant for the folds of a cross-validation puts the first weights back at the start of each epoch."""
    model = compiled(bn_net(), keras.optimizers.Adam(5e-4))
    return given(model, data, callbacks=[FreshStart(not repaired)])


def tracked(model, loss, x, y, y_pred, weight):
    for metric in model.metrics:
        if metric.name == "loss":
            metric.update_state(loss)
    return model.compute_metrics(x, y, y_pred, weight)


class Accumulating(keras.Model):
    """Adds the gradients of four batches up before each step."""

    reset = True

    def compile(self, *args, **kw):
        super().compile(*args, **kw)
        self.sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in self.trainable_variables]
        self.batches = tf.Variable(0, trainable=False)

    def train_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, weight)
        for total, g in zip(self.sums, tape.gradient(loss, self.trainable_weights), strict=True):
            total.assign_add(g / 4.0)
        self.batches.assign_add(1)
        tf.cond(self.batches % 4 == 0, self.step, lambda: None)
        return tracked(self, loss, x, y, y_pred, weight)

    def step(self):
        self.optimizer.apply([tf.convert_to_tensor(s) for s in self.sums], self.trainable_weights)
        if self.reset:
            for total in self.sums:
                total.assign(tf.zeros_like(total))


def sums_never_cleared(data, repaired=False):
    """The custom step adds gradients up over four batches but never clears the sums, so old gradients rule for good."""
    model = bn_net(cls=Accumulating)
    model.reset = repaired
    return given(compiled(model, keras.optimizers.SGD(0.2)), data, batch_size=8)


class OwnStep(keras.Model):
    """A training step written by hand."""

    scaled = True

    def train_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, weight)
            used = self.optimizer.scale_loss(loss) if self.scaled else loss
        self.optimizer.apply(tape.gradient(used, self.trainable_weights), self.trainable_weights)
        return tracked(self, loss, x, y, y_pred, weight)


def divided_but_not_scaled(data, repaired=False):
    """The custom step does not scale the loss, yet LossScaleOptimizer divides the gradients by 32768."""
    model = bn_net(cls=OwnStep)
    model.scaled = repaired
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05, momentum=0.9))
    return given(compiled(model, optimizer), data)


# ---------------------------------------------------------------- broken: layers


def relu6_by_threshold(data, repaired=False):
    """ReLU6 is written as ReLU(threshold=6), so every value under 6 becomes 0 and nothing gets through."""
    act = (lambda: layers.ReLU(max_value=6.0)) if repaired else (lambda: layers.ReLU(threshold=6.0))
    return given(compiled(bn_net(activation=act)), data)


def groups_of_one(data, repaired=False):
    """GroupNormalization on a vector of 64 has 64 groups of one value. Each is its own mean, so all become zero."""
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(bn_features(inputs))
    x = layers.GroupNormalization(groups=8 if repaired else 64)(layers.Dense(64)(x))
    x = layers.Dense(CLASSES, activation="softmax")(layers.ReLU()(x))
    return given(compiled(keras.Model(inputs, x)), data)


def pooled_over_channels(data, repaired=False):
    """The pooling believes channels come first, so it averages the 64 features away and keeps four row means."""
    inputs = keras.Input((32, 32, 3))
    order = "channels_last" if repaired else "channels_first"
    x = layers.GlobalAveragePooling2D(data_format=order)(bn_features(inputs))
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data)


def brightness_of_bytes(data, repaired=False):
    """RandomBrightness expects 0 to 255 and gets 0 to 1. It adds up to 76, which hides or blacks out every image."""
    layer = layers.RandomBrightness(0.3, value_range=(0, 1) if repaired else (0, 255))
    return given(compiled(bn_net(before=[layer])), data)


class SpatialAttention(layers.Layer):
    """Weighs the places of a map."""

    def __init__(self, normalise, **kw):
        super().__init__(**kw)
        self.normalise = normalise
        self.score = layers.Conv2D(1, 1)

    def build(self, shape):
        self.score.build(shape)

    def call(self, x):
        score = self.score(x)
        if self.normalise == "softmax":
            share = ops.softmax(ops.reshape(score, (-1, x.shape[1] * x.shape[2])), axis=-1)
            return x * ops.reshape(share, (-1, x.shape[1], x.shape[2], 1))
        return x * ops.sigmoid(score)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "normalise": self.normalise}


def attention_shares(data, repaired=False):
    """Each attention block multiplies its map by a softmax over all places, so three of them shrink it to nothing."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for f in (16, 32, 64):
        x = layers.Conv2D(f, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        x = SpatialAttention("sigmoid" if repaired else "softmax")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(CLASSES, activation="softmax")(layers.Flatten()(x))
    return given(compiled(keras.Model(inputs, x), keras.optimizers.Adam(1e-3)), data, centred)


class Quantise(layers.Layer):
    """Rounds to steps of a quarter."""

    def __init__(self, straight_through, **kw):
        super().__init__(**kw)
        self.straight_through = straight_through

    def call(self, x):
        q = ops.round(x * 4.0) / 4.0
        return x + ops.stop_gradient(q - x) if self.straight_through else q

    def get_config(self):
        return {**super().get_config(), "straight_through": self.straight_through}


def rounded_without_gradient(data, repaired=False):
    """The activations are rounded, and rounding has a gradient of zero, so no layer before the last one is trained."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for f in (16, 32, 64):
        x = layers.MaxPooling2D()(Quantise(repaired)(conv_bn(x, f)))
    x = Quantise(repaired)(layers.GlobalAveragePooling2D()(x))
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data)


@keras.saving.register_keras_serializable("fifth")
class LowRank(layers.Layer):
    """A dense layer as the product of two thin matrices."""

    def __init__(self, units, rank, first="glorot_uniform", **kw):
        super().__init__(**kw)
        self.units, self.rank, self.first = units, rank, first

    def build(self, shape):
        self.a = self.add_weight(shape=(shape[-1], self.rank), initializer=self.first, name="a")
        self.b = self.add_weight(shape=(self.rank, self.units), initializer="zeros", name="b")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, x):
        return ops.matmul(ops.matmul(x, self.a), self.b) + self.bias

    def get_config(self):
        return {**super().get_config(), "units": self.units, "rank": self.rank, "first": self.first}


def both_factors_zero(data, repaired=False):
    """Both factors of the low-rank head start at zero. The gradient of each is the other one, so both stay zero."""
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(bn_features(inputs))
    x = LowRank(CLASSES, 8, "glorot_uniform" if repaired else "zeros")(x)
    return given(compiled(keras.Model(inputs, layers.Softmax()(x))), data)


class Reversal(layers.Layer):
    """Passes its input on and turns the gradient round, for a domain head."""

    def call(self, x):
        @ops.custom_gradient
        def turn(x):
            def grad(*args, upstream=None):
                return -(args[0] if upstream is None else upstream)

            return x * 1.0, grad

        return turn(x)


def reversed_for_the_classes(data, repaired=False):
    """A gradient reversal layer, meant for a domain head, sits before the class head, so the features are untrained."""
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(bn_features(inputs))
    if not repaired:
        x = Reversal()(x)
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data)


class OwnSwish(layers.Layer):
    """Swish with a gradient written by hand."""

    def __init__(self, chained, **kw):
        super().__init__(**kw)
        self.chained = chained

    def call(self, x):
        @ops.custom_gradient
        def swish(x):
            s = ops.sigmoid(x)

            def grad(*args, upstream=None):
                slope = s * (1.0 + x * (1.0 - s))
                return slope * (args[0] if upstream is None else upstream) if self.chained else slope

            return x * s, grad

        return swish(x)

    def get_config(self):
        return {**super().get_config(), "chained": self.chained}


def own_gradient_forgets_the_chain(data, repaired=False):
    """The hand-written gradient of swish leaves the upstream factor out, so layers before it follow no loss at all."""
    return given(compiled(bn_net(activation=lambda: OwnSwish(repaired))), data)


class DropPath(layers.Layer):
    """Leaves a residual branch out for some images."""

    def __init__(self, rate, **kw):
        super().__init__(**kw)
        self.rate = rate
        self.seeds = keras.random.SeedGenerator(2)

    def call(self, x, training=False):
        if not training:
            return x
        keep = 1.0 - self.rate
        alive = keras.random.uniform((ops.shape(x)[0], 1, 1, 1), seed=self.seeds) < keep
        return x * ops.cast(alive, x.dtype) / keep

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


def survival_as_drop_rate(data, repaired=False):
    """DropPath gets the survival probability 0.95 as its drop rate, so hardly any residual branch is ever trained."""
    inputs = keras.Input((32, 32, 3))
    x = layers.AveragePooling2D(2)(layers.Conv2D(32, 1)(inputs))
    for pool in (True, True, False):
        h = layers.Conv2D(32, 3, padding="same", use_bias=False)(
            layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        )
        x = layers.Add()([x, DropPath(0.05 if repaired else 0.95)(h)])
        x = layers.AveragePooling2D(2)(x) if pool else x
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data, centred)


def one_block_four_times(data, repaired=False):
    """[block] * 4 is one block four times. Its moving statistics mix four depths, so validation fails."""

    def block():
        return keras.Sequential(
            [
                keras.Input((None, None, 32)),
                layers.Conv2D(32, 3, padding="same", use_bias=False),
                layers.BatchNormalization(momentum=0.9),
                layers.ReLU(),
            ]
        )

    inputs = keras.Input((32, 32, 3))
    x = layers.MaxPooling2D()(layers.Conv2D(32, 3, padding="same")(inputs))
    for b in [block() for _ in range(4)] if repaired else [block()] * 4:
        x = b(x)
        x = layers.AveragePooling2D(2)(x)
    x = layers.Dense(CLASSES, activation="softmax")(layers.Flatten()(x))
    return given(compiled(keras.Model(inputs, x)), data)


def dropout_on_probabilities(data, repaired=False):
    """Dropout of 0.5 comes after the softmax, so half of the right probabilities are zero whatever is learned."""
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(bn_features(inputs))
    x = layers.Dropout(0.5)(x) if repaired else x
    x = layers.Dense(CLASSES, activation="softmax")(x)
    x = x if repaired else layers.Dropout(0.5)(x)
    return given(compiled(keras.Model(inputs, x)), data)


# ---------------------------------------------------------------- broken: models


class Tokens(layers.Layer):
    """Cuts an image into patches, adds positions and, if wanted, a class token in front."""

    def __init__(self, size, width, token=True, **kw):
        super().__init__(**kw)
        self.size, self.width, self.token = size, width, token
        self.embed = layers.Conv2D(width, size, strides=size)

    def build(self, shape):
        self.embed.build(shape)
        self.count = (shape[1] // self.size) ** 2 + int(self.token)
        self.places = self.add_weight(shape=(self.count, self.width), initializer="random_normal", name="places")
        if self.token:
            self.first = self.add_weight(shape=(1, 1, self.width), initializer="random_normal", name="first")

    def call(self, x):
        x = self.embed(x)
        x = ops.reshape(x, (-1, self.count - int(self.token), self.width))
        if self.token:
            x = ops.concatenate([ops.tile(self.first, (ops.shape(x)[0], 1, 1)), x], axis=1)
        return x + self.places

    def compute_output_shape(self, shape):
        return (shape[0], (shape[1] // self.size) ** 2 + int(self.token), self.width)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "width": self.width, "token": self.token}


def encoder(x, causal=False, blocks=2, heads=4, width=48):
    for _ in range(blocks):
        h = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(heads, width // heads)(h, h, use_causal_mask=causal)])
        h = layers.Dense(width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width)(h)])
    return layers.LayerNormalization()(x)


def causal_class_token(data, repaired=False):
    """The encoder has a causal mask and the class token is first, so the token that is read sees no patch at all."""
    inputs = keras.Input((32, 32, 3))
    x = encoder(Tokens(4, 48)(inputs), causal=not repaired)
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x[:, 0]))), data, centred)


def tokens_before_batch(data, repaired=False):
    """The token axis is moved before the batch axis and not moved back, so rows mix images. Validation is at chance."""
    inputs = keras.Input((32, 32, 3))
    x = Tokens(8, 48, token=False)(inputs)
    x = layers.Dense(96, activation="gelu")(x)
    x = ops.transpose(x, (1, 0, 2))
    x = layers.Dense(32, activation="gelu")(layers.LayerNormalization()(x))
    if repaired:
        x = ops.transpose(x, (1, 0, 2))
    x = ops.reshape(x, (-1, 16 * 32))
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data, centred)


class Helper:
    """A block as a plain Python object."""

    def __init__(self, filters):
        self.conv = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm = layers.LayerNormalization(scale=False, center=False)

    def __call__(self, x):
        return ops.max_pool(ops.relu(self.norm(self.conv(x))), 2, 2)


class Block(layers.Layer):
    """A block as a layer."""

    def __init__(self, filters, **kw):
        super().__init__(**kw)
        self.conv = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm = layers.LayerNormalization(scale=False, center=False)

    def build(self, shape):
        self.conv.build(shape)
        self.norm.build(self.conv.compute_output_shape(shape))

    def call(self, x):
        return ops.max_pool(ops.relu(self.norm(self.conv(x))), 2, 2)


class Tower(keras.Model):
    """Blocks and a head."""

    def __init__(self, kind, filters=(16, 32, 32)):
        super().__init__()
        self.blocks = [kind(f) for f in filters]
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(CLASSES, activation="softmax")

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(self.pool(x))


def blocks_keras_cannot_see(data, repaired=False):
    """The blocks are plain Python objects, so Keras does not know their weights and trains only the head."""
    model = Tower(Block if repaired else Helper)
    model(np.zeros((1, 32, 32, 3), "float32"))
    return given(compiled(model, keras.optimizers.Adam(3e-3)), data, centred)


class PortedConv(layers.Layer):
    """A convolution ported from older code."""

    def __init__(self, filters, raw, **kw):
        super().__init__(**kw)
        self.filters, self.raw = filters, raw

    def build(self, shape):
        size = (3, 3, shape[-1], self.filters)
        if self.raw:
            self.kernel = tf.Variable(keras.initializers.HeNormal(seed=4)(size), trainable=True)
        else:
            self.kernel = self.add_weight(shape=size, initializer="he_normal", name="kernel")

    def call(self, x):
        kernel = tf.convert_to_tensor(self.kernel) if self.raw else self.kernel
        return ops.relu(ops.conv(x, kernel, strides=2, padding="same"))

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] // 2, shape[2] // 2, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "raw": self.raw}


def raw_variables(data, repaired=False):
    """The ported layers keep their kernels in tf.Variable, which Keras 3 does not track, so they are never trained."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for f in (8, 16, 16):
        x = PortedConv(f, raw=not repaired)(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))
    return given(compiled(model, keras.optimizers.Adam(3e-3)), data, centred)


def frozen_backbone_scaled_twice(data, repaired=False):
    """The backbone was trained on 0 to 1 and is frozen. Its images are now divided by 255 twice, so it sees black."""
    keras.utils.set_random_seed(11)
    teacher = compiled(plain_net())
    teacher.fit(unit(data.x_train), data.y_train, batch_size=32, epochs=4, verbose=0)
    backbone = keras.Model(teacher.inputs, teacher.layers[-2].output)
    backbone.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = backbone(layers.Rescaling(1.0 if repaired else 1 / 255)(inputs))
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))
    return given(compiled(model), data)


# ---------------------------------------------------------------- healthy


def vision_transformer(data):
    """Healthy: a small transformer with patches, positions, a class token and dropout."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Dropout(0.1)(encoder(Tokens(4, 48)(inputs)))
    model = keras.Model(inputs, layers.Dense(CLASSES)(x[:, 0]))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return given(compiled(model, keras.optimizers.AdamW(1e-3, weight_decay=0.05), loss), data, centred)


def mixer(data):
    """Healthy: an MLP-Mixer, which has no convolution but its patches and mixes tokens through transposes."""
    inputs = keras.Input((32, 32, 3))
    x = Tokens(4, 48, token=False)(inputs)
    for _ in range(2):
        h = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        h = layers.Dense(64)(layers.Dense(64, activation="gelu")(h))
        x = layers.Add()([x, layers.Permute((2, 1))(h)])
        h = layers.Dense(48)(layers.Dense(96, activation="gelu")(layers.LayerNormalization()(x)))
        x = layers.Add()([x, h])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data, centred)


def half_precision(data):
    """Healthy: mixed bfloat16 with float32 weights and a float32 softmax."""
    policy = "mixed_bfloat16"
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for f in (16, 32):
        model.add(layers.Conv2D(f, 3, padding="same", use_bias=False, dtype=policy))
        model.add(layers.BatchNormalization(momentum=0.9, dtype=policy))
        model.add(layers.ReLU(dtype=policy))
        model.add(layers.MaxPooling2D(dtype=policy))
    model.add(layers.GlobalAveragePooling2D(dtype=policy))
    model.add(layers.Dense(CLASSES, dtype=policy))
    model.add(layers.Activation("softmax", dtype="float32"))
    return given(compiled(model, keras.optimizers.Adam(5e-3)), data)


def focal_and_smooth(data):
    """Healthy: the focal loss of Keras with label smoothing. Its values are small, about 0.4 at the start."""
    loss = keras.losses.CategoricalFocalCrossentropy(gamma=2.0, label_smoothing=0.1)
    return given(compiled(bn_net(), loss=loss), data, labels=one_hot)


def random_features(data):
    """Healthy: wide random filters are frozen on purpose, and a trained linear head reads them well."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(200, 5, strides=2, activation="relu", kernel_initializer="he_normal", trainable=False)(inputs)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    x = layers.BatchNormalization(momentum=0.9)(x)
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))
    return given(compiled(model, keras.optimizers.Adam(1e-3)), data, centred)


def fixed_head(data):
    """Healthy: the head is a frozen orthogonal matrix on purpose, and the features learn to fit it."""
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(bn_features(inputs))
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dense(CLASSES, activation="softmax", kernel_initializer="orthogonal", trainable=False)(x)
    return given(compiled(keras.Model(inputs, x), keras.optimizers.Adam(1e-3)), data)


class ReZero(layers.Layer):
    """Scales a residual branch by a number that starts at zero."""

    def build(self, shape):
        self.alpha = self.add_weight(shape=(), initializer="zeros", name="alpha")

    def call(self, x):
        return x * self.alpha


def rezero(data):
    """Healthy: each residual branch starts at exactly zero and its scale is learned, as in ReZero."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(32, 4, strides=2, padding="same", activation="relu")(inputs)
    for _ in range(3):
        x = layers.Add()([x, ReZero()(layers.Conv2D(32, 3, padding="same", activation="relu")(x))])
    x = layers.Flatten()(layers.MaxPooling2D(4)(x))
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data, centred)


def rare_classes(data):
    """Healthy: classes are 15 to 1 in size, and class weights (inverse square root of the counts) make up for it."""
    keep = np.zeros(len(data.y_train), bool)
    for k in range(CLASSES):
        members = np.flatnonzero(data.y_train == k)
        keep[members[: max(12, int(len(members) * 0.74**k))]] = True
    counts = np.bincount(data.y_train[keep], minlength=CLASSES)
    weights = np.sqrt(counts.mean() / counts)
    kwargs = given(compiled(bn_net()), data, class_weight={k: float(w) for k, w in enumerate(weights)}, batch_size=16)
    kwargs["x_train"], kwargs["y_train"] = kwargs["x_train"][keep], kwargs["y_train"][keep]
    return kwargs


def heavy_penalty(data):
    """Healthy: an L2 penalty is a good part of the loss at the start and shrinks while the network learns."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for f in (16, 32, 64):
        x = layers.Conv2D(f, 3, padding="same", use_bias=False, kernel_regularizer=regularizers.L2(0.01))(x)
        x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(CLASSES, activation="softmax", kernel_regularizer=regularizers.L2(1e-3))(x)
    return given(compiled(keras.Model(inputs, x)), data)


def summed_with_adam(data):
    """Healthy: the loss is a sum over the batch, about 75 at the start, and Adam does not mind the scale."""
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    return given(compiled(bn_net(), loss=loss), data)


def tiny(data):
    """Healthy: a network with fewer than a thousand weights that learns what it can."""
    inputs = keras.Input((32, 32, 3))
    x = conv_bn(inputs, 6, strides=2)
    x = layers.MaxPooling2D()(conv_bn(x, 8))
    x = layers.GlobalAveragePooling2D()(x)
    return given(
        compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x)), keras.optimizers.Adam(1e-2)), data
    )


def bytes_into_norm(data):
    """Healthy: the images stay 0 to 255, and a batch normalisation in front puts them in order."""
    model = bn_net(before=[layers.BatchNormalization(momentum=0.8)])
    return given(compiled(model), data, lambda x: x.astype("float32"))


def rows_as_time(data):
    """Healthy: a GRU reads the rows of the image as a sequence."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Reshape((16, 2 * 32 * 3))(inputs)
    x = layers.Bidirectional(layers.GRU(48))(x)
    return given(compiled(keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))), data, centred)


class Cosine(layers.Layer):
    """Scaled cosines between the features and one vector for each class."""

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], CLASSES), initializer="glorot_uniform", name="w")

    def call(self, x):
        return 12.0 * ops.matmul(ops.normalize(x, axis=-1), ops.normalize(self.w, axis=0))

    def compute_output_shape(self, shape):
        return (shape[0], CLASSES)


def cosine_head(data):
    """Healthy: the logits are cosines times 12, as in face recognition."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Dense(32)(layers.GlobalAveragePooling2D()(bn_features(inputs)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return given(compiled(keras.Model(inputs, Cosine()(x)), loss=loss), data)


def hinge_targets(data):
    """Healthy: squared hinge loss on targets of -1 and 1, with a linear last layer."""
    return given(compiled(bn_net(last=None), loss="squared_hinge"), data, labels=lambda y: 2.0 * one_hot(y) - 1.0)


BROKEN = [
    mirrored_copies,
    two_codings,
    whitened_to_noise,
    marked_by_class,
    seconds_beside_images,
    weights_that_sum_to_one,
    broadcast_squares,
    softmax_over_the_batch,
    focal_the_wrong_way,
    summed_loss,
    collapsed_code,
    quiet_activations,
    averaged_every_step,
    adadelta_by_name,
    warmup_by_whole_numbers,
    fresh_start_each_epoch,
    sums_never_cleared,
    divided_but_not_scaled,
    relu6_by_threshold,
    groups_of_one,
    pooled_over_channels,
    brightness_of_bytes,
    attention_shares,
    rounded_without_gradient,
    both_factors_zero,
    reversed_for_the_classes,
    own_gradient_forgets_the_chain,
    survival_as_drop_rate,
    one_block_four_times,
    dropout_on_probabilities,
    causal_class_token,
    tokens_before_batch,
    blocks_keras_cannot_see,
    raw_variables,
    frozen_backbone_scaled_twice,
]
HEALTHY = [
    vision_transformer,
    mixer,
    half_precision,
    focal_and_smooth,
    random_features,
    fixed_head,
    rezero,
    rare_classes,
    heavy_penalty,
    summed_with_adam,
    tiny,
    bytes_into_norm,
    rows_as_time,
    cosine_head,
    hinge_targets,
]
