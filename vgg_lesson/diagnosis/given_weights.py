"""The weights as they were given: have they learned, and do batch norm's stored statistics fit them?"""

from dataclasses import dataclass

import keras
import numpy as np

from vgg_lesson.diagnosis import cloning, rules_learned, rules_weights, vital_signs
from vgg_lesson.diagnosis.guessing import GIVEN_ERRORS, limit
from vgg_lesson.diagnosis.inspection import Facts
from vgg_lesson.diagnosis.laboratory import Chance
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.statistics_signs import accuracy_with_new_statistics
from vgg_lesson.diagnosis.subject import Subject

IMAGES = 256
"""Images that the given weights answer, where there are so many: an accuracy of 0.1 is good to 0.02."""
SPREAD_ERRORS = 5
"""The spreads of two draws of n numbers differ by 1 / sqrt(n), the standard error: so many of these are no luck."""
SETTLED = 5
"""Times that the stored statistics were renewed, after which they no longer show where they started (e**-5)."""
EPOCHS = 3
"""Epochs within which the stored statistics must follow."""


@dataclass(frozen=True)
class Given:
    """What the weights as given show.

    Attributes:
        learned: they answer better than guessing, so no training is needed to judge the network.
        stuck: they are not finite, or no fresh draws and know nothing all the same.
        frozen, statistics: findings about frozen kernels and about batch norm's stored statistics, or None.
    """

    learned: bool = False
    stuck: bool = False
    frozen: Finding | None = None
    statistics: Finding | None = None


def look_at_given(subject: Subject, facts: Facts, fresh, chance: Chance, say) -> Given:
    """Look at the weights as given, if they are not fresh draws.

    Args:
        fresh: a copy of ours with fresh weights; they are put back.
        say: told what was seen.
    """
    iterations = int(subject.model.optimizer.iterations.numpy())
    if not facts.weights_finite:
        say("the given weights hold NaN or infinity: examined from fresh weights")
        return Given(stuck=True)
    untouched = iterations == 0 and looks_fresh(subject.model, fresh)
    if untouched and not subject.history and not facts.random_kernels:
        return Given()
    kept = fresh.get_weights()
    fresh.set_weights(subject.model.get_weights())
    given = vital_signs.network_signs(subject, fresh, IMAGES)
    best, images = max(given.accuracy, given.training_accuracy), looked_at(subject)
    needed = limit(chance.majority, images, GIVEN_ERRORS)
    say(
        f"given weights ({iterations} steps): accuracy {given.accuracy:.2f} on training images, "
        f"{given.training_accuracy:.2f} with batch statistics, "
        f"at most {given.silent_units:.0%} silent units in a layer"
    )
    frozen = rules_weights.frozen_at_random(
        facts.frozen_kernels, facts.kernels, facts.random_kernels, best, chance.majority, images
    )
    learned, statistics = bool(best > needed), None
    if learned:
        settled = iterations == 0 or iterations * (1 - momentum(fresh)) > SETTLED
        statistics = stale_statistics(subject, fresh, chance, given, settled)
    fresh.set_weights(kept)
    return Given(learned, not untouched and best <= needed, frozen, statistics)


def stale_statistics(subject: Subject, model, chance: Chance, signs, settled: bool) -> Finding | None:
    """Judge batch norm's stored statistics.

    Args:
        model: a copy of ours with the weights to judge. signs: its :class:`vital_signs.NetworkSigns`.
        settled: trained for so long that the statistics would have followed.
    """
    if not norms(model):
        return None
    steps = 0.0 if settled else EPOCHS * subject.training_count / subject.batch_size
    mended = accuracy_with_new_statistics(subject, model)
    inertia = 1.0 if settled else momentum(model)
    return rules_learned.stale_statistics(
        inertia, steps, signs.training_accuracy, signs.accuracy, mended, looked_at(subject), chance.majority
    )


def looked_at(subject: Subject) -> int:
    """How many images the given weights answer."""
    return min(IMAGES, subject.training_count)


def norms(model) -> list:
    return [layer for layer in cloning.leaves(model) if isinstance(layer, keras.layers.BatchNormalization)]


def momentum(model) -> float:
    """The largest momentum among the batch normalisations; 1 for one that is frozen among trainable layers."""
    return max(
        (1.0 if not layer.trainable and model.trainable_weights else layer.momentum for layer in norms(model)),
        default=0.0,
    )


def decay(subject: Subject) -> float:
    return float(getattr(cloning.inner(subject.model.optimizer), "weight_decay", None) or 0.0)


def looks_fresh(model, fresh) -> bool:
    """Constant vectors are as drawn, everything else spreads as a fresh draw does: nothing was trained or loaded."""
    for given, drawn in zip(model.weights, fresh.weights, strict=True):
        a, b = given.numpy(), drawn.numpy()
        # An LSTM's bias is of zeros and ones; any other that is not all the same was drawn.
        if a.ndim == 1 and (np.isin(b, (0, 1)).all() or (b.size > 1 and not np.ptp(b))):
            if not np.allclose(a, b):
                return False
        elif a.size > SPREAD_ERRORS**2 and abs(a.std() - b.std()) > (0.02 + SPREAD_ERRORS / np.sqrt(a.size)) * max(
            b.std(), 1e-12
        ):
            return False
    return True
