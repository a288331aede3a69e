"""Random states belong to the process: they are as before afterwards, and threads do not draw from each other's."""

import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_images import noise
from made_networks import small, stripes

from vgg_lesson.cases import CASES
from vgg_lesson.data import load_data
from vgg_lesson.diagnosis.clinic.patient import Patient
from vgg_lesson.diagnosis.clinic.probes import INSTRUMENTS
from vgg_lesson.explain import with_fresh_weights
from vgg_lesson.random_states import untouched_randomness
from vgg_lesson.rate_finder import find_rate
from vgg_lesson.training import prepared, train
from vgg_lesson.training_config import TrainingConfig

CONFIG = TrainingConfig(configuration="A", width=1 / 16, head=(), epochs=1)


def test_tensorflow_draws_go_on_as_before():
    keras.utils.set_random_seed(5)
    expected = [float(tf.random.uniform([])) for _ in range(2)]
    keras.utils.set_random_seed(5)
    first = float(tf.random.uniform([]))
    with untouched_randomness(1):
        tf.random.uniform([])
    assert [first, float(tf.random.uniform([]))] == expected


def test_a_training_is_not_drawn_while_another_thread_draws_from_its_seed():
    data, results = noise(64), []
    alone = prepared(CONFIG, data)[0].get_weights()
    with untouched_randomness(7):
        other = threading.Thread(target=lambda: results.append(prepared(CONFIG, data)[0].get_weights()))
        other.start()
        other.join(timeout=1)
        assert other.is_alive() and not results, "it waits"
        np.random.rand(3)  # noqa: NPY002
    other.join(timeout=60)
    for a, b in zip(alone, results[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_training_need_not_wait_for_an_examination():
    data, results = noise(64), []
    alone = prepared(CONFIG, data)[0].get_weights()
    with untouched_randomness(7, alone=False):
        other = threading.Thread(target=lambda: results.append(prepared(CONFIG, data)[0].get_weights()))
        other.start()
        other.join(timeout=60)
        assert results
    for a, b in zip(alone, results[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_notebook_draws_its_own_numbers_while_the_clinic_trains():
    x, y = stripes()
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.rand(3)  # noqa: NPY002
    drawn = []

    def draw(text):
        if text.startswith("training:"):  # said from within the probe
            drawn.append(np.random.rand())  # noqa: NPY002

    patient = Patient(steps=3, progress=draw, model=small(), x_train=x, y_train=y)
    np.random.seed(0)  # noqa: NPY002
    patient.take(INSTRUMENTS["another seed"])
    assert [*drawn, np.random.rand()] == list(expected)  # noqa: NPY002


@pytest.mark.parametrize("work", ["train", "range test"])
def test_a_training_and_a_range_test_leave_the_states_alone(work):
    config, data = CONFIG.change(batch_norm=True, augmentation=("flip",)), noise(64)
    model, batches, _ = prepared(config, data)

    def drawn(between):
        keras.utils.set_random_seed(3)
        between()
        return random.random(), np.random.rand(), float(tf.random.uniform([]))  # noqa: NPY002

    calls = {"train": lambda: train(config, data), "range test": lambda: find_rate(model, batches, steps=30)}
    assert drawn(calls[work]) == drawn(lambda: None)


def test_cases_and_fresh_weights_leave_the_states_alone():
    few = load_data("sketches").subset(train=100, validation=50, test=10)
    np.random.seed(1)  # noqa: NPY002
    keras.utils.set_random_seed(1)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    CASES[101].build(few, seed=4)
    with_fresh_weights(small(), seed=2)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    expected = float(tf.random.uniform([]))
    keras.utils.set_random_seed(1)
    assert float(tf.random.uniform([])) == expected
