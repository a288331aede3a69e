"""Whole numbers that a user gives, Python's or NumPy's: True and False are none, and neither is 2.0."""

import math
from numbers import Integral


def is_whole(value, least: float = -math.inf) -> bool:
    """Whether this is a whole number, of at least ``least``."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def require_whole(name: str, value, least: int) -> None:
    """Raise a ValueError that names the argument unless it is a whole number of at least ``least``."""
    if not is_whole(value, least):
        raise ValueError(f"{name} must be a whole number of at least {least}, received {value!r}")
