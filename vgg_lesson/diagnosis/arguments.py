"""Checks of what a user gives: each error names the argument, what it received and what is allowed."""

import re
from collections.abc import Callable
from contextlib import contextmanager
from numbers import Real

import numpy as np

from vgg_lesson.whole import is_whole

NUMBERS = "biuf"
"""NumPy's letters for the kinds of numbers: booleans, whole numbers with and without sign, floats."""
FROM_DATASET = "x, y = (np.concatenate(part) for part in zip(*dataset.take(100).as_numpy_iterator()))"
"""Makes arrays of a tf.data.Dataset of batches; README shows the same line."""


class PartRaises(ValueError):
    """Something that the user gave raises when it is used; the message names the part."""


@contextmanager
def named(part: str):
    """Inside, whatever is raised becomes a :class:`PartRaises`."""
    try:
        yield
    except Exception as error:
        raise PartRaises(f"{part} raises {type(error).__name__}: {error}") from error


def first_line(error: Exception) -> str:
    """The words of an exception without TensorFlow's tail, colour codes and printed arrays."""
    words = re.sub(r"\[\[.*\]\]", "[...]", re.sub("\x1b\\[[0-9;]*m", "", str(error)), flags=re.DOTALL)
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:2])}"[:300]


def images(given, name: str) -> np.ndarray:
    """An array (N, ...) of numbers, N > 0."""
    array = _array(given, name, "an array of images, (N, ...)")
    if array.ndim < 2:
        raise TypeError(f"{name} must be an array of images, (N, ...), received shape {array.shape}")
    if not len(array):
        raise ValueError(f"{name} holds no images, received shape {array.shape}")
    return array


def labels(given, name: str) -> np.ndarray:
    """An array of numbers with one row for each image."""
    allowed = "class numbers, (N,) or (N, 1), or one-hot rows, (N, classes)"
    array = _array(given, name, allowed)
    if not array.ndim:
        raise TypeError(f"{name} must be {allowed}, received a single value, {given!r:.60}")
    return array


def _array(given, name: str, allowed: str) -> np.ndarray:
    if given is None:
        raise TypeError(f"{name} must be {allowed}, received None")
    try:
        array = np.asarray(given)
    except ValueError as error:  # rows of different lengths
        raise TypeError(f"{name} must be {allowed}, received {type(given).__name__}: {error}") from error
    if array.dtype.kind not in NUMBERS:
        hint = "; np.unique(names, return_inverse=True)[1] makes numbers of names" if array.dtype.kind in "US" else ""
        hint = hint or _dataset_hint(given)
        raise TypeError(f"{name} must be {allowed}, received {type(given).__name__} of dtype {array.dtype}{hint}")
    return array


def _dataset_hint(given) -> str:
    is_dataset = hasattr(given, "as_numpy_iterator")
    return f"; arrays are made of 100 batches of a tf.data.Dataset by {FROM_DATASET}" if is_dataset else ""


def same_length(images: np.ndarray, labels: np.ndarray, images_name: str, labels_name: str) -> None:
    if len(images) != len(labels):
        raise ValueError(
            f"{images_name} and {labels_name} must be equally long, received {len(images)} and {len(labels)}"
        )


def validation(given, train: np.ndarray, any_size: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """``validation_data`` as (images, labels); None without.

    Args:
        given: (images, labels), or with sample weights, which are left out.
        train: the training images, whose shape the others must have.
        any_size: whether the model takes pictures of other heights and widths.
    """
    if given is None:
        return None
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        size = f" of {len(given)} item(s)" if isinstance(given, tuple | list) else ""
        raise ValueError(
            f"validation_data must be (images, labels), received {type(given).__name__}{size}{_dataset_hint(given)}"
        )
    x, y = images(given[0], "validation_data's images"), labels(given[1], "validation_data's labels")
    same_length(x, y, "validation_data's images", "validation_data's labels")
    other_size = any_size and x.ndim == train.ndim == 4 and x.shape[3] == train.shape[3]
    if x.shape[1:] != train.shape[1:] and not other_size:
        raise ValueError(
            f"validation_data's images must have the shape of x_train's, {train.shape[1:]}, received {x.shape[1:]}"
        )
    return x, y


def options(
    *,
    batch_size: int = 32,
    validation_split: float = 0.0,
    shuffle: bool = True,
    augmentation: Callable | None = None,
    history=None,
    seed: int = 0,
    **unknown,
) -> dict:
    """The options of ``examine`` that belong to a training, checked, as plain values by name."""
    if unknown:
        raise TypeError(f"further options are {', '.join(options.__kwdefaults__)}; received {', '.join(unknown)}")
    return {
        "batch_size": whole(batch_size, "batch_size", 1),
        "validation_split": share(validation_split, "validation_split"),
        "shuffle": bool(shuffle),
        "augmentation": function(augmentation, "augmentation", "a batch of images"),
        "history": _history(history),
        "seed": whole(seed, "seed", 0),
    }


def whole(value, name: str, least: int) -> int:
    """A whole number of at least ``least``."""
    if not is_whole(value, least):
        raise _wrong(value, f"{name} must be a whole number of at least {least}, received {value!r}")
    return int(value)


def share(value, name: str) -> float:
    """A number in [0, 1)."""
    if not isinstance(value, Real) or not 0 <= value < 1:
        raise _wrong(value, f"{name} must lie in [0, 1), received {value!r}")
    return float(value)


def seconds(value) -> float:
    """A number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not value > 0:
        raise _wrong(value, f"budget_seconds must be a number above 0, received {value!r}")
    return float(value)


def function(value, name: str, takes: str):
    """None or a function."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be a function of {takes} or None, received {type(value).__name__}")
    return value


def _history(given) -> dict[str, list[float]]:
    logs = getattr(given, "history", given)
    if logs is None:
        return {}
    allowed = "history must be what fit returned, or its dictionary of lists of numbers"
    if not isinstance(logs, dict):
        raise TypeError(f"{allowed}, received {type(given).__name__}")
    try:
        return {name: [float(value) for value in values] for name, values in logs.items()}
    except (TypeError, ValueError) as error:
        raise TypeError(f"{allowed}, received {given!r:.80}: {error}") from error


def _wrong(value, message: str) -> Exception:
    """A number out of range is a ValueError, anything else a TypeError."""
    return (ValueError if isinstance(value, Real) else TypeError)(message)
