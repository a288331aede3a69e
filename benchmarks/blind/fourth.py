"""Twenty-eight more networks, by a fourth author: what students bring to an office hour.

The broken ones take ``repaired=True``: the same without its fault. The author saw each of these learn.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

SPARSE = "sparse_categorical_crossentropy"


def floats(x):
    return np.asarray(x, "float32")


def scaled(x):
    return floats(x) / 255.0


def signed(x):
    return floats(x) / 127.5 - 1.0


def given(model, data, images=scaled, labels=np.asarray, batch_size=32, **more):
    """The arguments of a case: images and labels of both sets prepared alike, unless told otherwise."""
    arguments = {
        "model": model,
        "x_train": images(data.x_train),
        "y_train": labels(data.y_train),
        "validation_data": (images(data.x_val), labels(data.y_val)),
        "batch_size": batch_size,
    }
    return {**arguments, **more}


def ready(model, optimizer=None, loss=SPARSE):
    model.compile(optimizer=optimizer or keras.optimizers.Adam(2e-3), loss=loss, metrics=["accuracy"])
    return model


def norm():
    return layers.BatchNormalization(momentum=0.9)


def block(filters, act="relu", **kw):
    return [layers.Conv2D(filters, 3, padding="same", use_bias=False, **kw), norm(), layers.Activation(act)]


def normalised(*first):
    """A Sequential with batch normalisation, a stride in place of each pooling."""
    stack = [keras.Input((32, 32, 3)), *first]
    for filters in (16, 32, 64):
        stack += block(filters, strides=2)
    stack += [layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]
    return keras.Sequential(stack)


def plain(*first, last="softmax", act="relu", **kw):
    """A little VGG without normalisation."""
    stack = [keras.Input((32, 32, 3)), *first]
    for filters in (16, 32, 64):
        stack += [layers.Conv2D(filters, 3, padding="same", activation=act, **kw), layers.MaxPooling2D()]
    stack += [layers.Flatten(), layers.Dense(64, activation=act, **kw), layers.Dense(10, activation=last, **kw)]
    return keras.Sequential(stack)


# ---------------------------------------------------------------- broken: everyday mistakes


def files_in_alphabetical_order(data, repaired=False):
    """Images were read as 1.png, 10.png, 100.png, ... but the labels of the table stand in the order 1, 2, 3, ..."""

    def read(images):
        numbers = [str(i + 1) for i in range(len(images))]
        listing = sorted(numbers, key=int if repaired else str)
        return scaled(images[[int(n) - 1 for n in listing]])

    return given(ready(normalised()), data, images=read)


def adadelta_by_name(data, repaired=False):
    """optimizer="adadelta" takes Keras's default rate of 0.001, where the book's network was trained with 1.0."""
    optimizer = keras.optimizers.Adadelta(learning_rate=1.0) if repaired else "adadelta"
    one_hot = lambda y: keras.utils.to_categorical(y, 10)  # noqa: E731
    model = plain(layers.Rescaling(1 / 255))
    return given(ready(model, optimizer, "categorical_crossentropy"), data, images=floats, labels=one_hot)


def divided_outside_and_inside(data, repaired=False):
    """The arrays are divided by 255 and the model begins with Rescaling(1/255) too, so all pixels are nearly 0."""
    model = plain(layers.Rescaling(1.0 / 255), kernel_initializer="he_normal")
    ready(model, keras.optimizers.SGD(0.02, momentum=0.9))
    return given(model, data, images=floats if repaired else scaled)


def froze_the_head_as_well(data, repaired=False):
    """The loop that freezes the pretrained layers ran over the whole model, so the new head is frozen too."""
    base = normalised()
    ready(base).fit(scaled(data.x_train), data.y_train, batch_size=32, epochs=3, verbose=0)  # "pretrained"
    features = base.layers[-2].output
    hidden = layers.Dense(64, activation="relu", name="new_hidden")(features)
    model = keras.Model(base.inputs, layers.Dense(10, activation="softmax", name="new_output")(hidden))
    for layer in model.layers:
        layer.trainable = repaired and layer.name.startswith("new_")
    return given(ready(model), data)


def labels_divided_too(data, repaired=False):
    """The loop over the four arrays divided the labels by 255 as well, so each of them is read as class 0."""
    arrays = [data.x_train, data.y_train, data.x_val, data.y_val]
    for i, array in enumerate(arrays):
        if not (repaired and array.ndim == 1):
            arrays[i] = array.astype("float32") / 255
    x, y, x_val, y_val = arrays
    return {
        "model": ready(normalised()),
        "x_train": x,
        "y_train": y,
        "validation_data": (x_val, y_val),
        "batch_size": 32,
    }


def relu_at_the_end(data, repaired=False):
    """The last layer has ReLU like all the others, and its outputs are taken for probabilities."""
    return given(ready(plain(last="softmax" if repaired else "relu"), keras.optimizers.Adam(1e-3)), data)


def weights_of_randn(data, repaired=False):
    """Weights are drawn with standard deviation 1, as torch.randn does, so activations grow layer by layer."""
    kernel = "he_normal" if repaired else keras.initializers.RandomNormal(mean=0.0, stddev=1.0)
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for filters in (16, 32, 48, 64):
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer=kernel)(x)
        x = layers.LeakyReLU(0.1)(x)
        x = layers.MaxPool2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu", kernel_initializer=kernel)(x)
    x = layers.Dense(10, kernel_initializer=kernel)(x)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return given(ready(keras.Model(inputs, x), keras.optimizers.Adam(1e-3), loss), data, images=signed)


def compiled_anew_after_divergence(data, repaired=False):
    """An earlier run with a huge rate ruined the weights; compile() with a better rate does not make new ones."""
    model = plain()
    if not repaired:
        ready(model, keras.optimizers.SGD(30.0))  # the cell that was run first
        for i in range(0, 320, 32):
            model.train_on_batch(scaled(data.x_train[i : i + 32]), data.y_train[i : i + 32])
    return given(ready(model, keras.optimizers.Adam(1e-3)), data)


class PortedNet(keras.Model):
    """Layer by layer from a PyTorch tutorial."""

    def __init__(self, softmax, **kw):
        super().__init__(**kw)
        self.conv1 = layers.Conv2D(16, 3, padding="same", activation="relu")
        self.conv2 = layers.Conv2D(32, 3, padding="same", activation="relu")
        self.conv3 = layers.Conv2D(64, 3, padding="same", activation="relu")
        self.pool = layers.MaxPooling2D(2, 2)
        self.flat = layers.Flatten()
        self.fc1 = layers.Dense(120, activation="relu")
        self.fc2 = layers.Dense(84, activation="relu")
        self.fc3 = layers.Dense(10)
        self.softmax = softmax

    def call(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = self.pool(conv(x))
        x = self.fc3(self.fc2(self.fc1(self.flat(x))))
        return ops.softmax(x) if self.softmax else x


def torch_cross_entropy(y, z):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(tf.reshape(y, [-1]), tf.int32), z)


def softmax_before_cross_entropy(data, repaired=False):
    """The model ends in softmax and the loss applies softmax again, which leaves weak gradients."""
    model = PortedNet(softmax=not repaired)
    model(np.zeros((1, 32, 32, 3), "float32"))
    return given(ready(model, keras.optimizers.SGD(0.01, momentum=0.9), torch_cross_entropy), data, images=signed)


# ---------------------------------------------------------------- broken: one has to think


class OwnConv(layers.Layer):
    def __init__(self, filters, tracked, **kw):
        super().__init__(**kw)
        self.filters, self.tracked = filters, tracked

    def build(self, shape):
        shape = (3, 3, int(shape[-1]), self.filters)
        if self.tracked:
            self.w = self.add_weight(shape=shape, initializer="he_normal", name="w")
        else:
            self.w = tf.Variable(tf.random.stateless_normal(shape, seed=[1, 2]) * (2 / np.prod(shape[:3])) ** 0.5)

    def call(self, x):
        return tf.nn.relu(tf.nn.conv2d(x, tf.convert_to_tensor(self.w), 2, "SAME"))


class OwnDense(layers.Layer):
    def __init__(self, units, tracked, **kw):
        super().__init__(**kw)
        self.units, self.tracked = units, tracked

    def build(self, shape):
        shape = (int(shape[-1]), self.units)
        if self.tracked:
            self.w = self.add_weight(shape=shape, initializer="glorot_normal", name="w")
        else:
            self.w = tf.Variable(tf.random.stateless_normal(shape, seed=[3, 4]) * (2 / sum(shape)) ** 0.5)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, x):
        return tf.matmul(x, tf.convert_to_tensor(self.w)) + self.b


def weights_in_plain_variables(data, repaired=False):
    """The hand-made layers keep their kernels in tf.Variable, which Keras 3 does not count as weights to train."""
    stack = [keras.Input((32, 32, 3))]
    stack += [OwnConv(filters, tracked=repaired) for filters in (24, 32, 64)]
    stack += [layers.Flatten(), OwnDense(10, tracked=repaired), layers.Softmax()]
    return given(ready(keras.Sequential(stack), keras.optimizers.Adam(1e-3)), data, images=signed)


def relu6_by_threshold(data, repaired=False):
    """ReLU6 was written ReLU(threshold=6), which lets only values above 6 through, and there are none."""
    relu6 = {"max_value": 6.0} if repaired else {"threshold": 6.0}
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.ReLU(**relu6)(norm()(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(x)))
    for filters in (32, 64):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.ReLU(**relu6)(norm()(x))
        x = layers.Conv2D(filters, 1, use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.ReLU(**relu6)(norm()(x)))
    x = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return given(ready(keras.Model(inputs, x), keras.optimizers.Adam(4e-3)), data, images=floats)


class FocalLoss(keras.losses.Loss):
    def __init__(self, gamma, hard, **kw):
        super().__init__(**kw)
        self.gamma, self.hard = gamma, hard

    def call(self, y_true, y_pred):
        p = ops.sum(y_true * ops.clip(y_pred, 1e-6, 1 - 1e-6), axis=-1)
        return -(((1 - p) if self.hard else p) ** self.gamma) * ops.log(p)


def focal_loss_for_the_easy(data, repaired=False):
    """Focal loss weighted with p**2 in place of (1 - p)**2: it falls when the true class gets less likely."""
    one_hot = lambda y: np.eye(10, dtype="float32")[y]  # noqa: E731
    model = ready(normalised(), keras.optimizers.Adam(2e-3), FocalLoss(2.0, hard=repaired))
    return given(model, data, labels=one_hot)


def loss_of_batch_averages(data, repaired=False):
    """The loss averages labels and predictions over the batch first, so it only compares how often classes occur."""

    def cross_entropy(y_true, y_pred):
        y_pred = tf.clip_by_value(y_pred, 1e-7, 1.0)
        if repaired:
            return -tf.reduce_mean(tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1))
        return -tf.reduce_sum(tf.reduce_mean(y_true, axis=0) * tf.math.log(tf.reduce_mean(y_pred, axis=0)))

    one_hot = lambda y: keras.utils.to_categorical(y, 10)  # noqa: E731
    return given(ready(normalised(), loss=cross_entropy), data, labels=one_hot)


def gates_that_share(data, repaired=False):
    """Squeeze-and-excite gates end in softmax, not sigmoid: they sum to 1 and shrink the signal block by block."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, padding="same", activation="relu", kernel_initializer="he_normal")(inputs)
    for filters in (32, 64, 64, 64):
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        s = layers.GlobalAveragePooling2D()(x)
        s = layers.Dense(filters // 4, activation="relu")(s)
        s = layers.Dense(filters, activation="sigmoid" if repaired else "softmax")(s)
        x = layers.Multiply()([x, layers.Reshape((1, 1, filters))(s)])
    x = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
    return given(ready(keras.Model(inputs, x), keras.optimizers.Adam(1e-3)), data, images=signed)


@tf.custom_gradient
def reverse(x):
    return tf.identity(x), lambda upstream: -upstream


class GradientReversal(layers.Layer):
    def call(self, x):
        return reverse(x)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, dtype=x.dtype)


def reversal_left_in(data, repaired=False):
    """A gradient reversal layer of domain adaptation stayed before the classifier: the features learn to be useless."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for filters in (16, 32, 64):
        for layer in block(filters, strides=2):
            x = layer(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    if not repaired:
        x = GradientReversal()(x)
    x = layers.Dense(32, activation="relu")(x)
    return given(ready(keras.Model(inputs, layers.Dense(10, activation="softmax")(x))), data)


def accumulates_for_ever(data, repaired=False):
    """Gradients are accumulated over 1024 steps (the batch size meant), so the weights change once in many epochs."""
    optimizer = keras.optimizers.AdamW(2e-3, gradient_accumulation_steps=None if repaired else 1024)
    return given(ready(normalised(), optimizer), data)


def one_at_a_time(data, repaired=False):
    """Batches of one image: batch normalisation of a vector subtracts the image from itself, and nothing is left."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for filters in (8, 16, 32):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(64, use_bias=False)(layers.Flatten()(x))
    x = layers.ReLU()(norm()(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    return given(ready(model, keras.optimizers.Adam(1e-3)), data, batch_size=32 if repaired else 1)


class BalancedLoss(keras.losses.Loss):
    def __init__(self, weights, **kw):
        super().__init__(**kw)
        self.weights = ops.convert_to_tensor(weights, "float32")

    def call(self, y_true, y_pred):
        y_true = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        return ops.take(self.weights, y_true) * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def inverse_counts_as_weights(data, repaired=False):
    """The classes are weighted with 1 / count, not n / (10 count): the loss, and SGD's steps, are 200 times smaller."""
    counts = np.bincount(data.y_train, minlength=10)
    weights = len(data.y_train) / (10 * counts) if repaired else 1.0 / counts
    model = plain(kernel_initializer="he_normal")
    return given(ready(model, keras.optimizers.SGD(0.01, momentum=0.9), BalancedLoss(weights)), data, images=signed)


class FlipsWhenTraining(keras.Model):
    divide = False

    def train_step(self, batch):
        x, y, w = keras.utils.unpack_x_y_sample_weight(batch)
        x = tf.image.random_flip_left_right(tf.cast(x, tf.float32))
        return super().train_step((x / 255.0 if self.divide else x, y, w))


class ScalesWhenTraining(FlipsWhenTraining):
    divide = True


def scaled_in_train_step_only(data, repaired=False):
    """The custom train_step divides by 255, but validation and prediction get the raw pixels."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs) if repaired else inputs
    for filters in (16, 32, 64):
        for layer in block(filters, strides=2):
            x = layer(x)
    outputs = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = (FlipsWhenTraining if repaired else ScalesWhenTraining)(inputs, outputs)
    return given(ready(model), data, images=floats)


def one_buffer_for_many(data, repaired=False):
    """The loader returns the same buffer for each image of a file, so 50 images became the last one of them."""

    def load(images):
        rows = []
        for start in range(0, len(images), 50):
            buffer = np.empty((32, 32, 3), "float32")
            for image in images[start : start + 50]:
                np.divide(image, 255.0, out=buffer)
                rows.append(buffer.copy() if repaired else buffer)
        return np.stack(rows)

    return given(ready(normalised()), data, images=load)


# ---------------------------------------------------------------- healthy but suspicious


def network_in_network(data):
    """Healthy: no dense layer; ten 1x1 filters with ReLU are averaged and then go through softmax, as in the paper."""
    stack = [keras.Input((32, 32, 3))]
    for filters in (24, 48, 64):
        stack += block(filters, strides=2)
    stack += [layers.Conv2D(10, 1, activation="relu", bias_initializer="ones"), layers.GlobalAveragePooling2D()]
    stack += [layers.Softmax()]
    return given(ready(keras.Sequential(stack), keras.optimizers.Adam(4e-3)), data, images=signed)


def negative_loss(data):
    """Healthy: cosine similarity of softmax and one-hot labels as the loss, which therefore is negative."""
    one_hot = lambda y: keras.utils.to_categorical(y, 10)  # noqa: E731
    return given(ready(normalised(), loss=keras.losses.CosineSimilarity(axis=-1)), data, labels=one_hot)


def lion_with_tiny_rate(data):
    """Healthy: a rate of 2e-4 looks too small, but Lion's steps have the size of the rate whatever the gradient."""
    optimizer = keras.optimizers.Lion(2e-4, weight_decay=0.1)
    return given(ready(normalised(), optimizer), data)


def hundredth_of_the_loss(data):
    """Healthy: the loss is divided by 100 and the rate of SGD is 3: one makes up for the other."""

    def loss(y_true, y_pred):
        return 0.01 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    return given(ready(normalised(), keras.optimizers.SGD(3.0, momentum=0.9), loss), data, images=signed)


def patches_mixed(data):
    """Healthy: ConvMixer; cut into patches at once, large depthwise kernels, normalisation after GELU, no pooling."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 64.0, offset=-2.0)(inputs)
    x = norm()(layers.Conv2D(48, 4, strides=4, activation="gelu")(x))
    for _ in range(3):
        y = layers.DepthwiseConv2D(5, padding="same", activation="gelu")(x)
        x = layers.Add()([x, norm()(y)])
        x = norm()(layers.Conv2D(48, 1, activation="gelu")(x))
    x = layers.GlobalAveragePooling2D()(x)
    return given(ready(keras.Model(inputs, layers.Dense(10, activation="softmax")(x))), data, images=floats)


def no_activation_anywhere(data):
    """Healthy: not one activation function, but max pooling is not linear either."""
    stack = [keras.Input((32, 32, 3))]
    for filters in (24, 48, 96):
        stack += [layers.Conv2D(filters, 3, padding="same", use_bias=False), norm(), layers.MaxPooling2D()]
    stack += [layers.Flatten(), layers.Dropout(0.3), layers.Dense(10, activation="softmax")]
    return given(ready(keras.Sequential(stack), keras.optimizers.Adam(1e-3)), data, images=signed)


def upside_down_and_renumbered(data):
    """Healthy: negative images, upside down, as BGR, shrunk to 16x16, classes numbered backwards: but all alike."""
    odd = lambda x: 1.0 - scaled(x)[:, ::-1, :, ::-1]  # noqa: E731
    backwards = lambda y: (9 - y).astype("uint8")[:, None]  # noqa: E731
    return given(ready(normalised(layers.Resizing(16, 16)), keras.optimizers.RMSprop(2e-3)), data, odd, backwards)


class MixingModel(keras.Model):
    """Mixes each image of a batch with another one, and their labels in the same shares."""

    def train_step(self, batch):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        share = tf.random.uniform((), 0.6, 1.0)
        x = share * x + (1 - share) * tf.reverse(x, [0])
        y = share * y + (1 - share) * tf.reverse(y, [0])
        return super().train_step((x, y))


def mixes_in_train_step(data):
    """Healthy: a custom train_step mixes pairs of images and of one-hot labels (mixup); the loss stays high."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for filters in (16, 32, 64):
        for layer in block(filters, act="swish", strides=2):
            x = layer(x)
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    model = MixingModel(inputs, layers.Dense(10, activation="softmax")(x))
    one_hot = lambda y: keras.utils.to_categorical(y, 10)  # noqa: E731
    return given(ready(model, loss="categorical_crossentropy"), data, labels=one_hot)


BROKEN = [
    files_in_alphabetical_order,
    adadelta_by_name,
    divided_outside_and_inside,
    froze_the_head_as_well,
    labels_divided_too,
    relu_at_the_end,
    weights_of_randn,
    compiled_anew_after_divergence,
    softmax_before_cross_entropy,
    weights_in_plain_variables,
    relu6_by_threshold,
    focal_loss_for_the_easy,
    loss_of_batch_averages,
    gates_that_share,
    reversal_left_in,
    accumulates_for_ever,
    one_at_a_time,
    inverse_counts_as_weights,
    scaled_in_train_step_only,
    one_buffer_for_many,
]

HEALTHY = [
    network_in_network,
    negative_loss,
    lion_with_tiny_rate,
    hundredth_of_the_loss,
    patches_mixed,
    no_activation_anywhere,
    upside_down_and_renumbered,
    mixes_in_train_step,
]
