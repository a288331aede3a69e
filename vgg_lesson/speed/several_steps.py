"""Several training steps of a small network in one call, so that the processor does not wait for Python.

Between two steps Keras returns to Python, calls the callbacks and asks for the next batch, which takes some 2 ms, and
a step of VGG16 at 1/8 width in batches of 32 takes 13. Keras's ``steps_per_execution`` leaves the steps and their order
as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from vgg_lesson.architecture import layer_table
from vgg_lesson.whole import require_whole

MOST = 8
"""More gain nothing: measured on two cores at 1/8 width in batches of 32, 8 steps a call make a step 1.15 to 1.2 times
as fast, 20 not faster."""
LEAST = 200
"""A training of fewer steps makes single ones: to trace several costs it 0.25 s, and they gain 2 ms each."""
CALLS = 10
"""At least so many in an epoch, so that a short one has a curve, too."""
MULTIPLY_ADDS, FOR_A_WEIGHT = 1_700_000_000, 80
"""At most so many, forward, in one call: 0.1 s on two cores of 2024, so that nobody waits for a stop. What a step does
to a weight (gradient, Adam) takes as long as so many: measured at full width, one image a batch."""


def steps_in_a_call(model: keras.Model, batch_size: int, steps_per_epoch: int, epochs: int) -> int:
    """How many steps of this training are worth one call: 1 to :data:`MOST`.

    Args:
        model: its layers in a chain.
        batch_size, steps_per_epoch, epochs: of the training.
    """
    if epochs * steps_per_epoch < LEAST:
        return 1
    work = batch_size * sum(row.multiply_adds for row in layer_table(model)) + FOR_A_WEIGHT * model.count_params()
    return max(1, min(MOST, MULTIPLY_ADDS // work, steps_per_epoch // CALLS))


def set_steps_in_a_call(model: keras.Model, number: int) -> None:
    """Let a compiled model make so many steps a call from now on, also in validation and ``predict``.

    Callbacks get ``on_train_batch_end`` once a call, with the number of its last step, which in an epoch's last call
    can lie behind the last batch.

    Raises:
        ValueError: a number that is not whole, or below 1.
    """
    require_whole("number", number, 1)
    if number != model.steps_per_execution:
        model.steps_per_execution = number
        model.make_train_function(force=True)
        model.make_test_function(force=True)
        model.make_predict_function(force=True)


@contextmanager
def several_steps(model: keras.Model, batch_size: int, steps_per_epoch: int, epochs: int) -> Iterator[None]:
    """Make as many steps a call as are worth it within this block, and single ones again after it."""
    before = model.steps_per_execution
    set_steps_in_a_call(model, steps_in_a_call(model, batch_size, steps_per_epoch, epochs))
    try:
        yield
    finally:
        set_steps_in_a_call(model, before)
