"""The learning rate of an optimizer, whether it was given as a number, a schedule or a function."""

from collections.abc import Callable

import keras

from vgg_lesson.optimizers.unwrapped import unwrapped


def rates(optimizer) -> dict[int, float]:
    """The learning rate after some numbers of steps, up to 1,000; of a plain number, always the same."""
    rate = rate_after(optimizer)
    return {step: float(keras.ops.convert_to_numpy(rate(step))) for step in (0, 1, 10, 100, 300, 1000)}


def rate_after(optimizer) -> Callable:
    """The learning rate as a function of the steps taken, whether it was given as a number, schedule or function."""
    rate = unwrapped(optimizer)._learning_rate
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate
    return lambda step: rate if isinstance(rate, keras.Variable) else rate()  # Keras does not tell it the step
