"""Faults that no change of a training cures, and those of a step's images: found, and nothing else taken for them."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_networks import small, stripes

from vgg_lesson.cases.blind import ConvolutionOfItsOwn, GradientReversal
from vgg_lesson.diagnosis import causes, cloning, examine, prescribe
from vgg_lesson.diagnosis.clinic.patient import Patient
from vgg_lesson.diagnosis.clinic.probes import INSTRUMENTS
from vgg_lesson.diagnosis.facts import weight_facts
from vgg_lesson.diagnosis.facts.copies import Copies, find_copies
from vgg_lesson.diagnosis.facts.loss_and_output import loss_facts
from vgg_lesson.diagnosis.rules import contradictions, rules_weights
from vgg_lesson.diagnosis.rules.suspicions import learning_rate_too_low
from vgg_lesson.diagnosis.rules.suspicions_batch import gradients_gathered, lonely_normalisation
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials import confirmation
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.gradient_check import StepAlong, gradient_wrong, steps_along_gradients
from vgg_lesson.diagnosis.trials.training_loop import Trainer
from vgg_lesson.diagnosis.variation import Course, Variation

FOR_EVER = float("inf")
LOSS = "sparse_categorical_crossentropy"


def network(*layers, optimizer="adam", loss=LOSS):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), *layers, keras.layers.Dense(4, activation="softmax", name="last")]
    )
    model.compile(optimizer, loss, jit_compile=False)
    return model


def steps(model, x, y, until=FOR_EVER):
    subject = Subject.of(model, x, y)
    return steps_along_gradients(subject, cloning.copy(model, x, seed=0), until)


@pytest.fixture(scope="module")
def data():
    return stripes()


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_right_gradient_predicts_what_a_step_does(data, dropout):
    found = steps(small(depth=2, dropout=dropout), *data)
    assert len(found) >= 3
    for step in found:
        assert step.measured == pytest.approx(step.expected, rel=0.05) and step.right and not step.unrelated
        assert step.shorter == pytest.approx(step.expected, rel=0.05)
    assert gradient_wrong(found) is None


def test_batch_normalisation_is_measured_as_in_training_and_keeps_its_statistics(data):
    model = network(keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization(), keras.layers.Flatten())
    subject, copy = Subject.of(model, *data), cloning.copy(model, data[0], seed=0)
    before = copy.get_weights()
    for step in steps_along_gradients(subject, copy, FOR_EVER):
        assert step.measured == pytest.approx(step.expected, rel=0.05)
    for old, new in zip(before, copy.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_kernels_before_a_reversal_go_the_wrong_way_and_its_place_is_told(data):
    layers = keras.layers
    model = network(
        layers.Conv2D(8, 3, name="first"), layers.Flatten(), layers.Dense(8, name="second"), GradientReversal()
    )
    found = steps(model, *data)
    assert [step.opposite for step in found] == [True, True, False]
    finding = gradient_wrong(found)
    assert finding.cause == causes.GRADIENT_WRONG and "2 of 3 kernels" in finding.measured
    assert "between second/kernel and last/kernel" in finding.remedy


def test_what_is_too_small_to_see_or_in_16_bits_is_not_judged(data):
    assert not StepAlong("kernel", 1e-6, -1e-6, -1e-6, 2.3).opposite
    assert StepAlong("kernel", 1e-3, -1e-3, -1e-3, 2.3).opposite
    assert not StepAlong("kernel", 1e-3, -3e-4, -3e-4, 2.3).opposite
    assert not StepAlong("kernel", 1e-3, -4e-2, -4e-2, 2.3).opposite  # nothing turned around gives forty times as much
    assert StepAlong("kernel", 1e-3, 1e-5, -1e-5, 2.3).unrelated  # nothing to do with the slope
    assert not StepAlong("kernel", 1e-3, 1e-5, 9e-4, 2.3).unrelated  # a bend, which the shorter step does not reach
    assert not StepAlong("kernel", 1e-3, 9e-4, 1e-5, 2.3).unrelated
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert steps(small(), *data) == ()
    finally:
        keras.config.set_dtype_policy("float32")
    assert steps(small(), *data, until=0.0) == ()


def test_where_chance_has_a_part_in_the_loss_nothing_is_judged(data):
    x, y = data
    assert steps(network(keras.layers.Reshape((8, 24)), keras.layers.LSTM(4, dropout=0.3)), x, y) == ()
    assert len(steps(network(keras.layers.Reshape((8, 24)), keras.layers.LSTM(4)), x, y)) == 3


def test_kernels_of_equal_names_in_two_layers_are_told_apart(data):
    class Attention(keras.layers.Layer):
        def build(self, shape):
            self.query = keras.layers.Dense(4, name="query")
            self.query.build(shape)

        def call(self, inputs):
            return self.query(inputs)

        def compute_output_shape(self, shape):
            return (*shape[:-1], 4)

    found = steps(network(keras.layers.Flatten(), Attention(name="a"), Attention(name="b")), *data)
    assert [step.kernel for step in found] == ["a/query/kernel", "b/query/kernel", "last/kernel"]


def test_the_examination_names_a_reversal_and_prescribes_by_hand(data):
    model = network(keras.layers.Flatten(), keras.layers.Dense(16, activation="relu"), GradientReversal())
    report = examine(model, *data, budget_seconds=120)
    assert report.causes == (causes.GRADIENT_WRONG,) and report.stuck is True
    assert "custom gradient" in str(prescribe(report, model, *data))


@pytest.mark.parametrize(("last", "share"), [(keras.layers.ReLU, 1.0), (GradientReversal, -1.0)])
def test_the_clinic_can_order_the_check(data, last, share):
    x, y = data
    patient = Patient(model=network(keras.layers.Flatten(), keras.layers.Dense(8), last()), x_train=x, y_train=y)
    values = patient.take(INSTRUMENTS["gradient check"]).values
    assert list(values.values()) == pytest.approx([share, 1.0], abs=0.05)


def test_the_clinic_tells_what_else_is_unusual(data):
    x, y = data
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=64)
    model = network(ConvolutionOfItsOwn(4), keras.layers.Flatten(), optimizer=optimizer)
    patient = Patient(model=model, x_train=np.repeat(x[:300], 2, axis=0), y_train=y)
    assert "600 images 300 are different" in patient.take(INSTRUMENTS["data"]).text
    updates = patient.take(INSTRUMENTS["updates"]).text
    assert "attributes hold: convolution_of_its_own" in updates and "64 batches make one step" in updates


def test_kernels_that_keras_does_not_count_are_named(data):
    model = network(ConvolutionOfItsOwn(4, name="own"), keras.layers.Flatten())
    assert weight_facts.uncounted(model) == ("own.kernel",)
    assert weight_facts.uncounted(small()) == ()

    class Whole(keras.Model):
        def __init__(self):
            super().__init__(name="whole")
            self.dense = keras.layers.Dense(4)
            self.parts = {"w": tf.Variable(np.ones((192, 4), np.float32))}

    assert weight_facts.uncounted(Whole()) == ("whole.parts",)

    class Counts(keras.layers.Layer):
        """Variables that are not to be trained: a counter, fixed numbers, a vector."""

        def __init__(self):
            super().__init__()
            self.steps = tf.Variable(0, trainable=False)
            self.fixed = tf.Variable(np.ones((3, 3), np.float32), trainable=False)
            self.numbers = tf.Variable(np.ones((3, 3), np.int32))
            self.parts = [tf.Variable(np.ones(3, np.float32))]
            self.known = self.add_weight(shape=(3, 3))

        def call(self, inputs):
            return inputs

    assert weight_facts.uncounted(network(Counts(), keras.layers.Flatten())) == ()


def test_without_any_counted_weight_they_are_the_reason_at_once():
    found = rules_weights.nothing_trainable(0, 0, 0, ("own.kernel",))
    assert found.cause == causes.FROZEN_WEIGHTS and found.blocks_training and "own.kernel" in found.measured
    assert "add_weight" in found.remedy
    assert "trainable=True" in rules_weights.nothing_trainable(0, 0, 3).remedy
    assert rules_weights.weights_uncounted(()) is None


def test_a_network_that_learns_all_the_same_is_not_accused(data):
    features = ConvolutionOfItsOwn(32, name="own")
    report = examine(network(features, keras.layers.Flatten(), keras.layers.Dense(32, "relu")), *data)
    assert report.cause == causes.HEALTHY


@pytest.mark.parametrize(("gathered", "suspected"), [(None, False), (2, False), (36, False), (37, True), (1024, True)])
def test_gathered_gradients_are_suspected_below_two_changes_an_epoch(gathered, suspected):
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=gathered)
    found = gradients_gathered(optimizer, batch=8, images=8 * 72)  # 72 steps an epoch
    assert (found is not None) == suspected
    if gathered == 1024:
        assert found.cause == causes.LEARNING_RATE_TOO_LOW and "0.07 in an epoch" in found.measured


def test_a_change_after_every_batch_is_made_by_the_trainer(data):
    subject = Subject.of(small(keras.optimizers.SGD(0.1, gradient_accumulation_steps=1024)), *data)
    assert Trainer(subject, Variation()).optimizer.gradient_accumulation_steps == 1024
    changed = Trainer(subject, Variation("every batch", each_step=True))
    assert changed.optimizer.gradient_accumulation_steps is None


@pytest.mark.parametrize(("batch", "places", "suspected"), [(1, 1, True), (3, 1, True), (4, 1, False), (1, 2, False)])
def test_normalising_a_few_values_is_suspected(batch, places, suspected):
    first = [keras.layers.Flatten()] if places == 1 else [keras.layers.Conv2D(4, 4, strides=4)]
    model = network(*first, keras.layers.BatchNormalization(name="norm"), keras.layers.Flatten())
    found = lonely_normalisation(cloning.leaves(model), batch)
    assert (found is not None) == suspected
    if suspected:
        assert found.cause == causes.BATCHNORM_STATISTICS and f"norm takes the mean of {batch}" in found.measured


def test_trainings_of_other_batches_have_a_compiled_step_of_their_own():
    kinds = Variation(), Variation(each_step=True), Variation(larger_batches=True)
    assert len({kind.structure() for kind in kinds}) == 3


def test_a_frozen_normalisation_takes_no_mean(data):
    model = network(keras.layers.Flatten(), keras.layers.BatchNormalization(trainable=False))
    assert lonely_normalisation(cloning.leaves(model), 1) is None


def test_gathered_gradients_that_move_the_network_are_not_accused(data):
    x, y = (part[:80] for part in data)
    model = small(keras.optimizers.Adam(2e-3, gradient_accumulation_steps=8))
    report = examine(model, x, y, batch_size=8, budget_seconds=60)
    assert causes.LEARNING_RATE_TOO_LOW not in report.causes


@pytest.mark.parametrize("change", [{"each_step": True}, {"larger_batches": True}])
def test_a_cure_by_other_steps_proves_nothing_where_the_control_moves(change):
    slow, quick = ([2.0 - rate * step for step in range(200)] for rate in (0.001, 0.005))
    lab = SimpleNamespace(
        chance=SimpleNamespace(
            learned=lambda course: course is cure, fell=lambda course: True, moving=lambda course: True
        ),
        subject=SimpleNamespace(step_images=1),
        whole=lambda steps: steps,
    )
    cure = Course(Variation("cure", **change), 32, loss=quick)
    assert confirmation._moves(lab, Course(CONTROL, 1, loss=slow), cure)
    other = Course(Variation("other", strip=True), 1, loss=quick)
    assert not confirmation._moves(lab, Course(CONTROL, 1, loss=slow), other)
    assert confirmation._fair(lab, cure) >= (32 * 200 if "larger_batches" in change else 200)


def test_larger_batches_are_trained_but_no_larger_than_the_images_are_many(data):
    x, y = data
    larger = Variation("larger", larger_batches=True)
    assert Trainer(Subject.of(small(), x, y, batch_size=2), larger).batch == 32
    assert Trainer(Subject.of(small(), x, y, batch_size=64), larger).batch == 64
    assert Trainer(Subject.of(small(), x[:20], y[:20], batch_size=2), larger).batch == 20


def test_copies_count_when_their_labels_contradict_each_other(data):
    x, y = (part[:100] for part in data)

    def contradicted(images, labels):
        return find_copies(Subject.of(small(), images, labels), np.arange(100))

    assert contradicted(x, y) == Copies(100, 100, 0.0)
    same = np.where(np.arange(100) < 80, 0, np.arange(100))
    found = contradicted(x[same], np.arange(100) % 4)
    assert found == Copies(100, 21, 0.6)
    annotated = contradicted(x[np.arange(100) // 10], np.where(np.arange(100) % 10 == 0, 1, 2))
    assert annotated == Copies(100, 10, 0.1) and contradictions.other_labels(annotated) is None
    assert contradictions.other_labels(found).cause == causes.LABELS_INDEPENDENT_OF_IMAGES
    assert contradictions.other_labels(contradicted(x[same], np.zeros(100, int))) is None  # drawn more often, no more


def test_a_loss_that_does_not_ask_whose_answer_it_is_is_named(data):
    def of_means(labels, answers):
        return keras.losses.categorical_crossentropy(keras.ops.mean(labels, axis=0), keras.ops.mean(answers, axis=0))

    x, y = data
    one_hot = np.eye(4, dtype=np.float32)[y]
    report = examine(network(keras.layers.Flatten(), loss=of_means), x, one_hot)
    assert report.causes == (causes.LOSS_LABEL_MISMATCH,) and "another image" in report.findings[0].measured
    sound = loss_facts(Subject.of(network(keras.layers.Flatten(), loss="categorical_crossentropy"), x, one_hot))
    assert sound.dealt_out > 10 * sound.right
    rare = np.where(np.arange(len(y)) < 3, y, 0)
    assert np.isnan(loss_facts(Subject.of(small(), x, rare)).dealt_out)  # as good as all of one class


def test_a_loss_with_its_sign_turned_around_is_told_so(data):
    x, y = data
    upside_down = lambda y, p: -keras.losses.sparse_categorical_crossentropy(y, p)  # noqa: E731
    report = examine(network(keras.layers.Flatten(), loss=upside_down), x, y)
    assert report.causes == (causes.LOSS_LABEL_MISMATCH,) and "a sign or a weight" in report.findings[0].remedy


def test_a_small_loss_is_asked_about_where_steps_are_small():
    assert "multiplied by something small" in learning_rate_too_low(1e-6, 0.01, None, (0.01, 2.3)).remedy
    for loss in (0.09, 2.3, -0.3, float("nan")):
        assert "multiplied" not in learning_rate_too_low(1e-6, 0.01, None, (loss, 2.3)).remedy
