"""Facts about a model's weights: which are frozen, and at what; which Keras does not count among them."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.subject import Subject

LIBRARIES = ("keras", "tensorflow", "numpy", "builtins", "functools")
"""Whose objects hold nothing that a user meant to train."""
NO_PARTS = (keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer, keras.callbacks.Callback)
"""Not parts of a network: what these hold, a teacher say, is not trained with it."""
MOST_OBJECTS = 10_000
"""Objects of an attribute that are looked at."""


def uncounted(model) -> tuple[str, ...]:
    """Layers, or the model itself, that keep an array to be trained where Keras does not see it, with its name there.

    Keras 3 counts what ``add_weight`` or ``keras.Variable`` made, in layers, and trains and saves nothing else: no
    ``tf.Variable``, and no layers inside of objects that are none.
    """
    known, found = {id(weight.value) for weight in model.weights}, []
    for layer in model._flatten_layers():
        for name, value in vars(layer).items():
            own = not name.startswith("_self_")  # TensorFlow's books on the same attributes
            if own and any(_to_be_trained(array) and id(array) not in known for array in _arrays(value, set())):
                found.append(f"{layer.name}.{name}")
    return tuple(found)


def _arrays(value, seen: set[int], depth: int = 4) -> Iterator:
    """The variables to be trained in an attribute: itself, in containers, layers, and objects of other classes."""
    if id(value) in seen or len(seen) > MOST_OBJECTS:
        return
    seen.add(id(value))
    inside = ()
    if isinstance(value, tf.Variable):
        yield value
    elif isinstance(value, keras.Variable):
        yield from [value.value] if value.trainable else ()
    elif isinstance(value, keras.layers.Layer):
        inside = value.trainable_weights
    elif isinstance(value, list | tuple):
        inside = value
    elif isinstance(value, dict):
        inside = value.values()
    elif hasattr(value, "__dict__") and not isinstance(value, NO_PARTS) and _module(value) not in LIBRARIES:
        inside = vars(value).values()
    for part in inside if depth else ():
        yield from _arrays(part, seen, depth - 1)


def _module(value) -> str:
    return type(value).__module__.partition(".")[0]


def _to_be_trained(value) -> bool:
    return isinstance(value, tf.Variable) and value.trainable and value.dtype.is_floating and len(value.shape) >= 2


def frozen_kernels(subject: Subject) -> tuple[int, int]:
    """Numbers of (frozen kernels, frozen kernels that look like fresh draws of their layer's initialiser).

    Judged by the largest distance of the two cumulative distributions of up to 10,000 values
    (Kolmogorov-Smirnov): below 1.95 * sqrt(2 / n), where 99.9% of equal distributions lie.
    """
    model = subject.model
    trainable = {id(weight) for weight in model.trainable_weights}
    frozen = [
        number for number, weight in enumerate(model.weights) if len(weight.shape) >= 2 and id(weight) not in trainable
    ]
    if not frozen:
        return 0, 0
    try:
        draws = cloning.copy(model, subject.images, seed=subject.seed + 7, unfreeze=True, draw_all=True).weights
    except cloning.CannotRebuild:
        return len(frozen), 0
    alike = 0
    by_path = {weight.path: weight for weight in draws}
    for number in frozen:
        weight = model.weights[number]
        other = by_path.get(weight.path, draws[number])
        if tuple(other.shape) == tuple(weight.shape) and _same_distribution(weight.numpy(), other.numpy()):
            alike += 1
    return len(frozen), alike


def _same_distribution(first: np.ndarray, second: np.ndarray) -> bool:
    a, b = np.sort(first.ravel()[:10_000]), np.sort(second.ravel()[:10_000])
    points = np.concatenate([a, b])
    gap = np.abs(np.searchsorted(a, points, side="right") - np.searchsorted(b, points, side="right")).max() / len(a)
    return bool(gap < 1.95 * np.sqrt(2 / len(a)))
