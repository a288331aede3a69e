"""A training step of the model's own is tried beside Keras's: what it loses is named, and what it keeps is not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_networks import stripes

from vgg_lesson.diagnosis import causes, cloning, examine
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials import own_step
from vgg_lesson.diagnosis.trials.own_step import OwnSteps, Right, own_step_loses, trained_by_own_step

L = keras.layers


def built(kind):
    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 3))
    model = kind(images, L.Dense(4, activation="softmax")(L.Dense(16, "relu")(L.Flatten()(images))))
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False
    )
    return model


class Passes(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


class Scales(keras.Model):
    def train_step(self, data):
        images, labels = data
        return super().train_step((1 - images, labels))


class ForgetsToApply(keras.Model):
    def train_step(self, data):
        images, labels = data
        with tf.GradientTape() as tape:
            answers = self(images, training=True)
            loss = self.compute_loss(images, labels, answers)
        tape.gradient(loss, [weight.value for weight in self.trainable_variables])
        return self.compute_metrics(images, labels, answers)


class WrongLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return -super().compute_loss(x, y, y_pred, sample_weight, training)


class Needs(keras.Model):
    def train_step(self, data):
        return {"loss": self.share * super().train_step(data)["loss"]}  # which somebody sets after it was made


class Switched(keras.Model):
    inverted = False

    def train_step(self, data):
        images, labels = data
        return super().train_step((1 - images if self.inverted else images, labels))


def diagnosed(model, **options):
    x, y = stripes()
    return examine(model, x, y, budget_seconds=120, **options)


def test_a_step_that_learns_as_well_is_healthy():
    report = diagnosed(built(Passes))
    assert report.cause == causes.HEALTHY and report.stuck is False
    assert "a train_step of its own" in report.seen[0] and report.seen[-1].startswith("its own step in fit: ")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Scales, "train_step does to images"),
        (ForgetsToApply, "they are applied"),
        (WrongLoss, "compare compute_loss"),
    ],
)
def test_a_step_that_loses_what_keras_learns_is_named(kind, told):
    report = diagnosed(built(kind))
    assert report.causes == (causes.OWN_TRAINING_STEP,) and report.stuck is None
    assert told in report.findings[0].remedy
    assert ("while fit reports" in report.findings[0].measured) == (kind is Scales)


@pytest.mark.parametrize("inverted", [True, False])
def test_a_switch_that_was_set_by_hand_is_set_in_the_copy_too(inverted):
    model = built(Switched)
    model.inverted = inverted
    assert own_step._set_by_hand(model) == [("inverted", True)] * inverted  # TensorFlow keeps no second False
    assert diagnosed(model).cause == (causes.OWN_TRAINING_STEP if inverted else causes.HEALTHY)


def test_a_step_that_a_copy_cannot_make_is_told_and_not_judged():
    needing, one_object = built(Needs), built(keras.Model)
    needing.share = np.array(0.5)
    step = one_object.train_step
    one_object.train_step = lambda data: step(data)
    reports = [
        diagnosed(needing),
        diagnosed(one_object),
        diagnosed(built(Passes), augmentation=lambda images: images),
    ]
    for report, why in zip(
        reports, ("it raises AttributeError", "a copy does not have it", "augmentation"), strict=True
    ):
        assert report.cause == causes.UNDETERMINED and report.stuck is None and not report.findings
        assert why in report.seen[-1]


class Never:
    def train_step(self, data):
        images, labels = data
        return self.compute_metrics(images, labels, self(images, training=True))


def test_a_copy_of_another_class_is_not_taken_for_the_model():
    class NeverSequential(Never, keras.Sequential):
        pass

    class NeverNet(Never, keras.Model):
        def __init__(self, classes=4):
            images = keras.Input((8, 8, 3))
            super().__init__(images, L.Dense(classes, activation="softmax")(L.Flatten()(images)))

    layers = [keras.Input((8, 8, 3)), L.Flatten(), L.Dense(4, activation="softmax")]
    for model in (NeverSequential(layers), NeverNet()):
        model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", jit_compile=False)
        report = diagnosed(model)
        assert report.cause == causes.UNDETERMINED and "a copy does not have it" in report.seen[-1]


def test_a_step_with_an_optimizer_from_outside_is_not_tried():
    optimizer = keras.optimizers.Adam(1e-2)

    class Outside(keras.Model):
        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = self.compute_loss(*data, self(data[0], training=True))
            weights = self.trainable_variables
            optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
            return {"loss": loss}

    model = built(Outside)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    report = diagnosed(model)
    assert report.cause == causes.UNDETERMINED and "it uses optimizer" in report.seen[-1]
    assert not optimizer.built


def test_a_step_that_gathers_gradients_gets_as_many_changes_of_its_weights():
    class Gathers(keras.Model):
        def build(self, shape):
            super().build(shape)
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")
            self.sums = [self.add_weight(shape=v.shape, initializer="zeros", trainable=False, name=f"sum{n}")
                         for n, v in enumerate(self.trainable_variables)]  # fmt: skip

        def train_step(self, data):
            images, labels = data
            with tf.GradientTape() as tape:
                answers = self(images, training=True)
                loss = self.compute_loss(images, labels, answers)
            weights = self.trainable_variables
            for total, part in zip(self.sums, tape.gradient(loss, [w.value for w in weights]), strict=True):
                total.assign_add(part / 8)
            self.seen.assign_add(1)
            if self.seen % 8 == 0:
                self.optimizer.apply([total.value for total in self.sums], weights)
                for total in self.sums:
                    total.assign(tf.zeros_like(total.value))
            return self.compute_metrics(images, labels, answers)

    report = diagnosed(built(Gathers))
    assert report.cause in (causes.HEALTHY, causes.UNDETERMINED) and not report.findings


@pytest.mark.parametrize(("changes", "accused"), [(22, False), (60, True)])
def test_the_clock_accuses_nobody(monkeypatch, changes, accused):
    few = OwnSteps(22, changes, float("nan"), Right(0.3, 0.3))
    monkeypatch.setattr(own_step, "trained_by_own_step", lambda *given: few)
    report = diagnosed(built(Passes))
    assert (report.causes == (causes.OWN_TRAINING_STEP,)) == accused
    assert (report.seen[-1] == "the time was not enough to judge it") != accused
    assert report.cause != causes.HEALTHY


def test_a_step_that_reaches_for_the_given_model_leaves_it_as_it_was():
    given = []

    class Reaches(keras.Model):
        def train_step(self, data):
            for weight in given[0].trainable_variables:
                weight.assign(weight + 1.0)
            return super().train_step(data)

    given.append(built(Reaches))
    before = given[0].get_weights()
    diagnosed(given[0])
    for old, new in zip(before, given[0].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("own", "ordinary", "loses"),
    [
        ((0.15, 0.50), (0.33, 0.42), True),  # its batches forgive another scale
        (
            (0.11, 0.11),
            (0.11, 0.40),
            True,
        ),  # the ordinary one's statistics lag behind
        ((0.11, 0.45), (0.11, 0.40), False),  # both lag behind
        ((0.50, 0.50), (0.80, 0.80), False),  # slower, more than half as far
        ((0.12, 0.12), (0.17, 0.17), False),  # less than half as far, but that may be chance
    ],
)
def test_less_than_half_as_far_and_more_than_chance(own, ordinary, loses):
    found = own_step_loses(OwnSteps(300, 300, float("nan"), Right(*own)), Right(*ordinary), 0.1, ("train_step",))
    assert (found is not None) == loses


def test_it_makes_so_many_steps_and_batch_statistics_do_not_excuse_a_shift():
    class Shifts(keras.Model):
        def train_step(self, data):
            return super().train_step((data[0] + 3, data[1]))

    images = keras.Input((8, 8, 3))
    hidden = L.BatchNormalization(momentum=0.5)(L.Dense(16)(L.Flatten()(images)))
    model = Shifts(images, L.Dense(4, activation="softmax")(L.ReLU()(hidden)))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", jit_compile=False)
    copy = cloning.copy(model, stripes()[0], seed=0)
    own = trained_by_own_step(Subject.of(model, *stripes()), copy, 47, float("inf"))
    assert own.steps == own.changes == 47 and np.isnan(own.reported)
    assert own.right.in_batches > own.right.at_inference + 0.2


def test_a_model_to_which_another_was_attached_is_told_so():
    model = built(Passes)
    model.teacher = built(keras.Model)
    report = diagnosed(model)
    assert report.cause == causes.UNDETERMINED
    assert any("was another model attached to this one after it was made?" in line for line in report.seen)
