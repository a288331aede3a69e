"""Networks that learn, but less than they could: what holds them back is named, and nothing that does not."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from made_networks import small, stripes

from vgg_lesson.diagnosis import causes, cloning
from vgg_lesson.diagnosis.facts import weight_facts
from vgg_lesson.diagnosis.rules.rules_learned import stale_statistics
from vgg_lesson.diagnosis.rules.suspicion import Suspicion, variation_of
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.gradient_check import gradient_wrong, steps_along_gradients
from vgg_lesson.diagnosis.trials.last_look import FASTER, left_out, slowed
from vgg_lesson.diagnosis.trials.training_loop import Trainer
from vgg_lesson.diagnosis.variation import Course, Variation

L = keras.layers


@pytest.fixture(scope="module")
def data():
    return stripes()


def network(*layers):
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers, L.Dense(4, activation="softmax", name="last")])
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    return model


class Rounds(L.Layer):
    """Without a gradient."""

    def call(self, inputs):
        return tf.round(10 * inputs)


class Keeps(L.Layer):
    """Has a weight that it does not use."""

    def build(self, shape):
        self.spare = self.add_weight(shape=(3, 3), name="spare")

    def call(self, inputs):
        return inputs


class Blocks:
    """An object that is no layer and holds two."""

    def __init__(self):
        self.parts = [L.Dense(8), L.Dense(8)]
        for part in self.parts:
            part.build((None, 192))


class HalfSeen(keras.Model):
    """Trains one layer; Keras does not see the others."""

    def __init__(self):
        super().__init__(name="half")
        self.blocks, self.last = Blocks(), L.Dense(4)
        self.last.build((None, 8))


def after_a_step(model, data):
    """What is known once the control was trained for a step."""
    subject = Subject.of(model, *data)
    trainer = Trainer(subject, CONTROL)
    x, y = (part[:32] for part in data)
    trainer._compiled(tf.constant(x, tf.float32), tf.constant(y), tf.constant(y))
    facts = SimpleNamespace(uncounted=weight_facts.uncounted(model))
    return SimpleNamespace(subject=subject, facts=facts, lab=SimpleNamespace(trainer=lambda variation: trainer))


def test_weights_that_no_gradient_reaches_are_named(data):
    (found,) = left_out(after_a_step(network(L.Conv2D(4, 3, name="first"), Rounds(), L.Flatten()), data), "behind")
    assert found.cause == causes.FROZEN_WEIGHTS and found.tried == "behind"
    assert "no gradient reaches 2 of 4 trainable arrays, first/kernel the first" in found.measured.replace(
        "sequential/", ""
    )


@pytest.mark.parametrize("layer", [Keeps(), L.Conv2D(4, 3)])
def test_weights_without_use_and_weights_that_are_reached_are_no_fault(data, layer):
    exam = after_a_step(network(layer, L.Flatten()), data)
    before = exam.lab.trainer(CONTROL).model.get_weights()
    assert left_out(exam, "behind") == []
    assert all(map(np.array_equal, before, exam.lab.trainer(CONTROL).model.get_weights()))


def test_layers_inside_of_objects_that_are_none_are_found(data):
    assert weight_facts.uncounted(HalfSeen()) == ("half.blocks",)
    exam = after_a_step(network(L.Flatten()), data)
    exam.facts.uncounted = ("half.blocks",)
    (found,) = left_out(exam, "behind")
    assert found.cause == causes.FROZEN_WEIGHTS and "half.blocks" in found.measured and not found.blocks_training


@pytest.mark.parametrize("first", [True, False])
def test_a_layer_that_looks_for_channels_elsewhere_than_the_others_is_named(data, first):
    pool = L.GlobalAveragePooling2D(name="pool", data_format="channels_first" if first else None)
    exam = after_a_step(network(L.Conv2D(4, 3), L.MaxPooling2D(), pool), data)
    found = left_out(exam, "behind")
    assert [finding.cause for finding in found] == [causes.SIGNAL_BLOCKED] * first
    if first:
        assert "of pool is channels_first, of 2 other layers channels_last" in found[0].measured


def slow_control(steps, accuracy=0.2, learned=True):
    """A laboratory whose control learned after 200 steps, and a training without dropout after ``steps``."""
    suspicion = Suspicion(causes.REGULARISATION_TOO_STRONG, "dropout 0.95", "with it not", {"strip": True}, "less")
    quick = variation_of(suspicion)
    courses = {
        CONTROL: Course(CONTROL, 10, [2.0] * 200, [1] * 200),
        quick: Course(quick, 10, [2.0] * steps, [round(10 * accuracy)] * steps),
    }
    chance = SimpleNamespace(learned=lambda course: learned, loss=2.3, majority=0.1)
    return SimpleNamespace(lab=SimpleNamespace(courses=courses, chance=chance)), suspicion


def test_what_makes_a_training_five_times_as_fast_held_it_back():
    exam, suspicion = slow_control(200 // FASTER)
    (found,) = slowed(exam, [suspicion])
    assert (found.cause, found.measured) == (suspicion.cause, "dropout 0.95") and "5 times as fast" in found.threshold
    for steps, options in ((200 // FASTER + 1, {}), (40, {"accuracy": 0.1}), (40, {"learned": False})):
        exam, suspicion = slow_control(steps, **options)
        assert slowed(exam, [suspicion]) == []


@pytest.mark.parametrize("change", [{"rate": 10.0}, {"each_step": True}, {"larger_batches": True}])
def test_larger_or_more_steps_prove_nothing_where_the_control_learned(change):
    exam, suspicion = slow_control(40)
    faster = Suspicion(causes.LEARNING_RATE_TOO_LOW, "", "", change, "")
    variation = variation_of(faster)
    exam.lab.courses[variation] = Course(variation, 10, [2.0] * 40, [2] * 40)
    assert slowed(exam, [faster]) == [] and slowed(exam, [faster, suspicion])


@pytest.mark.parametrize(("mended", "accused"), [(0.12, True), (0.18, False), (0.33, False)])
def test_stored_statistics_that_do_not_serve_once_measured_anew_are_a_fault(mended, accused):
    measured = {"batch_accuracy": 0.35, "inference_accuracy": 0.11, "mended": mended}
    found = stale_statistics(momentum=0.9, steps_in_three_epochs=200, images=512, majority=0.1, **measured)
    assert (found is not None) == accused
    if accused:
        assert found.cause == causes.BATCHNORM_STATISTICS and "0.12 with stored ones that were" in found.measured
        assert "[block] * 4" in found.remedy


class Swish(L.Layer):
    """With a gradient of its own; ``chained`` multiplies it by what comes from behind."""

    def __init__(self, chained, **options):
        super().__init__(**options)
        self.chained = chained

    def get_config(self):
        return {**super().get_config(), "chained": self.chained}

    def call(self, inputs):
        @tf.custom_gradient
        def swish(x):
            share = tf.sigmoid(x)
            slope = share * (1 + x * (1 - share))
            return x * share, lambda upstream: slope * upstream if self.chained else slope

        return swish(inputs)


@pytest.mark.parametrize("chained", [True, False])
def test_a_gradient_that_leaves_out_what_comes_from_behind_is_wrong(data, chained):
    model = network(L.Conv2D(8, 3, name="first"), Swish(chained), L.Flatten())
    subject = Subject.of(model, *data)
    found = steps_along_gradients(subject, cloning.copy(model, data[0], seed=0), float("inf"))
    assert [step.wrong for step in found] == [not chained, False]
    finding = gradient_wrong(found)
    assert (finding is None) == chained
    if finding:
        assert finding.cause == causes.GRADIENT_WRONG and "between first/kernel and last/kernel" in finding.remedy


class Adds(L.Layer):
    """A penalty on what goes through, of its own."""

    def call(self, inputs):
        self.add_loss(1000 * ops.mean(ops.square(inputs)))
        return inputs


def test_without_regularisation_a_layers_own_loss_has_no_part_in_the_training(data):
    x, y = (part[:32] for part in data)
    after = {}
    for name, layer in (("plain", L.Activation("linear")), ("adds", Adds())):
        for strip in (False, True):
            trainer = Trainer(Subject.of(network(L.Dense(4), layer, L.Flatten()), *data), Variation("", strip=strip))
            trainer._compiled(tf.constant(x, tf.float32), tf.constant(y), tf.constant(y))
            after[name, strip] = trainer.model.get_weights()[0]
    assert np.allclose(after["adds", True], after["plain", True], atol=1e-6)
    assert not np.allclose(after["adds", False], after["plain", False], atol=1e-6)


def test_small_has_nothing_that_keras_does_not_count():
    assert weight_facts.uncounted(small()) == ()
