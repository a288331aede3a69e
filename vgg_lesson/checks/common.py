"""What all checks share: one way to say what was expected, what was received, and what to try next."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np


def expect(condition, expected: str, received, next_step: str) -> None:
    """Raise unless ``condition`` holds.

    Args:
        condition: what must be true of the answer.
        expected: what the exercise asks for, in words.
        received: the answer, or what is wrong about it; described by :func:`describe` unless it is text.
        next_step: one thing to look at or to try; not the solution.

    Raises:
        AssertionError: with the three parts, one a line.
    """
    __tracebackhide__ = True  # IPython and pytest then show the learner's line, not this one
    if not condition:
        said = received if isinstance(received, str) else describe(received)
        raise AssertionError(f"\n  Expected:  {expected}\n  Received:  {said}\n  Next step: {next_step}")


def answer_of(function: Callable, arguments: tuple, expected: str, next_step: str):
    """Call the learner's function; what it raises is told as a wrong answer, beside the case it did not get through.

    Args:
        function: the answer to an exercise.
        arguments: with which it is called.
        expected, next_step: as for :func:`expect`.

    Returns:
        What the function returned.

    Raises:
        AssertionError: it is no function, or it raised; that error is chained and shows the learner's line.
    """
    __tracebackhide__ = True
    expect(callable(function), "a function", function, "Define it with def; hand over its name, without ().")
    try:
        return function(*arguments)
    except Exception as error:
        expect(False, expected, f"{type(error).__name__}: {error}", next_step)


def as_array(value):
    """A list or a tensor of numbers as an array; anything else as it is.

    >>> as_array([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if isinstance(value, list | tuple) or hasattr(value, "__array__"):
        with suppress(TypeError, ValueError):  # rows of different length, a symbolic tensor
            array = np.asarray(value)
            return value if array.dtype == object else array
    return value


def plain(value):
    """A NumPy number, or one in an array or tensor without axes, as Python's own; anything else as it is.

    >>> plain(np.array(-2))
    -2
    """
    array = as_array(value)
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else value


def is_number(value) -> bool:
    """Whether this is one number; True and False are none, and neither is a list with a number in it."""
    return isinstance(plain(value), int | float) and not isinstance(plain(value), bool)


def equals(value, right: float) -> bool:
    """Whether the answer is this number; never an error, whatever the answer is."""
    return is_number(value) and plain(value) == right


def hint_for(value, hints: dict[float, str], otherwise: str) -> str:
    """What ``hints`` say about a wrong number, or ``otherwise``; also about an answer that is no number."""
    return hints.get(plain(value), otherwise) if is_number(value) else otherwise


def describe(value) -> str:
    """Describe an answer in a few words: small values in full, arrays by shape, dtype and range.

    >>> describe(np.arange(6, dtype=np.uint8).reshape(2, 3))
    'an array of shape (2, 3), dtype uint8, values 0 to 5'
    """
    if value is None:
        return "None (does the function return its result?)"
    if value is Ellipsis:
        return "... (nothing filled in yet)"
    if isinstance(value, np.ndarray) and value.ndim:
        text = f"an array of shape {value.shape}, dtype {value.dtype}"
        if value.size and np.issubdtype(value.dtype, np.number):
            text += f", values {value.min():.4g} to {value.max():.4g}"
        return text
    if isinstance(value, float | np.floating):
        return f"{value:.4f}"
    words = repr(value.item() if isinstance(value, np.generic) else value)
    return words if len(words) <= 80 else f"{words[:77]}... ({type(value).__name__})"
