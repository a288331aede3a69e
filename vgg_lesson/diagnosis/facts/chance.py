"""What guessing gives, and how a short training compares: has it learned, does it move, has it collapsed?"""

from dataclasses import dataclass

import numpy as np

from vgg_lesson.baselines import majority_share
from vgg_lesson.diagnosis.facts.guessing import STANDARD_ERRORS, limit
from vgg_lesson.diagnosis.facts.loss_and_output import LossFacts
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.variation import Course

LOSS_GAIN = 0.03
"""The loss must have gone at least this part of the way from guessing to right answers as well."""


@dataclass(frozen=True)
class Chance:
    """What guessing gives: data loss, loss of right answers, share of the largest class."""

    loss: float
    right: float
    majority: float

    @classmethod
    def of(cls, subject: Subject, loss: LossFacts) -> "Chance":
        _, labels = subject.training_part()
        return cls(loss.uninformed, loss.right, majority_share(labels.classes))

    def learned(self, course: Course) -> bool:
        """True when the last steps beat guessing, in accuracy and in loss."""
        images = course.window() * course.batch
        if course.steps < 10 or images < 100:
            return False
        above = course.last_accuracy() > limit(self.majority, images)
        return above and course.last_loss() < self.loss - LOSS_GAIN * (self.loss - self.right)

    def moving(self, course: Course) -> bool:
        """True when the loss is a little below guessing (1%, and 4 standard errors): slow, but not stuck."""
        needed = self.loss - 0.01 * (self.loss - self.right)
        lasts = _last_losses(course), _last_losses(course, course.steps // 3)  # the longer, the surer, but later
        return self.fell(course) and any(mean + STANDARD_ERRORS * error < needed for mean, error in lasts)

    def fell(self, course: Course) -> bool:
        """True when the loss began above guessing or fell by 3 standard errors: a fresh one may lie low by luck."""
        first, last = course.loss[:10], course.loss[-course.window() :]
        fall, error = difference(first, last)
        return fall > 3 * error or (np.mean(first) > self.loss > np.mean(last))

    def leaving(self, course: Course) -> bool:
        """True when the loss is below guessing by 2 standard errors: a reason to wait, not to judge."""
        mean, error = _last_losses(course)
        return self.fell(course) and mean + 2 * error < self.loss


def _last_losses(course: Course, steps: int = 0) -> tuple[float, float]:
    """Mean of the last losses and its standard error; NaN where they are too few, or not finite."""
    last = np.array(course.loss[-max(steps, 2 * course.window()) :])
    if len(last) < 10 or not np.isfinite(last).all():
        return float("nan"), float("nan")
    return float(last.mean()), float(last.std() / np.sqrt(len(last)))


def difference(losses, others) -> tuple[float, float]:
    """Mean of some losses minus the mean of others, and its standard error."""
    losses, others = np.asarray(losses), np.asarray(others)
    error = np.sqrt(losses.var() / len(losses) + others.var() / len(others))
    return float(losses.mean() - others.mean()), float(error)


def collapsed(course: Course) -> bool:
    """For ten steps the logits hardly differed between images: below 1e-5 and a tenth of the start, or below 1e-9.

    A single image differs from no other: steps of one tell nothing.
    """
    if course.steps < 30 or course.batch == 1:
        return False
    largest = max(course.spread[-10:])
    return largest < 1e-9 or (largest < 1e-5 and largest < 0.1 * course.spread[0])
