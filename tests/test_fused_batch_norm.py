"""The fused normalisation against Keras's own: outputs, gradients, running statistics, and who is left alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.speed import fused_batch_norm
from vgg_lesson.speed.acceleration import accelerate

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="with a GPU, accelerate leaves every layer alone"
)


@pytest.fixture(autouse=True)
def whole_batches(monkeypatch):
    """Each operation once, so that a graph tells which; tests/test_halves.py has the other way."""
    monkeypatch.setattr("vgg_lesson.speed.halves.an_operation_has_one_thread", lambda: False)


BatchNormalization = keras.layers.BatchNormalization


@pytest.fixture(params=[False, True], ids=["as TensorFlow chooses", "past oneDNN"])
def either_kernel(request, monkeypatch):
    """The test runs with each of the two forward kernels, whatever this processor has."""
    monkeypatch.setattr(fused_batch_norm, "onednn_is_slow_at_it", lambda: request.param)


def normalised(layer, shape=(6, 5, 4), seed=0):
    """A model of one layer with weights that are not the initial ones."""
    model = keras.Sequential([keras.Input(shape), layer])
    random = np.random.default_rng(seed)
    for variable in layer.weights:
        variable.assign(random.uniform(0.5, 2, variable.shape))
    return model


def step(model, images, training=True):
    """Output, gradients by images and trainable weights, and all weights afterwards."""
    images = tf.constant(images)

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = model(images, training=training)
            loss = tf.reduce_sum(tf.sin(outputs))
        return outputs, *tape.gradient(loss, [images, *[v.value for v in model.trainable_variables]])

    return [np.asarray(value) for value in (*run(), *model.get_weights())]


def is_fused(layer):
    return "call" in vars(layer)


def images_for(model, count=3):
    return np.random.default_rng(1).normal(3, 2, (count, *model.input_shape[1:])).astype("float32")


@pytest.mark.usefixtures("either_kernel")
@pytest.mark.parametrize("options", [{}, {"momentum": 0.5, "epsilon": 0.1}, {"axis": 3}])
@pytest.mark.parametrize("shape, count", [((6, 5, 4), 3), ((1, 1, 8), 16), ((2, 2, 1), 1)])
def test_a_training_step_equals_keras(options, shape, count):
    theirs = normalised(BatchNormalization(**options), shape)
    ours = accelerate(normalised(BatchNormalization(**options), shape))
    assert is_fused(ours.layers[0]) and not is_fused(theirs.layers[0])
    images = images_for(theirs, count)
    for mine, expected in zip(step(ours, images), step(theirs, images), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-3, atol=2e-4)
    assert not np.allclose(ours.get_weights()[2], normalised(BatchNormalization(**options), shape).get_weights()[2])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_under_a_mixed_policy_it_equals_keras_too(policy):
    theirs, ours = normalised(BatchNormalization(dtype=policy)), normalised(BatchNormalization(dtype=policy))
    accelerate(ours)
    assert is_fused(ours.layers[0])
    images = images_for(theirs)
    for mine, expected in zip(step(ours, images), step(theirs, images), strict=True):
        assert mine.dtype == expected.dtype
        np.testing.assert_allclose(mine.astype("float32"), expected.astype("float32"), rtol=0.02, atol=0.05)
    np.testing.assert_allclose(ours.get_weights()[2], theirs.get_weights()[2], rtol=2e-3)


@pytest.mark.usefixtures("either_kernel")
def test_running_statistics_use_the_variance_that_keras_uses():
    """With four values the kernel's own variance is a third too large."""
    model = accelerate(normalised(BatchNormalization(momentum=0.0), (2, 2, 1)))
    images = images_for(model, 1)
    step(model, images)
    assert model.get_weights()[3] == pytest.approx(images.var(), rel=1e-4)


@pytest.mark.parametrize("training, trainable", [(False, True), (True, False)])
def test_without_training_it_uses_the_running_statistics_and_leaves_them(training, trainable):
    theirs, ours = normalised(BatchNormalization()), accelerate(normalised(BatchNormalization()))
    for model in (theirs, ours):
        model.layers[0].trainable = trainable
    images = images_for(theirs)
    before = ours.get_weights()
    for mine, expected in zip(step(ours, images, training), step(theirs, images, training), strict=True):
        np.testing.assert_array_equal(mine, expected)
    for kept, was in zip(ours.get_weights(), before, strict=True):
        np.testing.assert_array_equal(kept, was)


@pytest.mark.parametrize(
    "slow, policy, layouts",
    [
        (True, "float32", {"NDHWC", "NHWC"}),  # forward past oneDNN, backward not
        (True, "mixed_bfloat16", {"NHWC"}),
        (False, "float32", {"NHWC"}),
    ],
)
def test_only_the_forward_kernel_of_float32_is_exchanged(slow, policy, layouts, monkeypatch):
    monkeypatch.setattr(fused_batch_norm, "onednn_is_slow_at_it", lambda: slow)
    model = accelerate(normalised(BatchNormalization(dtype=policy)))

    @tf.function
    def run(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(model(images, training=True), tf.float32))
        return tape.gradient(loss, model.layers[0].gamma.value)

    operations = run.get_concrete_function(tf.zeros([3, 6, 5, 4])).graph.get_operations()
    layout = {op.type: op.get_attr("data_format").decode() for op in operations if op.type.startswith("FusedBatchNorm")}
    assert set(layout.values()) == layouts and layout["FusedBatchNormGradV3"] == "NHWC"


@pytest.mark.parametrize(
    "baseline, found, limit, slow",
    [
        (["X86_V2"], ["X86_V3"], "", True),
        (["X86_V2"], ["X86_V3", "X86_V4", "AVX512_ICL"], "", False),
        (["SSE", "SSE2"], ["AVX", "AVX2", "FMA3"], "", True),
        (["SSE", "SSE2"], ["AVX", "AVX2", "AVX512F"], "", False),
        (["X86_V3"], [], "", True),
        (["X86_V2"], ["X86_V3", "X86_V4"], "avx2", True),
        (["X86_V2"], ["X86_V3", "X86_V4"], "AVX512_CORE", False),
        (["X86_V2"], [], "", False),
        (["NEON", "ASIMD"], ["ASIMDHP"], "", False),
    ],
)
def test_onednn_is_slow_at_it_with_avx2_alone(baseline, found, limit, slow, monkeypatch):
    extensions = {"baseline": baseline, "found": found, "not found": ["AVX512_SPR"]}
    extensions = {key: names for key, names in extensions.items() if names}  # as numpy does it
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": extensions})
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert fused_batch_norm.onednn_is_slow_at_it() == slow


def test_a_processor_without_extensions_is_none_with_avx2(monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    assert not fused_batch_norm.onednn_is_slow_at_it()


class Own(BatchNormalization):
    """A subclass may compute something else."""


@pytest.mark.parametrize(
    "layer",
    [
        lambda: BatchNormalization(center=False),
        lambda: BatchNormalization(scale=False),
        lambda: BatchNormalization(renorm=True),
        lambda: BatchNormalization(dtype="bfloat16"),
        lambda: BatchNormalization(dtype="float64"),
        Own,
        keras.layers.LayerNormalization,
    ],
)
def test_others_are_left_alone(layer):
    model = accelerate(normalised(layer()))
    assert not is_fused(model.layers[0])


@pytest.mark.parametrize("options, shape", [({"axis": 1}, (6, 5, 4)), ({}, (7,)), ({}, (6, 5))])
def test_what_the_kernel_cannot_do_takes_the_ordinary_path(options, shape):
    theirs, ours = normalised(BatchNormalization(**options), shape), normalised(BatchNormalization(**options), shape)
    accelerate(ours)
    images = images_for(theirs, 5)
    for mine, expected in zip(step(ours, images), step(theirs, images), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_a_mask_is_obeyed():
    theirs, ours = normalised(BatchNormalization()), accelerate(normalised(BatchNormalization()))
    images = images_for(theirs)
    mask = np.zeros((3, 6, 5), bool)
    mask[0] = True
    expected, mine = (model.layers[0](images, training=True, mask=mask) for model in (theirs, ours))
    np.testing.assert_array_equal(mine, expected)


@pytest.mark.usefixtures("either_kernel")
def test_gradient_of_the_gradient_equals_differences():
    """Not Keras's own, which takes the batch's mean for a constant there: 7 to 31% off."""
    model = accelerate(normalised(BatchNormalization()))
    images = tf.constant(images_for(model))
    direction = tf.constant(np.random.default_rng(2).normal(size=images.shape).astype(np.float32))

    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(model(images, training=True) ** 3)
        return tape.gradient(loss, images)

    with tf.GradientTape() as tape:
        tape.watch(images)
        along = tf.reduce_sum(gradient(images) * direction)
    product = tape.gradient(along, images)
    expected = (gradient(images + 1e-2 * direction) - gradient(images - 1e-2 * direction)) / 2e-2
    assert np.linalg.norm(product - expected) < 0.02 * np.linalg.norm(expected)


@pytest.mark.usefixtures("either_kernel")
def test_forward_over_reverse_equals_differences():
    """A product of the Hessian and a vector, as methods of second order take it."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(8, 4, 4, 3)).astype(np.float32)
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(4, 3, padding="same", use_bias=False), BatchNormalization(), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((4, 4, 3)), *layers, keras.layers.Dense(2)])
    kernel = accelerate(model).layers[0].kernel.value
    start, direction = kernel.numpy(), rng.normal(size=kernel.shape).astype(np.float32)

    def gradient():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.sin(model(images, training=True)))
        return tape.gradient(loss, kernel)

    with tf.autodiff.ForwardAccumulator(kernel, direction) as forward:
        slope = gradient()
    product, sides = forward.jvp(slope).numpy(), []
    for way in (1e-3, -1e-3):
        kernel.assign(start + way * direction)
        sides.append(gradient().numpy())
    expected = (sides[0] - sides[1]) / 2e-3
    assert np.linalg.norm(product - expected) < 0.02 * np.linalg.norm(expected)


def test_saved_loaded_and_cloned_it_is_plain_keras(tmp_path):
    model = accelerate(normalised(BatchNormalization()))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for copy in (loaded, keras.models.clone_model(model)):
        assert type(copy.layers[0]) is BatchNormalization and not is_fused(copy.layers[0])
    for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
