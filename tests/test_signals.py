"""Signals of short trainings: right numbers, fresh starts, and honest counts."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.signals import LEARNED_NATS, Moment, SignalLab, WatchedRun
from vgg_lesson.training_config import TrainingConfig

CONFIG = TrainingConfig(configuration="A", width=1 / 16, head=(16,), batch_size=8)


@pytest.fixture(scope="module")
def lab():
    rng = np.random.default_rng(0)
    return SignalLab(rng.uniform(0, 1, (40, 32, 32, 3)).astype(np.float32), np.arange(40) % 10)


@pytest.fixture(scope="module")
def run(lab):
    return lab.run(CONFIG, 3)


def test_every_step_is_noted_before_it_changes_the_weights(lab, run):
    assert [moment.step for moment in run.moments] == [0, 1, 2]
    names = [layer.name for layer in run.moments[0].layers]
    assert names == [*(f"block{b}_conv{n}" for b, c in enumerate((1, 1, 2, 2, 2), 1) for n in range(1, c + 1)), "fc1"]
    assert run.losses[0] == pytest.approx(math.log(10), abs=0.05) and run.chance == pytest.approx(math.log(10))
    assert all(0 < layer.update < 0.2 and layer.gradient > 0 for layer in run.moments[0].layers)
    # Adam's first step moves every weight by the rate, whatever its gradient
    compiled = next(iter(lab._compiled.values()))
    compiled.restart(CONFIG)
    start = np.array(compiled.with_kernel[0].kernel)
    expected = 1e-3 * math.sqrt(start.size) / np.linalg.norm(start)
    assert run.moments[0].layers[0].update == pytest.approx(expected, rel=0.1)


def test_the_first_layer_is_measured_as_numpy_measures_it(lab, run):
    """The first layer of the first step, worked out again from the images and a second convolution."""
    rows = np.random.default_rng(CONFIG.seed).permutation(40)[:8]
    compiled = next(iter(lab._compiled.values()))
    compiled.restart(CONFIG)
    kernel = np.array(compiled.with_kernel[0].kernel)
    outputs = np.maximum(keras.ops.conv(lab.images[rows], kernel, padding="same"), 0)
    first = run.moments[0].layers[0]
    assert first.size == pytest.approx(np.sqrt(np.mean(outputs**2)), rel=1e-4)
    assert first.spread == pytest.approx(outputs.std(axis=0).mean(), rel=1e-4)
    assert first.silent_units == np.mean((outputs == 0).all(axis=(0, 1, 2)))


def test_same_seed_same_run_and_another_seed_another(lab, run):
    unused = {"schedule": "cosine", "preprocessing": "standardise", "augmentation": ("flip",), "epochs": 9}
    again, other = lab.run(CONFIG.change(**unused), 3), lab.run(CONFIG.change(seed=1), 3)
    assert again.losses == pytest.approx(run.losses, abs=1e-5)
    assert other.losses != pytest.approx(run.losses, abs=1e-7)
    assert len(lab._compiled) == 1  # nothing was compiled again


def test_rate_and_initialiser_take_effect(lab, run):
    strong = lab.run(CONFIG.change(initializer="he_normal", learning_rate=1e-5), 2)
    assert strong.moments[0].layers[-1].spread > 3 * run.moments[0].layers[-1].spread
    assert strong.moments[0].layers[0].update < run.moments[0].layers[0].update / 20


def test_layers_are_measured_where_asked_and_the_training_is_the_same(lab, run):
    assert [len(moment.layers) > 0 for moment in run.moments] == [True, False, True]
    everywhere = lab.run(CONFIG, 3, look_at=(0, 1, 2))
    assert everywhere.losses == pytest.approx(run.losses, abs=1e-5)
    assert everywhere.moments[2].values("spread") == pytest.approx(run.moments[2].values("spread"), rel=1e-3)
    assert everywhere.moments[1].values("size")[0] > 0


def test_a_loss_that_is_no_number_ends_the_run(lab):
    run = lab.run(CONFIG.change(learning_rate=1e38), 5, look_at=())
    assert len(run.moments) < 5 and not math.isfinite(run.losses[-1]) and not run.learned
    assert run.moments[-1].layers  # it ended here, and may be asked why


def test_handful_uses_the_first_images_only(lab):
    seen = []
    compiled = next(iter(lab._compiled.values()))
    original = compiled.step
    compiled.step = lambda number, images, *rest: seen.append(images.copy()) or original(number, images, *rest)
    try:
        lab.run(CONFIG, 2, handful=8)
    finally:
        del compiled.step
    assert all(sorted(batch.sum(axis=(1, 2, 3))) == sorted(lab.images[:8].sum(axis=(1, 2, 3))) for batch in seen)


def test_wrong_arguments_are_named(lab):
    with pytest.raises(ValueError, match="received 0 and 40"):
        lab.run(CONFIG, 0)
    with pytest.raises(ValueError, match="32 images at least, received 1 and 8"):
        lab.run(CONFIG.change(batch_size=32), 1, handful=8)
    with pytest.raises(ValueError, match="uint8"):
        SignalLab(np.zeros((2, 32, 32, 3), np.uint8), np.zeros(2, int))


LN_10 = math.log(10)


def made_run(losses, chance=LN_10):
    return WatchedRun(CONFIG, chance, tuple(Moment(step, loss, 0.1, ()) for step, loss in enumerate(losses)))


def test_learning_is_judged_by_the_end_and_against_guessing():
    assert made_run([2.3] * 20 + [2.2] * 20).learned
    assert not made_run([2.0] * 20 + [2.3] * 20).learned
    assert not made_run([math.log(10) - LEARNED_NATS + 1e-3] * 40).learned
    assert not made_run([0.69] * 40, chance=0.70).learned  # far below ln 10, but not below guessing
    assert not made_run([2.0] * 39 + [math.nan]).learned
    assert made_run([3.0, 2.0]).final_loss == 2.0


@pytest.mark.parametrize("batch_norm", [True, "after_pooling"])
def test_batch_norm_is_measured_behind_its_relu(batch_norm):
    rng = np.random.default_rng(0)
    lab = SignalLab(rng.uniform(0, 1, (8, 32, 32, 3)).astype(np.float32), np.arange(8))
    run = lab.run(CONFIG.change(batch_norm=batch_norm), 1)
    sizes = run.moments[0].values("size")[:-1]
    assert all(0.5 < size < 1.5 for size in sizes)  # normalised to 1, half of it cut off, pooled or not


def test_dropout_drops_the_same_units_in_every_run_of_a_seed(lab):
    config = CONFIG.change(dropout=0.5)
    assert lab.run(config, 4).losses == lab.run(config, 4).losses
    assert lab.run(config, 4).losses != lab.run(config.change(seed=1), 4).losses
    assert len(lab.run(config.change(seed=2**31 - 1), 1).losses) == 1  # the largest that a configuration takes


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_under_a_mixed_policy_the_signals_are_about_the_same(lab, run, policy):
    mixed = lab.run(CONFIG.change(dtype_policy=policy), 3)
    assert mixed.losses != run.losses
    for name in ("size", "gradient", "update"):
        found, expected = (each.moments[0].values(name) for each in (mixed, run))
        assert found == pytest.approx(expected, rel=0.2), name


@pytest.mark.parametrize("labels", [np.arange(40), np.arange(40) % 10 - 1, np.arange(40) % 10 / 1.0])
def test_labels_that_are_no_class_numbers_are_named(lab, labels):
    with pytest.raises(ValueError, match=r"labels must be whole numbers in 0 .. 9"):
        SignalLab(lab.images, labels)


def test_a_handful_of_none_is_refused(lab):
    with pytest.raises(ValueError, match="8 images at least, received 1 and 0"):
        lab.run(CONFIG, 1, handful=0)


@pytest.mark.parametrize("choice", [{}, {"batch_norm": True}, {"dtype_policy": "mixed_float16"}], ids=str)
def test_agreement_is_the_cosine_of_two_batches_gradients(lab, choice):
    """The same with a tape of one's own: two batches, every kernel."""
    config = CONFIG.change(**choice)
    compiled = lab._structure(config)
    compiled.restart(config)
    order = np.random.default_rng(config.seed).permutation(40)
    kernels = [layer.kernel for layer in compiled.model.layers if hasattr(layer, "kernel")]
    before = [kernel.numpy() for kernel in kernels]
    gradients = []
    for rows in (order[:8], order[8:16]):
        with tf.GradientTape() as tape:
            answers = tf.cast(compiled.model(lab.images[rows], training=True), tf.float32)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(lab.targets[rows], answers)) * 1024
        gradients.append([each.numpy() for each in tape.gradient(loss, [kernel.value for kernel in kernels])])
    cosines = [
        np.dot(one.ravel() / np.linalg.norm(one), other.ravel() / np.linalg.norm(other))
        for one, other in zip(*gradients, strict=True)
    ]
    found = lab.agreement(config, batches=2)
    assert found.shape == (1,) and found[0] == pytest.approx(np.mean(cosines), abs=0.02)
    assert all(np.array_equal(old, new.numpy()) for old, new in zip(before, kernels, strict=True))  # no step
    assert np.array_equal(found, lab.agreement(config.change(learning_rate=1.0), batches=2))


def test_a_label_agrees_with_itself_and_pulls_against_another():
    image = np.random.default_rng(1).uniform(0, 1, (1, 32, 32, 3)).astype(np.float32)
    alike = SignalLab(np.repeat(image, 32, axis=0), np.zeros(32, int))
    assert alike.agreement(CONFIG) == pytest.approx(np.ones(6), abs=1e-3)
    # One image with two labels, in batches of one: 56 pairs of batches have one label, 64 have two.
    two = SignalLab(np.repeat(image, 16, axis=0), np.repeat([0, 1], 8), classes=2)
    pairs = two.agreement(CONFIG.change(batch_size=1), batches=16)
    assert np.sum(pairs > 0.9) == 56 and np.sum(pairs < -0.9) == 64


def test_larger_batches_agree_more_and_one_lab_takes_batches_of_all_sizes():
    rng = np.random.default_rng(2)
    bright = rng.uniform(0, 1, (200, 1, 1, 1)) * np.ones((1, 32, 32, 3))
    labels = (bright[:, 0, 0, 0] * 10).astype(int)
    lab = SignalLab((bright + rng.normal(0, 0.1, bright.shape)).astype(np.float32), labels)
    small, large, again = (lab.agreement(CONFIG.change(batch_size=size)) for size in (2, 50, 2))
    assert np.mean(small) < np.mean(large) and np.array_equal(small, again)
    assert np.all(np.abs([small, large]) <= 1)
    assert len(lab._compiled) == 1
    assert lab.run(CONFIG.change(batch_size=50), 2).losses != lab.run(CONFIG.change(batch_size=2), 2).losses


def test_gradients_of_zeros_agree_with_nothing(lab):
    assert not lab.agreement(CONFIG.change(initializer="zeros")).any()


@pytest.mark.parametrize(("batches", "size"), [(6, 8), (2, 21)])
def test_agreement_needs_images_for_its_batches(lab, batches, size):
    with pytest.raises(ValueError, match=rf"{batches * size} images for {batches} batches of {size}, received 40"):
        lab.agreement(CONFIG.change(batch_size=size), batches=batches)


@pytest.mark.parametrize("batches", [1, 2.0])
def test_agreement_is_that_of_two_batches_at_least(lab, batches):
    with pytest.raises(ValueError, match=f"batches must be a whole number of at least 2, received {batches}"):
        lab.agreement(CONFIG, batches=batches)


def test_a_run_has_whole_steps_and_a_lab_has_images(lab):
    with pytest.raises(ValueError, match=r"needs 1 step .* received 1\.5"):
        lab.run(CONFIG, 1.5)
    with pytest.raises(ValueError, match="images must be floats with one label each"):
        SignalLab(np.zeros((0, 32, 32, 3), np.float32), np.zeros(0, int))


def test_agreement_refuses_a_start(lab):
    with pytest.raises(ValueError, match="without a start, received .*identity"):
        lab.agreement(CONFIG.change(start=("identity",)))
