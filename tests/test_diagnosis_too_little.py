"""Networks that learn, but less than they could: what holds them back is named, and nothing that does not."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from made_networks import small, stripes

from vgg_lesson.diagnosis import causes, cloning, examine
from vgg_lesson.diagnosis.facts import weight_facts
from vgg_lesson.diagnosis.rules import rules_learned
from vgg_lesson.diagnosis.rules.rules_learned import formats_mixed
from vgg_lesson.diagnosis.rules.suspicion import Suspicion, variation_of
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.gradient_check import StepAlong, gradient_wrong, steps_along_gradients
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
    assert "no gradient reaches 2 of 4 trainable arrays" in found.measured
    assert "first/kernel the first, though the answers depend" in found.measured


@pytest.mark.parametrize("layer", [Keeps(), L.Conv2D(4, 3)])
def test_weights_without_use_and_weights_that_are_reached_are_no_fault(data, layer):
    exam = after_a_step(network(layer, L.Flatten()), data)
    before = exam.lab.trainer(CONTROL).model.get_weights()
    assert left_out(exam, "behind") == []
    assert all(map(np.array_equal, before, exam.lab.trainer(CONTROL).model.get_weights()))


def test_layers_inside_of_objects_that_are_none_are_found_unless_frozen():
    model = HalfSeen()
    assert weight_facts.uncounted(model) == ("half.blocks",)
    for part in model.blocks.parts:
        part.trainable = False
    assert weight_facts.uncounted(model) == ()


def test_a_teacher_of_the_loss_and_objects_without_end_are_left_alone():
    class Distilled(keras.losses.Loss):
        def __init__(self):
            super().__init__()
            self.teacher = small()

    model = network(L.Flatten())
    model.compile("adam", Distilled())
    model.around = {"itself": [model, Blocks]}
    model.around["again"] = model.around
    assert weight_facts.uncounted(model) == ()


class Moves(L.Layer):
    """Moves its axes, as only its author knows."""

    def call(self, inputs):
        return ops.transpose(inputs, (0, 3, 1, 2))


@pytest.mark.parametrize("between", [L.Permute((3, 1, 2)), Moves()])
def test_where_axes_are_moved_the_format_may_change(data, between):
    pool = L.GlobalAveragePooling2D(data_format="channels_first")
    model = network(L.Conv2D(4, 3), L.MaxPooling2D(), between, pool)
    assert formats_mixed(cloning.leaves(model), "") is None


def test_flatten_and_padding_have_formats_of_their_own():
    first = {"data_format": "channels_first"}
    layers = [L.Conv2D(4, 3), L.ZeroPadding2D(((0, 0), (1, 1)), **first), L.MaxPooling2D(), L.Flatten(**first)]
    assert formats_mixed(layers, "") is None
    assert formats_mixed([L.Conv2D(4, 3, **first), L.MaxPooling2D(**first), L.Flatten()], "") is None


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
    assert [step.unrelated for step in found] == [not chained, False] and found[-1].right
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


def test_a_step_that_is_too_long_for_a_straight_line_is_no_wrong_gradient():
    """As where gradients explode: the further from the end, the less comes of a step."""
    shares = (0.0, 0.02, 0.1, 0.4, 0.8, 1.0)
    exploding = tuple(StepAlong(f"k{share}", 1.0, share, share, 2.3) for share in shares)
    assert [step.unrelated for step in exploding] == [True, True, False, False, False, False]
    assert gradient_wrong(exploding) is None and gradient_wrong(exploding[:2]) is None
    assert gradient_wrong(exploding[:2] + exploding[-1:]) is not None


@pytest.mark.parametrize(("rounds", "named"), [(True, [causes.FROZEN_WEIGHTS]), (False, [])])
def test_the_examination_names_it_where_the_network_stays_behind(data, monkeypatch, rounds, named):
    monkeypatch.setattr(rules_learned, "BEHIND", 10.0)  # whoever is not ten times as good lies behind
    middle = Rounds() if rounds else L.Activation("linear")
    model = network(L.Conv2D(8, 3, activation="relu"), middle, L.Flatten())
    report = examine(model, *data, budget_seconds=120)
    assert report.stuck is False and list(report.causes) == named
