"""Trainings that leave nothing behind.

Before each step Keras sums the gradients over all devices. On one device there is nothing to sum, yet TensorFlow 2.21
enters the (empty) sum into a registry that is never emptied, and with it the whole traced graph: measured with plain
Keras, each ``fit`` of a new model keeps its graphs for the rest of the process, 14 MB for a VGG.
"""

import re

import keras
import tensorflow as tf

from vgg_lesson.optimizers.unwrapped import unwrapped

_TRACED_ANEW = re.compile(
    r"calls to <(function|bound method) (TensorFlowTrainer|Trainer|KnownGoodNetwork|WatchedStep)\..* triggered "
    "tf.function retracing"
)
# Every training is a new network and traces these functions, Keras's and ours: TensorFlow takes this for a mistake
# after five of them, and would say so on stderr, under some cell of a lesson.
tf.get_logger().addFilter(lambda record: not _TRACED_ANEW.search(record.getMessage()))


def on_one_device(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Let an optimizer skip the sum over devices, except under a ``tf.distribute`` strategy.

    Args:
        optimizer: any Keras optimizer; call this before the first ``fit``.

    Returns:
        The same optimizer.
    """
    steps_by = unwrapped(optimizer)
    over_devices = steps_by._all_reduce_sum_gradients

    def all_reduce_sum_gradients(pairs):
        return over_devices(pairs) if tf.distribute.has_strategy() else list(pairs)

    steps_by._all_reduce_sum_gradients = all_reduce_sum_gradients
    return optimizer
