"""When an accuracy is above guessing, which by chance is itself right more often than it should be."""

import math

import numpy as np

STANDARD_ERRORS = 4.0
"""An accuracy counts as above guessing when it exceeds it by so many standard errors: chance 3e-5 a look."""
GIVEN_ERRORS = 6.0
"""For weights as they were given: of two looks, the better one is taken."""


def standard_error(majority: float, images: int) -> float:
    """Of an accuracy over so many images: that of guessing, with ``majority`` the largest class's share, or another."""
    return math.sqrt(majority * (1 - majority) / max(1, images))


def limit(majority: float, images: int, errors: float = STANDARD_ERRORS) -> float:
    """The accuracy over so many images that guessing does not exceed by chance."""
    return majority + errors * standard_error(majority, images)


def gap_error(held_out: int, validation_count: int) -> float:
    """Standard error, at most, of a difference of two accuracies; infinite without validation images."""
    return math.sqrt(0.25 / held_out + 0.25 / validation_count) if held_out and validation_count else math.inf


def evidence(scores, classes) -> float:
    """By how many standard errors the scores know the classes better than they know the same classes in another order.

    Also where one class is so frequent that the right answers hardly exceed guessing.

    Args:
        scores: (N, C) logits. classes: (N,) class numbers.

    Returns:
        The mean log probability of the classes, less its mean over all orders of them, in units of its standard
        deviation over these orders (Hoeffding 1951, "A combinatorial central limit theorem").
    """
    scores = np.asarray(scores, np.float64)
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    table = logs[:, classes]  # [image, place]: what the image's scores say of the class at that place
    centred = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    spread = math.sqrt((centred**2).sum() / max(1, len(classes) - 1))
    return float(np.trace(centred) / spread) if spread > 1e-9 else 0.0
