"""Verdicts on healthy trainings that look ill at first: tiny batches, labels -1 and 1, unequal classes, late starts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_networks import small, stripes

from vgg_lesson.diagnosis import causes, examine
from vgg_lesson.diagnosis.examine import Examination
from vgg_lesson.diagnosis.facts.answers import correct_answers, share_right
from vgg_lesson.diagnosis.facts.chance import Chance, collapsed
from vgg_lesson.diagnosis.facts.guessing import evidence
from vgg_lesson.diagnosis.facts.loss_and_output import loss_facts
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.laboratory import Laboratory, whole_steps
from vgg_lesson.diagnosis.variation import Course, Variation


@pytest.mark.parametrize(("batch", "dead"), [(1, False), (2, True)])
def test_a_single_image_tells_nothing_about_differences_between_images(batch, dead):
    course = Course(Variation(), batch, loss=[0.7] * 40, correct=[1] * 40, spread=[0.0] * 40)
    assert collapsed(course) is dead


def test_steps_of_few_images_count_as_parts():
    assert [whole_steps(300, batch) for batch in (1, 3, 8, 32)] == [2400, 600, 300, 300]


def test_a_laboratory_makes_more_steps_of_few_images_and_cuts_large_batches():
    few, many = (Subject.of(small(), *stripes(400), batch_size=size) for size in (2, 10_000))
    assert Laboratory(few, None, until=0.0).whole(300) == 1200
    assert Laboratory(many, None, until=0.0).whole(300) == 300 and many.step_images == 256


@pytest.fixture
def no_known_good(monkeypatch):
    """The known-good network takes most of the seconds, and decides nothing here."""
    monkeypatch.setattr(Examination, "_known_good", lambda exam: None)


def test_a_network_that_learns_an_image_at_a_time_is_healthy(no_known_good):
    x, y = stripes()
    report = examine(small(keras.optimizers.Adam(1e-3)), x, y, batch_size=1, budget_seconds=60)
    assert report.cause == causes.HEALTHY and report.stuck is False, str(report)


@pytest.mark.parametrize(
    ("outputs", "classes"), [([-0.9, 0.2, -0.1, 0.7], [-1, 1, -1, -1]), ([0.1, 0.9, 0.3, 0.8], [0, 1, 0, 0])]
)
def test_answers_are_right_on_the_side_of_their_class(outputs, classes):
    outputs, classes = np.array(outputs, np.float32)[:, None], np.array(classes)
    assert share_right(outputs, classes) == 0.75
    assert int(correct_answers(tf.constant(outputs), tf.constant(classes))) == 3


def test_the_steps_that_made_a_network_healthy_are_told(no_known_good):
    x, y = stripes()
    report = examine(small(keras.optimizers.Adam(LateStart())), x, y, budget_seconds=40)
    assert report.cause == causes.HEALTHY
    control = report.courses[0]
    told = [line for line in report.seen if line.startswith("untouched control")]
    assert control.steps > 60 and f"after {control.steps} steps" in told[-1], str(report)


class LateStart(keras.optimizers.schedules.LearningRateSchedule):
    """Nothing for 70 steps."""

    def __call__(self, step):
        return tf.where(step < 70, 0.0, 1e-2)

    def get_config(self):
        return {}


def test_scores_that_know_the_classes_are_evidence_where_one_class_is_most_of_them():
    random = np.random.default_rng(0)
    classes = (random.random(400) < 0.1).astype(int)
    logits = np.stack([np.full(400, 4.0), random.normal(size=400)], axis=1)  # the answer is always class 0
    looks = [evidence(logits, random.permutation(classes)) for _ in range(300)]
    assert abs(np.mean(looks)) < 0.2 and np.std(looks) == pytest.approx(1, abs=0.15)
    logits[:, 1] += classes
    assert (logits.argmax(axis=1) == classes).mean() < 0.93 and evidence(logits, classes) > 6
    assert evidence(np.zeros((5, 2)), np.zeros(5, int)) == 0


def test_a_rare_class_that_the_images_show_is_no_accusation():
    random = np.random.default_rng(0)
    x, y = stripes(1200)
    x = (x + random.normal(0, 1.7, x.shape)).astype("float32")  # faint
    rare = np.flatnonzero((y != 0) | (random.random(len(y)) < 0.4))
    y = (y[rare] == 0).astype(int)
    report = examine(small(keras.optimizers.Adam(1e-3)), x[rare], y, budget_seconds=40)
    assert 0.05 < y.mean() < 0.2
    assert causes.LABELS_INDEPENDENT_OF_IMAGES not in report.causes, report


def test_a_loss_on_log_probabilities_is_understood():
    def negative_log_likelihood(y, log_p):
        return -keras.ops.take_along_axis(log_p, keras.ops.reshape(keras.ops.cast(y, "int32"), (-1, 1)), axis=-1)

    x, y = stripes()
    model = small()
    model = keras.Sequential([*model.layers[:-1], keras.layers.Dense(4, activation="log_softmax")])
    model.compile("adam", negative_log_likelihood)
    subject = Subject.of(model, x, y)
    facts = loss_facts(subject)
    assert facts.takes == "log probabilities"
    assert facts.right == pytest.approx(0.01, abs=0.005) and facts.uninformed == pytest.approx(np.log(4), abs=0.05)
    assert examine(model, x, y, budget_seconds=30).cause == causes.HEALTHY


def test_a_functional_model_with_a_lambda_is_copied():
    x, y = stripes()
    images = keras.Input(x.shape[1:])
    half = keras.layers.Lambda(lambda values: values * 0.5)(images)
    scores = keras.layers.Dense(4, activation="softmax")(keras.layers.Flatten()(half))
    model = keras.Model(images, scores)
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    report = examine(model, x, y, budget_seconds=30)
    assert report.cause == causes.HEALTHY, report


def test_a_softmax_over_the_batch_is_named_not_the_number_of_outputs():
    x, y = stripes()
    model = keras.Sequential(
        [keras.Input(x.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(4), keras.layers.Softmax(axis=0)]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    first = examine(model, x, y, budget_seconds=20).findings[0]
    assert first.cause == causes.OUTPUT_LAYER_MISMATCH
    assert "alone" in first.measured and first.remedy.startswith("softmax over the last axis;")


def test_a_softmax_over_one_output_gets_a_remedy_for_two_classes():
    x, y = stripes()
    model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1, activation="softmax"))
    model.compile("adam", "binary_crossentropy")
    first = examine(model, x, (y > 1).astype(int), budget_seconds=20).findings[0]
    assert first.cause == causes.OUTPUT_LAYER_MISMATCH and "sigmoid" in first.remedy


@pytest.mark.parametrize(("loss", "moves"), [(0.28, True), (0.329, False)])
def test_a_long_course_shows_a_small_fall_below_guessing(loss, moves):
    noise = np.random.default_rng(0).normal(0, 0.1, 300)
    course = Course(Variation(), 32, loss=list(loss + noise), correct=[29] * 300)
    course.loss[:10] = [0.7] * 10
    assert Chance(0.329, 0.0, 0.9).moving(course) is moves


@pytest.mark.parametrize(("first", "last", "fell"), [(3.6, 2.13, True), (2.2, 2.13, False), (2.2, 1.5, True)])
def test_a_loss_that_began_above_guessing_fell_however_it_jumped(first, last, fell):
    jumps = np.tile([-1.9, 1.9], 5) if first > 3 else np.tile([-0.2, 0.2], 5)
    course = Course(Variation(), 32)
    course.loss = [*(first + jumps), *[2.25] * 20, *(last + 0.05 * np.tile([-1, 1], 10))]
    assert Chance(2.303, 0.0, 0.1).fell(course) == fell
