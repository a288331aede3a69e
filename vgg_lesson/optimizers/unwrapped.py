"""The optimizer itself, where Keras has put another one around it."""

import keras


def unwrapped(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer that takes the steps: under mixed_float16 Keras wraps it in one that only scales the loss."""
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    return optimizer.inner_optimizer if scales else optimizer
