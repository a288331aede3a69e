"""Images that are there more than once, with labels that contradict each other."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.subject import Subject

MOST = 0.5
"""Share of labels that no function of the image gets right. CIFAR-10 and the drawn images: 0 of 2,048; eight copies of
each image with 6% wrong labels: 0.06; ten images with drawn labels in the place of one: 0.7."""


@dataclass(frozen=True)
class Copies:
    """What was found among some training images.

    Attributes:
        images: looked at. different: of these.
        contradicted: share whose label is not the commonest one of their image: who looks cannot be right there.
    """

    images: int
    different: int
    contradicted: float


def copies(subject: Subject, rows: np.ndarray) -> Copies:
    """Look for exact copies among the training images at ``rows``."""
    labels: dict[int, list] = {}
    for row in rows:
        labels.setdefault(hash(subject.images[row].tobytes()), []).append(subject.labels.classes[row])
    contradicted = sum(len(group) - max(Counter(group).values()) for group in labels.values())
    return Copies(len(rows), len(labels), contradicted / len(rows))


def other_labels(found: Copies) -> Finding | None:
    """Labels say nothing about images of which each is there with several labels."""
    if found.contradicted <= MOST:
        return None
    return Finding(
        causes.LABELS_INDEPENDENT_OF_IMAGES,
        f"of {found.images:,} images {found.different:,} are different, and {found.contradicted:.0%} have another "
        "label than the commonest one of their exact copies",
        f"above {MOST:.0%}",
        "look at how the images were collected: one array filled again and again, one file read for many names",
        blocks_training=True,
    )
