"""Suspicions about the images that one change of the weights, and one normalisation, is made from."""

import math

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.cloning import batch_norms
from vgg_lesson.diagnosis.rules.suspicion import Suspicion
from vgg_lesson.diagnosis.variation import LARGER
from vgg_lesson.optimizers.unwrapped import unwrapped

FEW_CHANGES = 2
"""Changes of the weights in an epoch. The lecture's batches of 32 make 1,250 on 40,000 images."""
FEW_VALUES = 4
"""Values of a channel that batch normalisation takes mean and spread of: of one nothing is left, of two a sign."""


def gradients_gathered(optimizer, batch: int, images: int) -> Suspicion | None:
    """An optimizer that gathers the gradients of so many batches that the weights hardly ever change.

    Args:
        batch: images of a step. images: of an epoch.
    """
    gathered = unwrapped(optimizer).gradient_accumulation_steps or 1
    changes = images / (batch * gathered)
    if gathered == 1 or changes >= FEW_CHANGES:
        return None
    return Suspicion(
        causes.LEARNING_RATE_TOO_LOW,
        f"gradients of {gathered:,} batches of {batch} make one change of the weights: {changes:.2g} in an epoch",
        f"fewer than {FEW_CHANGES} in an epoch; with a change after every batch the network learns",
        {"each_step": True},
        "gradient_accumulation_steps counts batches, not images: leave it out, or take 2 to 8",
    )


def lonely_normalisation(leaves, batch: int) -> Suspicion | None:
    """Batch normalisation behind a dense layer or a global pooling, in batches of one or a few images."""
    found = [
        layer
        for layer in batch_norms(leaves)
        if layer.built and layer.trainable and batch * _places(layer) < FEW_VALUES
    ]
    if not found:
        return None
    values = batch * _places(found[0])
    return Suspicion(
        causes.BATCHNORM_STATISTICS,
        f"{found[0].name} takes the mean of {values} value(s) a channel off them: batches have {batch} image(s)",
        f"fewer than {FEW_VALUES} values: of a single one nothing is left",
        {"larger_batches": True},
        f"batches of {LARGER}, or layer normalisation in place of batch normalisation",
    )


def _places(layer) -> float:
    """Rows times columns of what a layer normalises, 1 for vectors; infinite where not known."""
    shape = getattr(getattr(layer, "input", None), "shape", None)
    if shape is None:
        return math.inf
    return math.prod(size or math.inf for axis, size in enumerate(shape) if axis not in (0, layer.axis % len(shape)))
