"""Images that are there more than once, and whether the labels of the copies agree."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from vgg_lesson.diagnosis.subject import Subject


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


def find_copies(subject: Subject, rows: np.ndarray) -> Copies:
    """Look for exact copies among the training images at ``rows``."""
    labels: dict[int, list] = {}
    for row in rows:
        labels.setdefault(hash(subject.images[row].tobytes()), []).append(subject.labels.classes[row])
    contradicted = sum(len(group) - max(Counter(group).values()) for group in labels.values())
    return Copies(len(rows), len(labels), contradicted / len(rows))
