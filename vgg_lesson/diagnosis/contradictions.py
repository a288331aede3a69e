"""Images that are there more than once, with labels that contradict each other."""

from dataclasses import dataclass

import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.subject import Subject

MOST = 0.3
"""Share of images that are exact copies of others with another label. CIFAR-10 and the drawn images: none in 2,048."""


@dataclass(frozen=True)
class Copies:
    """What was found among some training images.

    Attributes:
        images: looked at. different: of these.
        contradicted: share of those whose copy has another label.
    """

    images: int
    different: int
    contradicted: float


def copies(subject: Subject, rows: np.ndarray) -> Copies:
    """Look for exact copies among the training images at ``rows``."""
    labels: dict[int, list] = {}
    for row in rows:
        labels.setdefault(hash(subject.images[row].tobytes()), []).append(subject.labels.classes[row])
    contradicted = sum(len(group) for group in labels.values() if len(set(group)) > 1)
    return Copies(len(rows), len(labels), contradicted / len(rows))


def other_labels(found: Copies) -> Finding | None:
    """Labels say nothing about images of which each is there with several labels."""
    if found.contradicted <= MOST:
        return None
    return Finding(
        causes.LABELS_INDEPENDENT_OF_IMAGES,
        f"of {found.images:,} images {found.different:,} are different, and {found.contradicted:.0%} are exact copies "
        "of others with another label",
        f"above {MOST:.0%}",
        "look at how the images were collected: one array filled again and again, one file read for many names",
        blocks_training=True,
    )
