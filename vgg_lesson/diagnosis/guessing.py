"""When an accuracy is above guessing, which by chance is itself right more often than it should be."""

import math

STANDARD_ERRORS = 4.0
"""An accuracy counts as above guessing when it exceeds it by so many standard errors: chance 3e-5 a look."""
GIVEN_ERRORS = 6.0
"""For weights as they were given: of two looks, the better one is taken."""


def standard_error(majority: float, images: int) -> float:
    """Of the accuracy that guessing has over so many images; ``majority`` is the share of the largest class."""
    return math.sqrt(majority * (1 - majority) / max(1, images))


def limit(majority: float, images: int, errors: float = STANDARD_ERRORS) -> float:
    """The accuracy over so many images that guessing does not exceed by chance."""
    return majority + errors * standard_error(majority, images)
