"""Several training steps of a small network in one call, so that Python is not what the processor waits for.

Between two steps Keras returns to Python, calls the callbacks and asks for the next batch: about 2 ms, a tenth of
a step of VGG16 at 1/8 width in batches of 32. Its ``steps_per_execution`` leaves the steps and their order as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from vgg_lesson.architecture import layer_table

MOST = 8
"""More gain nothing: measured on two cores at 1/8 width in batches of 32, 8 steps a call make a step 1.15 to 1.2 times
as fast, 20 not faster."""
MULTIPLY_ADDS = 1_500_000_000
"""At most so many, forward, in one call: 0.1 s on two cores of 2024, so that whoever asks for a stop does not wait."""
CALLS = 10
"""At least so many in an epoch, so that a short training has a curve, too."""


def steps_in_a_call(model: keras.Model, batch_size: int, steps_per_epoch: int) -> int:
    """How many steps of this training are worth one call: 1 to :data:`MOST`.

    Args:
        model: its layers in a chain.
        batch_size, steps_per_epoch: of the training.
    """
    multiply_adds = batch_size * sum(row.multiply_adds for row in layer_table(model))
    return max(1, min(MOST, MULTIPLY_ADDS // max(1, multiply_adds), steps_per_epoch // CALLS))


def set_steps_in_a_call(model: keras.Model, number: int) -> None:
    """Let a compiled model make so many steps a call from now on, in ``fit`` and in its validation.

    Callbacks get ``on_train_batch_end`` once a call, with the number of its last step, which in an epoch's last call
    can lie behind the last batch.
    """
    if number != model.steps_per_execution:
        model.steps_per_execution = number
        model.make_train_function(force=True)
        model.make_test_function(force=True)


@contextmanager
def several_steps(model: keras.Model, batch_size: int, steps_per_epoch: int) -> Iterator[None]:
    """Make as many steps a call as are worth it within this block, and single ones again after it."""
    before = model.steps_per_execution
    set_steps_in_a_call(model, steps_in_a_call(model, batch_size, steps_per_epoch))
    try:
        yield
    finally:
        set_steps_in_a_call(model, before)
