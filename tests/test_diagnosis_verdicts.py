"""Verdicts on healthy trainings that look ill at first: tiny batches, labels -1 and 1, unequal classes, late starts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_networks import small, stripes

from vgg_lesson.diagnosis import causes, examine
from vgg_lesson.diagnosis.answers import correct_answers, share_right
from vgg_lesson.diagnosis.examine import Examination
from vgg_lesson.diagnosis.laboratory import Laboratory, collapsed, whole_steps
from vgg_lesson.diagnosis.subject import Subject
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
