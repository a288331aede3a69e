"""The random states of Python, NumPy, TensorFlow and Keras belong to the process: who seeds them, and who waits."""

import random
import threading
from contextlib import contextmanager, nullcontext

import numpy as np
from keras.src.backend.common import global_state
from tensorflow.python.eager import context as eager_context

DRAWING = threading.RLock()
"""Held while a network is drawn from seeds: two threads must not draw from each other's."""


@contextmanager
def untouched_randomness(seed: int, *, alone: bool = True):
    """Inside, Python, NumPy and TensorFlow draw from ``seed``; afterwards their global states are as before.

    Other threads draw from the same states meanwhile. Those that draw networks wait: all the time, or, for work that
    takes long and draws its networks in such a block of its own, only while the states are exchanged (``alone=False``).
    """
    with DRAWING if alone else nullcontext():
        with DRAWING:
            kept = _states()
            _draw_from(seed)
        try:
            yield
        finally:
            with DRAWING:
                _go_on_from(*kept)


def without_seeds(config):
    """Initialisers with a written seed would start every copy from the same weights; seeds come from us."""
    if isinstance(config, dict):
        return {
            key: (None if key == "seed" and not isinstance(value, dict) else without_seeds(value))
            for key, value in config.items()
        }
    return [without_seeds(item) for item in config] if isinstance(config, list) else config


def _states() -> tuple:
    context = eager_context.context()
    of_context = {name: context.__dict__[name] for name in ("_seed", "_rng") if name in context.__dict__}
    of_rng = context._rng.getstate() if "_rng" in of_context else None
    generator = global_state.get_global_attribute("global_seed_generator")
    names = global_state.get_global_attribute("object_name_uids")
    of_keras = {
        "global_random_seed": global_state.get_global_attribute("global_random_seed"),
        "global_seed_generator": generator,
        "object_name_uids": None if names is None else names.copy(),
    }
    drawn = None if generator is None else generator.state.numpy()
    return random.getstate(), np.random.get_state(), of_context, of_rng, of_keras, drawn  # noqa: NPY002 - what others use


def _draw_from(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    eager_context.context()._set_global_seed(seed)


def _go_on_from(of_python, of_numpy, of_context, of_rng, of_keras, drawn) -> None:
    random.setstate(of_python)
    np.random.set_state(of_numpy)  # noqa: NPY002
    context = eager_context.context()
    for name in ("_seed", "_rng"):
        context.__dict__.pop(name, None)
    context.__dict__.update(of_context)
    if of_rng is not None:
        context._rng.setstate(of_rng)
    if drawn is not None:
        of_keras["global_seed_generator"].state.assign(drawn)
    for name, value in of_keras.items():
        global_state.set_global_attribute(name, value)
