"""Batches in halves against the same network by Keras alone: answers, gradients, running values; who is left alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.architecture import build_vgg
from vgg_lesson.speed import fused_batch_norm, halves
from vgg_lesson.speed.acceleration import accelerate

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="with a GPU, accelerate leaves every model alone"
)
layers = keras.layers


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setattr(halves, "an_operation_has_one_thread", lambda: True)


def small(*middle, side=4, channels=3, **options):
    """A network with one pooling, so that the operations of its graph tell whether it takes batches in halves."""
    return keras.Sequential(
        [
            keras.Input((side, side, channels), **options),
            *middle,
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def functional_chain(policy="float32"):
    images = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3, padding="same", activation="gelu", dtype=policy)(layers.Rescaling(0.5)(images))
    maps = layers.MaxPooling2D()(layers.BatchNormalization(dtype=policy)(maps))
    return keras.Model(images, layers.Dense(3, dtype=policy)(layers.GlobalAveragePooling2D()(maps)))


NETWORKS = {
    "VGG16": lambda: build_vgg(width=0.125, head=(16,)),
    "with batch norm": lambda: build_vgg(width=0.125, head=(16,), batch_norm=True),
    "many products": lambda: small(layers.Conv2D(256, 3, padding="same"), channels=256),
    "functional": functional_chain,
    "bfloat16": lambda: functional_chain("mixed_bfloat16"),
    "frozen batch norm": lambda: small(layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(trainable=False)),
    "not accelerated": lambda: small(layers.Conv2D(4, 3, strides=1, padding="valid"), layers.LeakyReLU()),
}


def pair(make):
    """The network by Keras alone, and with everything that makes it fast; of weights that are not the first ones."""
    keras.utils.set_random_seed(0)
    theirs = make()
    ours = keras.models.clone_model(theirs)
    for variable in theirs.weights:
        if variable.path.split("/")[-1] in ("gamma", "beta", "moving_mean", "moving_variance"):
            variable.assign(tf.random.uniform(variable.shape, 0.5, 2))
    ours.set_weights(theirs.get_weights())
    return theirs, accelerate(ours)


def batch(model, count):
    return tf.constant(np.random.default_rng(1).normal(size=(count, *model.input_shape[1:])).astype("float32"))


def step(model, training=True, jit_compile=False):
    """A function of images: answers, and gradients of a loss by images and trainable weights."""

    @tf.function(reduce_retracing=not jit_compile, jit_compile=jit_compile)
    def run(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            answers = tf.cast(model(images, training=training), tf.float32)
            loss = tf.reduce_mean(tf.reduce_sum(tf.sin(3 * answers), axis=1))
        return answers, *tape.gradient(loss, [images, *(v.value for v in model.trainable_variables)])

    return run


def operations(function, model, kind="MaxPool", count=None):
    images = tf.TensorSpec((count, *model.input_shape[1:]))
    graph = function.get_concrete_function(images).graph
    return [operation.type for operation in graph.get_operations()].count(kind)


def is_halved(model, training=True, count=None):
    assert operations(step(model, training), model, count=count) in (1, 2)
    return operations(step(model, training), model, count=count) == 2


@pytest.mark.parametrize("slow", [False, True])  # which kernel finds mean and variance
@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_equals_keras(network, training, count, slow, monkeypatch):
    monkeypatch.setattr(fused_batch_norm, "onednn_is_slow_at_it", lambda: slow)
    theirs, ours = pair(NETWORKS[network])
    images = batch(theirs, count)
    found, expected = step(ours, training)(images), step(theirs, training)(images)
    rough = network == "bfloat16"
    for mine, want in zip(found, expected, strict=True):
        assert mine.shape == want.shape
        size = np.abs(want).max()
        np.testing.assert_allclose(mine, want, rtol=0.05 if rough else 1e-3, atol=(0.05 if rough else 1e-3) * size)
    for mine, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):  # running values move in training
        np.testing.assert_allclose(mine, want, rtol=2e-3 if rough else 1e-5, atol=1e-5)


@pytest.mark.parametrize("network", [name for name in NETWORKS if name not in ("VGG16", "with batch norm")])
def test_batches_are_halved(network):
    theirs, ours = pair(NETWORKS[network])
    assert is_halved(ours) and is_halved(ours, training=False)
    assert not is_halved(theirs)


@pytest.mark.parametrize("count", [1, 6])
def test_xla_compiles_a_step(count):
    theirs, ours = pair(NETWORKS["functional"])
    images = batch(theirs, count)
    for mine, want in zip(step(ours, jit_compile=True)(images), step(theirs)(images), strict=True):
        np.testing.assert_allclose(mine, want, rtol=1e-3, atol=1e-4)


def test_fit_gives_the_weights_that_keras_finds():
    """With a last batch of one image."""
    theirs, ours = pair(NETWORKS["functional"])
    images, labels = batch(theirs, 9).numpy(), np.arange(9) % 3
    for model in (theirs, ours):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False)
        model.fit(images, labels, batch_size=4, epochs=3, shuffle=False, verbose=0)
    for mine, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, want, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(ours.predict(images, verbose=0), theirs.predict(images, verbose=0), rtol=1e-2, atol=1e-4)


def test_a_dropout_draws_for_each_image():
    model = accelerate(small(layers.Dropout(0.5, seed=0), side=8))
    assert is_halved(model)
    images = tf.ones((4, 8, 8, 3))
    masks = tf.function(lambda: model(images, training=True))()
    assert len(np.unique(masks, axis=0)) == 4


def test_layers_that_are_many_products_take_the_whole_batch():
    _, ours = pair(NETWORKS["many products"])
    found = operations(tf.function(ours), ours, "MatMul")
    assert found == 16 + 2  # the places of a map of 4 x 4; the last layer for each half


@pytest.mark.parametrize("channels", [4, 256])
def test_a_kernel_becomes_a_matrix_once(channels):
    model = accelerate(small(layers.Conv2D(channels, 3, padding="same"), side=2, channels=channels))
    found = operations(tf.function(model), model, "Transpose")
    assert found == 1
    assert operations(tf.function(model), model, "MatMul") == 1 + 2 + 2  # picks; products and last layer for each half


def test_a_tape_around_the_function_finds_the_gradient_of_keras():
    """TensorFlow then derives the operations of the graph, and would take mean and variance for constants."""
    theirs, ours = pair(NETWORKS["functional"])
    images = batch(theirs, 6)
    found = []
    for model in (theirs, ours):
        answer = tf.function(lambda images, model=model: model(images, training=True))
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.sin(answer(images)))
        found.append(tape.gradient(loss, images))
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-5)


def second_derivatives(model, images, direction, how):
    """Change of the gradient along a direction: by a tape over a tape, or forward over a tape, in one function."""

    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(model(images, training=True) ** 3)
        return tape.gradient(loss, images)

    @tf.function
    def run(images):
        if how == "forward over reverse":
            with tf.autodiff.ForwardAccumulator(images, direction) as forward:
                slope = gradient(images)
            return forward.jvp(slope)
        with tf.GradientTape() as tape:
            tape.watch(images)
            along = tf.reduce_sum(gradient(images) * direction)
        return tape.gradient(along, images)

    both = [tf.function(gradient)(images + side * 1e-2 * direction) for side in (1, -1)]
    return run(images), (both[0] - both[1]) / 2e-2


@pytest.mark.parametrize("how", ["reverse over reverse", "forward over reverse"])
def test_second_derivatives_equal_differences(how):
    smooth = [layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.AveragePooling2D(2)]
    model = accelerate(keras.Sequential([keras.Input((4, 4, 3)), *smooth, layers.Flatten(), layers.Dense(3)]))
    assert operations(step(model), model, "AvgPool") == 2
    images = batch(model, 6)
    direction = tf.constant(np.random.default_rng(2).normal(size=images.shape).astype("float32"))
    found, expected = second_derivatives(model, images, direction, how)
    assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)


def test_what_would_be_derived_wrongly_says_so():
    model = accelerate(small(layers.BatchNormalization()))
    images = batch(model, 4)
    run = step(model)
    run(images)  # traced without a tape around it
    with pytest.raises(LookupError, match="no second derivatives of a function that takes batches in halves"):
        with tf.GradientTape() as tape:
            tape.watch(images)
            _, slope, *_ = run(images)
            loss = tf.reduce_sum(slope**2)
        tape.gradient(loss, images)


class Own(layers.Layer):
    def call(self, images):
        return images - keras.ops.mean(images, axis=0)


class OwnModel(keras.Sequential):
    pass


def branches():
    images = keras.Input((4, 4, 3))
    return keras.Model(images, layers.MaxPooling2D()(layers.Add()([images, layers.ReLU()(images)])))


def two_uses():
    images = keras.Input((4, 4, 3))
    shared = layers.Conv2D(3, 3, padding="same")
    return keras.Model(images, layers.MaxPooling2D()(shared(shared(images))))


def dead_end():
    images = keras.Input((4, 4, 3))
    maps = layers.MaxPooling2D()(images)
    return keras.Model(images, [maps, layers.Flatten()(maps)])


@keras.saving.register_keras_serializable()
def over_the_batch(values):
    return keras.ops.softmax(values, axis=0)


@pytest.mark.parametrize(
    "model",
    [
        lambda: small(Own()),
        lambda: small(layers.Activation(over_the_batch)),
        lambda: small(layers.Conv2D(3, 3, activation=over_the_batch)),
        lambda: small(layers.Conv2D(3, 3, activity_regularizer="l2")),
        lambda: small(layers.BatchNormalization(center=False)),
        lambda: small(layers.Dropout(0.0, noise_shape=(4, 1, 1, 1))),
        lambda: small(keras.Sequential([keras.Input((4, 4, 3)), layers.ReLU()])),
        branches,
        two_uses,
    ],
)
def test_others_keep_the_ordinary_path(model):
    theirs, ours = pair(model)
    images = batch(theirs, 4)
    assert not is_halved(ours)
    for mine, want in zip(step(ours)(images), step(theirs)(images), strict=True):
        np.testing.assert_allclose(mine, want, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("replace", [lambda model: model, lambda model: model.layers[0]])
def test_a_call_that_somebody_replaced_is_obeyed(replace):
    model = small(layers.ReLU())
    replaced = replace(model)
    plain = replaced.call
    replaced.call = lambda images, **options: plain(images - tf.reduce_mean(images, axis=0), **options)
    images = batch(model, 4)
    expected = tf.function(model)(images)
    np.testing.assert_allclose(tf.function(accelerate(model))(images), expected, rtol=1e-5)
    assert not is_halved(model)


def test_models_of_other_classes_are_left_alone():
    assert not is_halved(accelerate(OwnModel([keras.Input((4, 4, 3)), layers.MaxPooling2D()])))


def test_several_outputs_are_left_alone():
    model = accelerate(dead_end())
    assert operations(tf.function(model), model) == 1


def test_one_image_is_not_halved():
    assert not is_halved(accelerate(small()), count=1)


def test_batch_norm_of_no_maps_is_left_alone():
    model = accelerate(keras.Sequential([keras.Input((4, 4, 3)), layers.MaxPooling2D(), layers.Flatten(),
                                         layers.BatchNormalization(), layers.Dense(2)]))  # fmt: skip
    assert not is_halved(model)


def test_images_that_keras_adapts_are_left_to_it():
    model = accelerate(small(layers.Conv2D(2, 3), channels=1))
    images = np.random.default_rng(0).normal(size=(4, 4, 4)).astype(np.float32)  # Keras adds the axis of the channels
    np.testing.assert_allclose(tf.function(model)(tf.constant(images)), model(images[..., None]), rtol=1e-4, atol=1e-5)


def test_outside_of_a_function_nothing_is_halved(monkeypatch):
    model = accelerate(small())
    monkeypatch.setattr(halves, "_in_halves", lambda *_: pytest.fail("in halves"))
    assert model(tf.ones((4, 4, 4, 3))).shape == (4, 3)


def test_a_layer_that_is_added_later_is_noticed():
    model = accelerate(small())
    model.add(Own())
    assert not is_halved(model)


def test_saved_loaded_and_cloned_it_is_plain_keras(tmp_path):
    model = accelerate(functional_chain())
    assert "call" in vars(model)
    model.save(tmp_path / "model.keras")
    for copy in (keras.saving.load_model(tmp_path / "model.keras"), keras.models.clone_model(model)):
        assert "call" not in vars(copy) and not is_halved(copy)


def test_an_exported_model_answers_the_same(tmp_path):
    _, model = pair(functional_chain)
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    for count in (1, 5):
        images = batch(model, count)
        np.testing.assert_allclose(loaded.serve(images), model(images), rtol=1e-4, atol=1e-5)


def test_twice_is_once():
    model = accelerate(accelerate(small()))
    assert is_halved(model)


@pytest.mark.parametrize("variable, asked, one", [("1", 0, True), ("2", 0, False), (None, 0, False), ("1", 2, False),
                                                  (None, 1, True)])  # fmt: skip
def test_only_where_an_operation_has_one_thread(monkeypatch, variable, asked, one):
    monkeypatch.undo()
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    if variable:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", variable)
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: asked)
    assert is_halved(accelerate(small())) == one
