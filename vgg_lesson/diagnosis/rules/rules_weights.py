"""Rules on the weights that training may change, and on the rate."""

import keras

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.facts.guessing import limit
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.optimizers.unwrapped import unwrapped


def nothing_trainable(trainable: int, unreachable: int, frozen: int, uncounted: tuple[str, ...] = ()) -> Finding | None:
    """No weight that training may change, or none that a gradient reaches."""
    if trainable and unreachable < trainable:
        return None
    if not trainable and uncounted:
        return weights_uncounted(uncounted)
    what = (
        f"{unreachable} of {trainable} trainable arrays get no gradient"
        if trainable
        else f"0 trainable arrays, {frozen} frozen ones"
    )
    return Finding(
        causes.FROZEN_WEIGHTS,
        what,
        "at least one must be trainable and reached",
        "look for an operation without a gradient, in the loss first: argmax, rounding, stop_gradient"
        if trainable
        else "set trainable=True and compile again",
        blocks_training=True,
    )


def weights_uncounted(uncounted: tuple[str, ...], tried: str = "") -> Finding | None:
    """Arrays that layers keep to themselves; a fault only where nothing else explains that nothing is learned."""
    if not uncounted:
        return None
    return Finding(
        causes.FROZEN_WEIGHTS,
        f"{len(uncounted)} attributes hold arrays that Keras neither trains nor saves: {', '.join(uncounted[:3])}",
        "Keras counts what add_weight or keras.Variable made, in layers",
        "self.add_weight(...) in the layer's build, in place of tf.Variable; layers as attributes of a Layer or Model "
        "(in a list, too), not of another object",
        tried=tried,
        blocks_training=not tried,
    )


def weights_unreached(unreachable: tuple[str, ...], trainable: int, tried: str) -> Finding:
    """Trainable arrays on which the answers depend, and to which no gradient comes back."""
    return Finding(
        causes.FROZEN_WEIGHTS,
        f"no gradient reaches {len(unreachable)} of {trainable} trainable arrays, {unreachable[0]} the first, "
        "though the answers depend on them",
        "training must reach what is trainable",
        f"look behind {unreachable[-1]} for an operation without a gradient: rounding, a comparison, argmax, "
        "stop_gradient",
        tried=tried,
    )


def optimizer_of_another_model(model: keras.Model) -> Finding | None:
    """An optimizer keeps numbers for the weights that it was first used with, and refuses any others."""
    optimizer, trainable = unwrapped(model.optimizer), model.trainable_variables
    known = {id(variable) for variable in optimizer._trainable_variables} if optimizer.built else None
    unknown = 0 if known is None else sum(id(variable) not in known for variable in trainable)
    if not unknown:
        return None
    return Finding(
        causes.FROZEN_WEIGHTS,
        f"the optimizer was used before, and does not know {unknown} of the model's {len(trainable)} trainable arrays",
        "it must know all of them, or fit raises",
        "compile with a new optimizer: one for each model",
        blocks_training=True,
    )


def frozen_at_random(
    frozen: int, total: int, random: int, given_accuracy: float, majority: float, images: int
) -> Finding | None:
    """More than half of the kernels are frozen at values that still look like fresh draws, and the model knows nothing.

    Compared by the two-sample Kolmogorov-Smirnov distance with new draws of each layer's own
    initialiser (see :func:`facts.weight_facts.frozen_kernels`). Transfer learning freezes kernels that were trained.
    """
    if random <= total / 2 or given_accuracy > limit(majority, images):
        return None
    return Finding(
        causes.FROZEN_WEIGHTS,
        f"{frozen} of {total} kernels are frozen, {random} of them at values like fresh random draws",
        "more than half of all kernels",
        "set trainable=True and compile again, or load trained weights",
        blocks_training=True,
    )


def rate_is_zero(rate: float) -> Finding | None:
    """A rate of exactly zero trains nothing."""
    if rate > 0:
        return None
    return Finding(
        causes.LEARNING_RATE_TOO_LOW,
        f"learning rate {rate:g}",
        "must be above 0",
        "start at 1e-3 for Adam, 1e-2 for SGD",
        blocks_training=True,
    )
