"""The cells of lesson 5 that a reader takes home, on networks that are not the lesson's."""

import keras
import numpy as np
import pytest
from lesson_sources import sources

IMAGES = np.random.default_rng(0).integers(0, 256, (600, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(600) // 60  # sorted by class


@pytest.fixture(scope="module")
def taken_home():
    """The functions that the lesson defines, and its steps on a fresh copy."""
    cells = sources("05")
    names = {"np": np, "keras": keras}
    exec(cells["l5-64g"].split("keras.utils.set_random_seed")[0], names)
    exec(cells["l5-64c"].split("\nlook_inside(")[0], names)
    exec(cells["l5-64e"], names)
    names["twenty_steps"] = cells["l5-64k"].split("\nassert")[0]
    names["by_heart"] = cells["l5-64l"].split("\nassert")[0]
    return names


def network(last="softmax", loss="sparse_categorical_crossentropy", rate=1e-3, trainable=True, rescaled=True):
    keras.utils.set_random_seed(0)
    convolution = keras.layers.Conv2D(8, 3, activation="relu", trainable=trainable)
    layers = [*[keras.layers.Rescaling(1 / 255)] * rescaled, convolution, keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Dense(10, activation=last)])
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    return model


def test_a_healthy_network_passes_the_first_look(taken_home, capsys):
    taken_home["first_look"](network(), IMAGES, LABELS)
    said = capsys.readouterr().out
    assert "images (600, 8, 8, 3): 0 to 255" in said and "[0 1 2 3 4 5 6 7 8 9]" in said
    assert "training may change 3,114 of 3,114 weights, at a rate of 0.001" in said
    assert "their sum for one image: 1 to 1" in said
    assert 2.2 < float(said.rpartition(":")[2]) < 2.6


def test_the_first_look_shows_a_frozen_layer_and_outputs_that_are_no_probabilities(taken_home, capsys):
    taken_home["first_look"](network(last="relu", trainable=False), IMAGES, LABELS)
    said = capsys.readouterr().out
    assert "training may change 2,890 of 3,114 weights" in said
    assert "their sum for one image: 1 to 1" not in said
    assert float(said.rpartition(":")[2]) > 4


def test_the_first_look_takes_one_hot_labels_loss_objects_and_schedules(taken_home, capsys):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.02, 10, 0.5)
    model = network(loss=keras.losses.CategoricalCrossentropy(), rate=schedule)
    taken_home["first_look"](model, IMAGES, np.eye(10, dtype="float32")[LABELS])
    said = capsys.readouterr().out
    assert "labels (600, 10): [0. 1.]" in said and "at a rate of 0.02" in said
    assert 2.2 < float(said.rpartition(":")[2]) < 2.6


def test_inside_a_network_a_frozen_layer_does_not_change(taken_home, capsys):
    for trainable, changed in ((True, 4), (False, 2)):
        model = network(trainable=trainable, rescaled=False)  # uint8 goes into the convolution
        names = {**taken_home, "model": model, "images": IMAGES, "labels": LABELS}
        exec(names["twenty_steps"], names)
        said = capsys.readouterr().out
        assert f"{changed} of 4 arrays of weights have changed" in said
        assert said.count(" differs by ") == 2, "of the convolution and the dense layer"


def test_losses_are_those_of_each_step_whatever_the_metrics(taken_home):
    model = network()
    trial, losses = taken_home["fresh_copy"](model, seed=1), []
    for loss in taken_home["losses_of"](trial, IMAGES, LABELS, steps=45, batch=60):  # ten batches, then again
        losses.append(loss)
    again = taken_home["fresh_copy"](model, seed=1)
    for step in range(3):
        expected = again.evaluate(IMAGES[step::10], LABELS[step::10], verbose=0, batch_size=60)
        assert losses[step] == pytest.approx(expected, rel=1e-4)
        again.train_on_batch(IMAGES[step::10], LABELS[step::10])
    assert losses[0] != taken_home["losses_of"](taken_home["fresh_copy"](model, seed=2), IMAGES, LABELS, steps=1)[0]


def test_outputs_that_are_alike_do_not_differ_by_rounding(taken_home, capsys):
    """A hundred rows of 0.1 in float32 have a standard deviation of 1.5e-8: the signal seemed to come back."""
    model = network()
    model.set_weights([0 * weight for weight in model.get_weights()])
    taken_home["look_inside"](model, IMAGES)
    assert capsys.readouterr().out.splitlines()[-1].split("differs by ")[1].startswith("0e+00")


def test_by_heart_takes_images_of_all_classes(taken_home, capsys):
    names = {**taken_home, "model": network(rate=1e-2), "images": IMAGES, "labels": LABELS}
    exec(names["by_heart"], names)
    constant, reached = capsys.readouterr().out.split(";")
    assert 2.2 < float(constant.split()[-1]) < 2.31
    assert float(reached.split()[-1]) < 1
