"""Faults that none of the changes that are tried can cure, for a network that learned nothing, or too little."""

from dataclasses import replace

import numpy as np

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.facts.answers import forward
from vgg_lesson.diagnosis.facts.batches import prepared
from vgg_lesson.diagnosis.facts.known_good_network import BATCH
from vgg_lesson.diagnosis.report import NOTHING_HELPED, Finding
from vgg_lesson.diagnosis.rules.rules_learned import behind, formats_mixed, signal_blocked
from vgg_lesson.diagnosis.rules.rules_weights import weights_uncounted, weights_unreached
from vgg_lesson.diagnosis.rules.suspicion import Suspicion, variation_of
from vgg_lesson.diagnosis.trials import confirmation
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.gradient_check import gradient_wrong, steps_of_fresh_network
from vgg_lesson.diagnosis.trials.laboratory import FEW
from vgg_lesson.diagnosis.variation import Course

LONG_ENOUGH = 2
"""Times the images of the known-good network: few networks learn as fast as that one."""
FASTER = 5
"""Times: a change of something else than rate or start weights that makes so much faster names what holds back."""


def last_look(exam) -> list[Finding]:
    """The first of these faults that is found, if any.

    Args:
        exam: the :class:`examine.Examination`, its trainings done.
    """
    steps = steps_of_fresh_network(exam.lab, exam.until)
    found = (
        gradient_wrong(steps),
        signal_blocked(exam.signs),
        weights_uncounted(exam.facts.uncounted, NOTHING_HELPED),
        formats_mixed(cloning.leaves(exam.subject.model), NOTHING_HELPED),
    )
    return [finding for finding in found if finding][:1]


def too_little(exam, course: Course, suspicions: list[Suspicion], told: str) -> list[Finding]:
    """What holds back a network that learns, if it is still behind the known-good one after twice as many images.

    Args:
        exam: the :class:`examine.Examination`; the known-good network was trained.
        course: of the control. told: how it is known that the network learns less.
    """
    if found := slowed(exam, suspicions):
        return found
    if not (found := left_out(exam, told)):
        return []
    steps = -(-LONG_ENOUGH * exam.known.steps * BATCH // course.batch)
    longer = exam.lab.train(CONTROL, max(steps, course.steps), stop_when_learned=False)
    return found if longer.steps >= steps and behind(exam.known, longer) else []


def slowed(exam, suspicions: list[Suspicion]) -> list[Finding]:
    """A suspicion whose change alone learned in a fifth of the steps of a control that did learn, in the end."""
    lab = exam.lab
    control = lab.courses[CONTROL]
    for suspicion in suspicions:
        course = lab.courses.get(variation := variation_of(suspicion))
        if course is None or confirmation.changes_the_start(variation) or confirmation.other_steps(course):
            continue
        quick = lab.chance.learned(course) and FASTER * course.steps <= control.steps
        if quick and course.last_accuracy() > control.last_accuracy():
            found = confirmation.finding(lab, suspicion, variation)
            return [replace(found, threshold=f"without these it learns at least {FASTER} times as fast")]
    return []


def left_out(exam, tried: str) -> list[Finding]:
    """What can be seen to be left out of the training, for a network that learns, but less than it could.

    Args:
        exam: the :class:`examine.Examination`, its control trained.
        tried: how it is known that the network learns less.
    """
    trainer = exam.lab.trainer(CONTROL)
    if trainer.unreachable and _answers_depend_on(trainer.model, trainer.unreachable, exam.subject):
        return [weights_unreached(trainer.unreachable, len(trainer.model.trainable_variables), tried)]
    mixed = formats_mixed(cloning.leaves(exam.subject.model), tried)
    return [mixed] if mixed else []


def _answers_depend_on(model, paths: tuple[str, ...], subject) -> bool:
    """Whether a copy's answers change when these weights do: some designs keep weights that they do not use."""
    images, kept = prepared(subject, subject.sample(FEW)).astype(np.float32), model.get_weights()
    before, again = (forward(model, images, False) for _ in range(2))
    rng = np.random.default_rng(subject.seed)
    for weight in model.trainable_weights:
        if weight.path in paths:
            weight.assign(weight + rng.normal(size=weight.shape))
    after = forward(model, images, False)
    model.set_weights(kept)
    return np.array_equal(before, again) and not np.array_equal(before, after)  # not where chance has a part in it
