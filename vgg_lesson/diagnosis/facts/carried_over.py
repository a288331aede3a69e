"""Does what a short training has learned hold for other images?"""

import math

import numpy as np

from vgg_lesson.baselines import majority_share
from vgg_lesson.diagnosis.facts.answers import better_share
from vgg_lesson.diagnosis.facts.guessing import STANDARD_ERRORS, limit, standard_error
from vgg_lesson.diagnosis.facts.known_good import KnownGood
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.variation import Course

IMAGES = 500
"""Validation images that are asked: guessing is right about 0.10, and up to 0.15 by chance."""


def nothing_carried_over(subject: Subject, model, course: Course, known: KnownGood) -> str | None:
    """What to say of a training that gets better at its own images and knows nothing about validation images.

    Only where the known-good network shows that the validation labels belong to their images. Every network is better
    at its own images, so the others must be as bad as guessing.

    Args:
        subject: what is examined.
        model: a copy of ours with the weights at the end of the training; they are put back.
        course: the training.
        known: what the known-good network found.

    Returns:
        A sentence, or None.
    """
    part, seen = subject.validation_part(), known.validation
    if part is None or not seen.accuracy > limit(known.majority, seen.count):
        return None
    rows = np.random.default_rng(subject.seed).permutation(len(part[0]))[:IMAGES]
    images, classes = part[0][rows], part[1][rows]
    majority = majority_share(classes)
    inside, outside = course.last_accuracy(), better_share(model, images, classes)
    errors = standard_error(inside, course.window() * course.batch), standard_error(outside, len(rows))
    if outside > limit(majority, len(rows)) or inside - outside < STANDARD_ERRORS * math.hypot(*errors):
        return None
    return (
        f"it learns its training images by heart: accuracy {inside:.2f}, and {outside:.2f} on {len(rows)} validation "
        f"images (guessing {majority:.2f}, the known-good network {seen.accuracy:.2f}); what tells images apart may be "
        "lost on the way through its layers"
    )
