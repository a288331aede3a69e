"""The first layer whitens patches, the others hand on: by what they compute, not by how."""

import keras
import numpy as np
import pytest
from made_images import noise

from vgg_lesson.architecture import build_vgg, layer_table
from vgg_lesson.pipeline import first_images
from vgg_lesson.signals import SignalLab
from vgg_lesson.starting_weights import start_as_identity, whiten_first_layer
from vgg_lesson.training import build_model, train
from vgg_lesson.training_config import TrainingConfig

CONFIG = TrainingConfig(
    configuration="A", width=1 / 16, head=(), batch_norm=True, start=("whitening", "identity"),
    preprocessing="standardise", epochs=1,
)  # fmt: skip


IN_FRONT = CONFIG.change(start=("whitening_layer", "identity"), blocks=4)


@pytest.fixture
def smooth():
    """Images whose neighbouring pixels and channels are alike, as in photographs: (64, 32, 32, 3)."""
    rough = np.random.default_rng(0).normal(size=(64, 34, 34, 3))
    near = rough[:, 1:-1, 1:-1] + rough[:, :-2, 1:-1] + rough[:, 2:, 1:-1] + rough[:, 1:-1, :-2] + rough[:, 1:-1, 2:]
    return (near + 2 * near.mean(axis=3, keepdims=True)).astype(np.float32)


def test_the_outputs_for_patches_are_uncorrelated_and_of_one_size(smooth):
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(60, 3, name="first")])
    before = model.layers[0].get_weights()[0]
    whiten_first_layer(model, smooth, epsilon=0.0)
    outputs = model.predict(smooth, verbose=0).reshape(-1, 60)
    components, negatives = outputs[:, :54:2], outputs[:, 1:54:2]
    np.testing.assert_allclose(components, -negatives, atol=1e-4)
    np.testing.assert_allclose(components.T @ components / len(components), np.eye(27), atol=2e-3)
    weakest, strongest = (np.abs(model.layers[0].get_weights()[0][..., place]).max() for place in (52, 0))
    assert strongest < weakest, "the strongest component is divided by most"
    np.testing.assert_array_equal(model.layers[0].get_weights()[0][..., 54:], before[..., 54:])
    assert not model.layers[0].trainable


def test_few_filters_take_the_strongest_components(smooth):
    models = [keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(count, 3)]) for count in (54, 7)]
    for model in models:
        whiten_first_layer(model, smooth)
    many, few = (model.layers[0].get_weights()[0] for model in models)
    np.testing.assert_allclose(few[..., :6], many[..., :6], rtol=1e-5)


def test_grey_images_kept_as_colours_give_finite_filters_that_blow_nothing_up():
    grey = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 1)).repeat(3, axis=3).astype(np.float32)
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(54, 3)])
    whiten_first_layer(model, grey)
    assert np.abs(model.layers[0].get_weights()[0]).max() < 1, "18 of 27 directions hold nothing but rounding"
    assert model.predict(grey, verbose=0).std(axis=(0, 1, 2)).max() < 1.1


def test_a_model_without_a_convolution_cannot_be_whitened():
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="whitening needs a Conv2D, received a model of .*Flatten"):
        whiten_first_layer(model, np.ones((2, 4, 4, 3), "float32"))


@pytest.mark.parametrize(
    ("shape", "filters", "says"),
    [
        ((4, 32, 32, 1), 8, r"images must have the shape \(N, \*\(32, 32, 3\)\), received \(4, 32, 32, 1\)"),
        ((4, 32, 32, 3), 1, "at least 2 filters in the first layer, received 1"),
    ],
)
def test_what_cannot_be_whitened_is_refused(shape, filters, says):
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(filters, 3)])
    with pytest.raises(ValueError, match=says):
        whiten_first_layer(model, np.ones(shape, np.float32))
    assert model.layers[0].trainable


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_images_without_a_component_are_refused(value):
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3)])
    with pytest.raises(ValueError, match=f"finite and not all 0, received {float(value)}"):
        whiten_first_layer(model, np.full((4, 32, 32, 3), value, np.float32))
    assert np.isfinite(model.layers[0].get_weights()[0]).all()


def test_signals_are_not_measured_with_a_start():
    lab = SignalLab(np.zeros((32, 32, 32, 3), np.float32), np.arange(32) % 10)
    with pytest.raises(ValueError, match="without a start, received \\('whitening', 'identity'\\)"):
        lab.run(CONFIG, 1)


def test_later_convolutions_hand_on_what_they_get():
    model = build_vgg("B", width=1 / 16, head=())
    first = model.get_layer("block1_conv1").get_weights()[0]
    start_as_identity(model)
    np.testing.assert_array_equal(model.get_layer("block1_conv1").get_weights()[0], first)
    images = np.random.default_rng(0).uniform(0, 1, (2, 32, 32, 3)).astype(np.float32)
    seen = keras.Model(model.inputs, [model.get_layer(name).output for name in ("block1_conv1", "block1_conv2")])
    np.testing.assert_array_equal(*map(np.asarray, seen.predict(images, verbose=0)))
    wider = keras.Model(model.inputs, [model.get_layer(name).output for name in ("block1_pool", "block2_conv1")])
    narrow, wide = wider.predict(images, verbose=0)
    np.testing.assert_array_equal(wide[..., : narrow.shape[-1]], narrow)
    assert wide[..., narrow.shape[-1] :].std() > 0, "further filters stay random"


def test_a_training_begins_so_and_leaves_the_first_layer_alone():
    data = noise(320)
    images = first_images(data, CONFIG, 2_000)
    fresh = build_model(CONFIG, steps_per_epoch=10, images=images).get_layer("block1_conv1").get_weights()[0]
    model, run = train(CONFIG, data)
    np.testing.assert_allclose(model.get_layer("block1_conv1").get_weights()[0], fresh)
    kernel = model.get_layer("block2_conv1").get_weights()[0]
    assert 0 < np.abs(kernel[1, 1, 0, 0] - 1) < 0.5, "it began as 1 and was trained"
    assert run.training_config == CONFIG


def test_the_layer_in_front_tells_small_patches_apart_and_is_left_alone(smooth):
    model, _ = train(IN_FRONT, noise(64))
    assert [layer.name for layer in model.layers[:2]] == ["whitening", "block1_conv1"]
    assert [layer_table(model)[place].output_shape for place in (0, 1, 4)] == [(31, 31, 24), (31, 31, 4), (15, 15, 4)]
    fresh = build_model(IN_FRONT, steps_per_epoch=1, images=smooth)
    outputs = np.asarray(fresh.layers[0](smooth)).reshape(-1, 24)
    components = outputs[:, ::2] - outputs[:, 1::2]  # a filter and its negative, each cut off at zero
    together = components.T @ components / len(components)
    np.testing.assert_allclose(together, np.eye(12), atol=0.02)
    trained = build_model(IN_FRONT, steps_per_epoch=1, images=first_images(noise(64), IN_FRONT, 64))
    np.testing.assert_allclose(trained.layers[0].get_weights()[0], model.layers[0].get_weights()[0], atol=1e-5)


@pytest.mark.parametrize("config", [CONFIG, IN_FRONT])
def test_whitening_without_images_is_refused(config):
    with pytest.raises(ValueError, match=f"the start {config.start[0]!r} needs images, received None"):
        build_model(config, steps_per_epoch=1)


@pytest.mark.parametrize("config", [CONFIG, IN_FRONT])
def test_a_whitened_network_is_saved_and_loaded(config, tmp_path):
    model, _ = train(config, noise(64))
    model.save(tmp_path / "vgg.keras")
    loaded = keras.saving.load_model(tmp_path / "vgg.keras")
    images = first_images(noise(64), config, 8)
    np.testing.assert_allclose(loaded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5)
    assert [layer.trainable for layer in loaded.layers[:2]] == [False, True]
