"""A watch without data on trainings that go on: what knows something, or has seen few images, is not stuck."""

import re
import warnings

import keras
import numpy as np
import pytest
from made_networks import small, stripes

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.callback import DiagnosisCallback, StuckTrainingWarning


def by_steps(rate, steps):
    """A small network that makes so many steps a call, and what it is trained on."""
    keras.utils.set_random_seed(0)
    x, y = stripes()
    model = small()
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", steps_per_execution=steps)
    return model, x, y


def flat(rate):
    """A network of a single layer."""
    dense = keras.layers.Dense(4, activation="softmax")
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model


def permuted(y):
    return np.random.default_rng(1).permutation(y)


def watched(model, x, y, batch_size=32, epochs=3, tolerance=0.02):
    watch = DiagnosisCallback(patience=20, tolerance=tolerance)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[watch])
    return watch, [str(warning.message) for warning in seen if warning.category is StuckTrainingWarning]


def test_a_plateau_below_guessing_is_not_stuck():
    keras.utils.set_random_seed(0)
    x, y = stripes()
    y = np.where(np.arange(len(y)) % 2, y, permuted(y))  # half of the labels tell nothing
    model = small()
    loss = model.fit(x, y, epochs=8, verbose=0).history["loss"][-1]
    assert 0.5 < loss / np.log(4) < 0.9
    model.optimizer.learning_rate = 1e-9
    watch, told = watched(model, x, y)
    assert watch.cause is None and not told


def test_a_single_layer_loses_no_signal():
    x, y = stripes()
    watch, told = watched(flat(1e-3), x, permuted(y), tolerance=0.9)
    assert told and watch.cause != causes.INITIALISATION_TOO_SMALL


def test_weights_of_a_training_that_goes_on_are_no_start_weights():
    x, y = stripes()
    model = small(keras.optimizers.Adam(1e-4), depth=2)
    model.fit(x[:32], y[:32], verbose=0)
    model.layers[1].set_weights([1e-4 * weight for weight in model.layers[1].get_weights()])
    watch, told = watched(model, x, permuted(y), tolerance=0.9)
    assert told and watch.cause != causes.INITIALISATION_TOO_SMALL


@pytest.mark.parametrize(("batch_size", "wait"), [(1, 160), (4, 40), (8, 20), (32, 20)])
def test_batches_of_few_images_are_waited_for_longer(batch_size, wait):
    watch, _ = watched(flat(1e-3), *stripes(64), batch_size=batch_size, epochs=1)
    assert watch.wait == wait


@pytest.mark.parametrize("where", [0, slice(None)])
def test_nan_is_not_put_down_to_the_rate(where):
    """With oneDNN, convolution and ReLU in one kernel make 0 of NaN: the loss stays finite, at that of guessing."""
    x, y = stripes()
    x[where] = np.nan
    watch, told = watched(small(), x, y)
    assert watch.cause == causes.NON_FINITE_VALUES and "look for NaN in the images and labels" in told[0]


def test_a_loss_that_grew_before_it_was_not_finite_speaks_of_the_rate():
    x, y = stripes()
    layers = [keras.layers.Conv2D(4, 3), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(4)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.compile(keras.optimizers.SGD(1e9), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watch, told = watched(model, x, y)
    assert not np.isfinite(watch.losses[-1]) and watch.cause == causes.LEARNING_RATE_TOO_HIGH, told


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_batches_are_counted_however_many_a_call_makes(steps):
    model, x, y = by_steps(1e-9, steps)
    watch, told = watched(model, x, permuted(y), epochs=3)
    batches, update = (float(re.search(words, told[0])[1]) for words in (r"after (\d+) batches", r"weights by (\S+)"))
    assert 20 <= batches < 20 + min(steps, 19)  # an epoch has 19
    assert 2e-9 < update < 3e-8


@pytest.mark.parametrize("steps", [1, 19, 100])
def test_a_network_that_learns_is_not_stuck_however_many_steps_a_call_makes(steps):
    model, x, y = by_steps(3e-4, steps)
    watch, told = watched(model, x, y, batch_size=16, epochs=4)  # 38 batches an epoch: more than are waited for
    assert watch.cause is None and not told
