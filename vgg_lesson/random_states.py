"""The random states of Python, NumPy, TensorFlow and Keras belong to the process: who seeds them, and who waits."""

import random
import threading
from contextlib import contextmanager

import numpy as np
from keras.src.backend.common import global_state
from tensorflow.python.eager import context as eager_context

DRAWING = threading.RLock()
"""Held while a network is drawn from seeds: two threads must not draw from each other's."""


@contextmanager
def untouched_randomness(seed: int):
    """Inside, Python, NumPy and TensorFlow draw from ``seed``; afterwards their global states are as before.

    One thread at a time is inside; others draw from the same states meanwhile, so keep it short where they may.
    """
    with DRAWING:
        context = eager_context.context()
        python, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - the state that others use
        context_state = {name: context.__dict__[name] for name in ("_seed", "_rng") if name in context.__dict__}
        tf_rng_state = context._rng.getstate() if "_rng" in context_state else None
        keras_seed = global_state.get_global_attribute("global_random_seed")
        keras_generator = global_state.get_global_attribute("global_seed_generator")
        names = global_state.get_global_attribute("object_name_uids")
        names = None if names is None else names.copy()
        generator_state = None if keras_generator is None else keras_generator.state.numpy()
        try:
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            context._set_global_seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)  # noqa: NPY002
            for name in ("_seed", "_rng"):
                context.__dict__.pop(name, None)
            context.__dict__.update(context_state)
            if tf_rng_state is not None:
                context._rng.setstate(tf_rng_state)
            global_state.set_global_attribute("global_random_seed", keras_seed)
            if keras_generator is not None:
                keras_generator.state.assign(generator_state)
            global_state.set_global_attribute("global_seed_generator", keras_generator)
            global_state.set_global_attribute("object_name_uids", names)
