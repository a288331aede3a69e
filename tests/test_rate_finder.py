"""The range test: a suggestion where the loss falls, none on a flat curve, and the model is left as it was."""

import math
import threading

import keras
import numpy as np
import pytest
from made_images import noise, plain_colours

from vgg_lesson import rate_finder
from vgg_lesson.architecture import build_vgg
from vgg_lesson.baselines import Guessing
from vgg_lesson.rate_finder import find_rate, suggest
from vgg_lesson.training import build_model, prepared, train
from vgg_lesson.training_config import TrainingConfig

LEARNS = TrainingConfig(configuration="A", head=(16,), batch_norm=True, epochs=3)
RATES = np.geomspace(1e-6, 1, 120)
NOISE = np.random.default_rng(0).normal(0, 0.02, 120)


def test_a_net_that_learns_gets_a_rate_with_which_it_learns():
    data = plain_colours()
    model, batches, _ = prepared(LEARNS, data)
    before = [weights.copy() for weights in model.get_weights()]
    found = find_rate(model, batches, steps=90)
    assert found.suggestion is not None and 1e-5 < found.suggestion < 0.3
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert float(model.optimizer.learning_rate) == pytest.approx(LEARNS.learning_rate)
    assert train(LEARNS.change(learning_rate=found.suggestion), data).run.verdict == "learning"


def test_the_stuck_net_gets_no_suggestion():
    """The lecture's settings at 16 layers: no rate leaves the plateau within the test."""
    model, batches, _ = prepared(TrainingConfig(head=(64, 64)), noise(320))
    found = find_rate(model, batches, steps=60)
    assert found.suggestion is None and "No suggestion" in found.reason
    early = "ended early, at rate" in found.reason
    assert early == (len(found.losses) < 60)


def test_a_test_that_ends_early_says_so():
    model, batches, _ = prepared(LEARNS.change(batch_norm=False, optimizer="sgd"), plain_colours())
    found = find_rate(model, batches, low=1e-3, high=1e6, steps=60)
    assert len(found.losses) < 60 and "ended early, at rate" in found.reason


@pytest.mark.parametrize(
    ("losses", "name"),
    [
        (np.full(120, math.log(10)), "flat"),
        (math.log(10) + NOISE, "flat and noisy"),
        (np.where(np.arange(120) < 60, 2.6, math.log(10)) + NOISE, "falls, but only back to chance"),
        (np.concatenate([np.full(100, 2.303), np.geomspace(2.303, 9, 20)]), "flat, then thrown up"),
        (np.append(np.full(119, 2.303), 1.0), "one lucky batch"),
    ],
)
def test_no_suggestion(losses, name):
    assert suggest(RATES, losses).suggestion is None, name


def test_the_steepest_fall_is_suggested():
    fall = 2.303 - 0.8 / (1 + np.exp(-(np.log10(RATES) + 3) * 6)) + np.clip(np.log10(RATES) + 1, 0, None) * 5
    found = suggest(RATES, fall + NOISE)
    assert 4e-4 < found.suggestion < 2.5e-3
    assert suggest(RATES[:20], fall[:20]).suggestion is None


@pytest.mark.parametrize("seed", range(8))
def test_the_noise_of_the_batches_does_not_choose_the_rate(seed):
    """As batch norm's losses look: above chance at first, and noisy. The slope of a few steps went astray here."""
    noisy = 2.55 - 0.9 / (1 + np.exp(-(np.log10(RATES) + 3) * 3)) + np.random.default_rng(seed).normal(0, 0.12, 120)
    assert 2e-4 < suggest(RATES, noisy).suggestion < 5e-3


def test_a_test_over_less_than_a_decade_has_a_suggestion():
    rates = np.geomspace(1e-3, 3e-3, 120)
    assert 1e-3 < suggest(rates, np.linspace(2.3, 1.5, 120)).suggestion < 3e-3


def test_many_classes_have_another_chance_level():
    fall = math.log(100) - 0.8 / (1 + np.exp(-(np.log10(RATES) + 3) * 6))
    assert suggest(RATES, fall, Guessing.among([1] * 100)).suggestion is not None


def test_bad_input_is_refused_by_name():
    model = build_vgg("A", width=0.125, head=())
    with pytest.raises(ValueError, match="'vgg_a' is not compiled"):
        find_rate(model, [])
    model.compile(optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10)), loss="mse")
    with pytest.raises(ValueError, match="schedule"):
        find_rate(model, [])
    scheduled = TrainingConfig(configuration="A", head=(), schedule="cosine", dtype_policy="mixed_float16")
    with pytest.raises(ValueError, match="schedule"):
        find_rate(build_model(scheduled, steps_per_epoch=10), [])
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    for wrong in (
        {"low": 0.0},
        {"low": 1.0, "high": 0.1},
        {"high": math.nan},
        {"low": None},
        {"steps": 5},
        {"steps": 30.5},
    ):
        with pytest.raises(ValueError, match="steps" if "steps" in wrong else "low"):
            find_rate(model, [], **wrong)


def small(units=3, activation="softmax", loss="categorical_crossentropy"):
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(units, activation)]
    model = keras.Sequential(layers, name="small")
    model.compile(optimizer="adam", loss=loss, jit_compile=False)
    return model


ROWS, TARGETS = np.ones((6, 4), np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        (None, "pairs .images, targets., received NoneType"),
        ([], "at least one pair .images, targets., received none"),
        ([ROWS], "pair .images, targets., received a ndarray"),
        ([(ROWS, TARGETS, TARGETS)], "received a tuple of 3"),
        ([(ROWS[:, :3], TARGETS)], r"'small' cannot be trained on images and targets of \(6, 3\) and \(6, 3\)"),
        ([(ROWS, TARGETS[:5])], r"targets of \(6, 4\) and \(5, 3\)"),
        ([(ROWS, TARGETS[:, :2])], r"targets of \(6, 4\) and \(6, 2\)"),
        ([(ROWS, "cat")], r"targets of \(6, 4\) and str"),
    ],
)
def test_batches_that_do_not_fit_are_named(batches, words):
    with pytest.raises((TypeError, ValueError), match=words):
        find_rate(small(), batches, steps=30)


def test_a_model_must_be_one():
    with pytest.raises(TypeError, match="keras.Model, received NoneType"):
        find_rate(None, [(ROWS, TARGETS)])


def test_one_sigmoid_unit_tells_two_classes_apart():
    rows = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    keras.utils.set_random_seed(0)
    model = small(1, "sigmoid", "binary_crossentropy")
    found = find_rate(model, [(rows, (rows[:, 0] > 0).astype(np.float32)[:, None])], low=1e-4)
    assert found.suggestion is not None, found.reason


def test_it_can_be_stopped():
    model, batches, _ = prepared(LEARNS, noise(64))
    stop = threading.Event()
    stop.set()
    found = find_rate(model, batches, stop=stop)
    assert len(found.losses) == 1 and found.suggestion is None


def test_the_penalty_of_the_weights_is_no_part_of_the_loss():
    images, labels = np.random.default_rng(0).uniform(size=(8, 4)).astype("float32"), np.arange(8) % 2
    found = []
    for penalty in (None, keras.regularizers.L2(0.5)):
        keras.utils.set_random_seed(0)
        layer = keras.layers.Dense(2, activation="softmax", kernel_regularizer=penalty)
        model = keras.Sequential([keras.Input((4,)), layer])
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
        found.append(find_rate(model, [(images, labels)], steps=30, low=1e-7, high=1e-5).losses)
    assert found[1] == pytest.approx(found[0], abs=1e-4)


def test_a_penalty_on_what_a_layer_gives_stays_in_the_loss():
    images, labels = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32), np.arange(8) % 2
    layer = keras.layers.Dense(2, activation="softmax", activity_regularizer=keras.regularizers.L2(0.1))
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    found = find_rate(model, [(images, labels)], steps=30, low=1e-9, high=1e-8)
    assert found.losses[-1] == pytest.approx(model.evaluate(images, labels, verbose=0), abs=1e-3)


def test_a_layer_that_keras_does_not_copy_is_named():
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: 2 * x), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential(layers, name="doubled")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="'doubled' cannot be copied: its loss, metrics, optimizer and layers must be"):
        find_rate(model, [(np.zeros((4, 4)), np.zeros(4))])


def test_a_loss_function_of_ones_own_that_keras_cannot_copy_is_named():
    def my_loss(y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    model = small(2, loss=my_loss)
    with pytest.raises(ValueError, match="'small' cannot be copied: its loss.*register_keras_serializable.*my_loss"):
        find_rate(model, [(ROWS, TARGETS)])


def test_what_is_excluded_from_weight_decay_stays_so():
    images, labels = np.random.default_rng(0).uniform(size=(8, 4)).astype("float32"), np.arange(8) % 2
    found = []
    for decay in (None, 5.0):
        keras.utils.set_random_seed(0)
        optimizer = keras.optimizers.SGD(0.1, weight_decay=decay)
        if decay:
            optimizer.exclude_from_weight_decay(var_names=["kernel"])
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax", use_bias=False)])
        model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        found.append(find_rate(model, [(images, labels)], steps=30, low=1e-2, high=1e-1).losses)
    assert found[1] == pytest.approx(found[0], abs=1e-6)


def test_to_know_how_frequent_the_classes_are_is_no_learning():
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(size=(512, 4)).astype(np.float32), np.where(rng.random(512) < 0.9, 0, 1)
    batches = [(images[at : at + 32], labels[at : at + 32]) for at in range(0, 512, 32)]
    keras.utils.set_random_seed(0)
    found = find_rate(small(2, loss="sparse_categorical_crossentropy"), batches)
    assert found.smoothed.min() < math.log(2) - 0.2 and found.suggestion is None
    assert found.guessing == Guessing.among(np.bincount(np.resize(labels, 32 * len(found.losses))))
    one_hot = [(rows, np.eye(2, dtype=np.float32)[classes]) for rows, classes in batches]
    assert find_rate(small(2, loss="categorical_crossentropy"), one_hot).guessing == pytest.approx(found.guessing)


@pytest.mark.parametrize(
    ("targets", "units", "counts"),
    [
        (np.array([[0.1], [0.9], [0.9], [0.9]]), 1, [1.2, 2.8]),
        (np.array([0.0, 1, 1]), 1, [1, 2]),
        (np.array([2, -1, 0, 2]), 3, [1, 0, 2]),  # a class that the loss ignores
        (np.array([[2], [1]]), 3, [0, 1, 1]),
        (np.array([[0.5, 0.5], [0, 1]]), 2, [0.5, 1.5]),
    ],
)
def test_classes_are_counted_in_targets_of_every_form(targets, units, counts):
    assert rate_finder._counts(targets.astype(float), units) == pytest.approx(counts)


def test_where_nothing_can_be_counted_classes_count_as_even():
    rows = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    signs = np.where(rows[:, :1] > 0, 1.0, -1.0).astype(np.float32) - 2  # below 0
    assert find_rate(small(1, "sigmoid", "mse"), [(rows, signs)], steps=30).guessing == Guessing.among([1, 1])
    broken = find_rate(small(3), [(ROWS, TARGETS * np.nan)], steps=30)
    assert broken.suggestion is None and broken.guessing == Guessing.among([1, 1, 1])


def test_a_model_that_is_not_built_is_named():
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, "softmax")], name="later")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"'later' is not built: give it a keras\.Input"):
        find_rate(model, [(ROWS, TARGETS)])
