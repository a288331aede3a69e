"""Rules on vital signs. A suspicion is cheap; it becomes a finding when a training confirms it."""

import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.cloning import batch_norms
from vgg_lesson.diagnosis.facts.chance import Chance
from vgg_lesson.diagnosis.facts.vital_signs import NetworkSigns
from vgg_lesson.diagnosis.rules.suspicion import Suspicion
from vgg_lesson.diagnosis.variation import rate_in_words

# A threshold says where to look, not what is wrong: an experiment decides (trials/confirmation.py). The healthy
# networks behind the numbers are cases 101-127 of `python -m benchmarks.diagnosis --data cifar10`, fresh, seed 0.
SHRINKAGE = 0.1
"""Image-dependent signal behind the last over behind the first hidden kernel. Healthy: He 0.10 (VGG19) to 0.46 (VGG11),
batch norm 1.9 and more; two that learn all the same lie below, Glorot VGG11 with 0.021 and one with centred inputs,
0.008. The lecture's network at quarter width: 0.001."""
INPUT_SIZE = (0.03, 5.0)
"""Root mean square of what reaches the first kernel: /255 gives 0.54, standardised 1, centred pixels 64, 0..255 137."""
INPUT_OFFSET = 8
"""That size over the differences between images: /255 gives 2; 0..1 minus 3 gives 10, and stays at guessing."""
INPUT_SPREAD = 0.01
"""Standard deviation between images there: /255 gives 0.24, and 0.002 when a layer takes 0..255 to -1..1 once more."""
BIG_UPDATE = 5e-3
"""Update over weight of a first step. Healthy: 0.002 to 0.036, half of them above; SGD 10 gives 7, Adam 1e-2 0.1."""
SMALL_UPDATE = 3e-5
"""Below, a thousand steps change the weights by 3%. Healthy: 0.002 and more; Adam 1e-8 gives 1e-7."""
FAR_OFF = 4
"""First loss above guessing, in multiples of the way from right answers to guessing. Healthy on scaled images: up to 2
(loss 7). Kernels of N(0, 1) give 5.3 (loss 14.5: Keras clips probabilities, so it cannot exceed 16)."""
SMALL_LOSS = 0.015
"""Loss of guessing over its cross-entropy, below which the loss is asked about. Squared errors: 0.04 for ten classes,
0.016 for twenty."""
GOOD_UPDATE = 2e-3
"""What a changed rate aims at; the rule of thumb is 1e-3."""
DEAD = 0.9
"""Share of a layer's units that are zero for every image. Healthy: up to 48% in VGGs; 100% in a residual network, whose
branches begin at zero."""

STRONG_DECAY = 0.02
"""Weight decay above this is suspected; AdamW in Keras has 0.004 unless told otherwise."""


def inputs_not_scaled(signs: NetworkSigns) -> Suspicion | None:
    """Judge what reaches the first kernel, so a Rescaling or normalising layer counts as scaling."""
    (low, high), found = INPUT_SIZE, signs.first_input
    if not found or not np.isfinite(found.size):
        return None
    offset = found.size > INPUT_OFFSET * found.spread
    if low <= found.size <= high and found.spread >= INPUT_SPREAD and not offset:
        return None
    if found.size > high:
        remedy = "divide by 255, or standardise with the training images' mean and spread"
    elif found.size < low or found.spread < INPUT_SPREAD:
        remedy = "scaled in the array and again in the model? leave one out; else standardise: mean 0, spread 1"
    else:
        remedy = "they lie far from 0: take off the training images' mean, and divide by their spread"
    return Suspicion(
        causes.INPUTS_NOT_SCALED,
        f"values that reach the first weights have size {found.size:.3g} (root mean square) and differ between images "
        f"by {found.spread:.2g}",
        f"size outside {low:g} to {high:g} or above {INPUT_OFFSET:g} times the differences, or these below "
        f"{INPUT_SPREAD:g}; images / 255 have 0.5 and 0.2",
        {"scale_inputs": True},
        remedy,
    )


def dead_relus(signs: NetworkSigns, weights_are_zero: bool) -> Suspicion | None:
    """A layer nearly all of whose units are 0 for every image, though its weights are not 0."""
    worst = max(
        (layer for layer in signs.layers if np.isfinite(layer.silent_units)),
        key=lambda layer: layer.silent_units,
        default=None,
    )
    if worst is None or worst.silent_units < DEAD or weights_are_zero:
        return None
    return Suspicion(
        causes.DEAD_RELUS,
        f"{worst.silent_units:.0%} of the units of {worst.name} are 0 for every image in the fresh network",
        f"above {DEAD:.0%}; fresh VGGs that learn stay below 50%",
        {"he": True, "zero_biases": True},
        "biases that start at 0, kernels with mean 0 (He)",
    )


def initialisation_too_large(signs: NetworkSigns, chance: Chance) -> Suspicion | None:
    """First answers that are huge, far off and certain, though the inputs are of ordinary size."""
    grows = signs.shrinkage > 30
    limit = chance.loss + FAR_OFF * abs(chance.loss - chance.right)
    far_off = not np.isfinite(signs.training_loss) or signs.training_loss > limit
    if not (grows or far_off or signs.logit_spread > 10 or not all(layer.finite for layer in signs.layers)):
        return None
    return Suspicion(
        causes.INITIALISATION_TOO_LARGE,
        f"signal behind the last hidden layer {signs.shrinkage:.3g} times that behind the first, first loss "
        f"{signs.training_loss:.3g}",
        f"growth above 30, or a first loss above {limit:.2f} (guessing {chance.loss:.2f})",
        {"he": True},
        "he_normal or glorot_uniform for the kernels; where branches are added up, batch normalisation",
    )


def initialisation_too_small(signs: NetworkSigns) -> Suspicion | None:
    """The image-dependent part of the signal dies on its way through the fresh network."""
    if signs.shrinkage >= SHRINKAGE and signs.logit_spread >= 1e-3:
        return None
    return Suspicion(
        causes.INITIALISATION_TOO_SMALL,
        f"signal behind the last hidden layer {signs.shrinkage:.2g} times that behind the first; logits "
        f"differ between images by {signs.logit_spread:.1g}",
        f"signal below {SHRINKAGE:g} (He keeps 0.1 to 0.5, by depth)"
        if signs.shrinkage < SHRINKAGE
        else "logits that differ by less than 0.001: the signal or the inputs are small",
        {"he": True},
        "he_normal for the kernels (or batch normalisation)",
        max(SHRINKAGE / max(signs.shrinkage, 1e-30), 1e-3 / max(signs.logit_spread, 1e-30)),
    )


def rate_factor_down(update: float) -> float:
    """A tenth, or the power of ten that brings the first update to about 2e-3 of the weights."""
    if not np.isfinite(update) or update <= 0:
        return 1e-3
    return float(10.0 ** np.clip(round(np.log10(GOOD_UPDATE / update)), -4, -1))


def learning_rate_too_high(update: float, rate: float, rates: dict[int, float] | None = None) -> Suspicion | None:
    """First steps that change the weights by more than half a percent each; NaN, of kernels at 0, is not judged."""
    if np.isnan(update) or update < BIG_UPDATE:
        return None
    factor = rate_factor_down(update)
    return Suspicion(
        causes.LEARNING_RATE_TOO_HIGH,
        f"a first step changes the weights by {update:.2g} of their size (learning rate {rate:.3g})",
        f"above {BIG_UPDATE:g}; the rule of thumb is 0.001",
        {"rate": factor},
        rate_in_words(rate, factor, rates),
        update / BIG_UPDATE,
    )


def learning_rate_too_low(
    update: float, rate: float, rates: dict[int, float] | None = None, guessing=(1.0, 1.0)
) -> Suspicion | None:
    """First steps that change the weights by less than 3 in 100,000. ``guessing``: its loss, and its cross-entropy."""
    if not update < SMALL_UPDATE:
        return None
    factor = float(10.0 ** np.clip(round(np.log10(GOOD_UPDATE / max(update, 1e-12))), 1, 5))
    return Suspicion(
        causes.LEARNING_RATE_TOO_LOW,
        f"a first step changes the weights by {update:.2g} of their size (learning rate {rate:.3g})",
        f"below {SMALL_UPDATE:g}; the rule of thumb is 0.001",
        {"rate": factor},
        (
            rate_in_words(rate, factor, rates)
            if rate * factor < 0.5
            else "leave out what holds the optimizer's steps back: clipnorm, clipvalue, a large epsilon, inputs near 0"
        )
        + _small_loss(*guessing),
    )


def _small_loss(loss: float, cross_entropy: float) -> str:
    if not 0 < loss < SMALL_LOSS * cross_entropy:
        return ""
    told = f"guessing costs {loss:.2g}, and by cross-entropy {cross_entropy:.3g}"
    return f"; or is the loss multiplied by something small? {told.capitalize()}"


def learning_rate_fades(rates: dict[int, float]) -> Suspicion | None:
    """A schedule that is over while the training has hardly begun: less than 1% of its peak after 300 steps.

    Healthy schedules last for the whole training; 300 steps are a quarter of an epoch of CIFAR-10 in batches of 32.
    """
    peak, later = max(rates.values()), rates[300]
    if not later < 0.01 * peak:
        return None
    return Suspicion(
        causes.LEARNING_RATE_TOO_LOW,
        f"the schedule's learning rate is {peak:.3g} at most and {later:.2g} after 300 steps",
        "below 1% of its peak; with the peak held, the network learns",
        {"hold_rate": True},
        "a schedule whose decay_steps are all steps of the training, or a plain rate",
    )


def regularisation_too_strong(
    signs: NetworkSigns, chance: Chance, decay: float, strip: tuple[str, ...], constrained: int
) -> Suspicion | None:
    """Anything there that works against the data: a penalty, decay, constraints, layers active only in training."""
    measured = []
    if signs.penalty > chance.loss:
        measured.append(f"penalties add {signs.penalty:.3g} to a loss of {signs.loss:.3g}")
    if decay > STRONG_DECAY:
        measured.append(f"weight decay {decay:g}")
    if constrained:
        measured.append(f"{constrained} array(s) under a constraint")
    if strip:
        measured.append(f"{len(strip)} layer(s) that act only in training: {', '.join(strip[:4])}")
    if not measured:
        return None
    kinds = dict.fromkeys(layer.kind for layer in signs.layers if layer.acts_in_training_only)
    weaker = ["weight penalty about 5e-4"] if len(measured) > bool(strip) else []
    weaker += (
        ["dropout at most 0.5, and none behind the last layer"] if any("Dropout" in kind for kind in kinds) else []
    )
    others = [kind for kind in kinds if "Dropout" not in kind]
    weaker += [f"{kind} less strong, value_range=(0, 1) for images in 0..1 if it has one" for kind in others]
    return Suspicion(
        causes.REGULARISATION_TOO_STRONG,
        "; ".join(measured),
        "without these the network learns, with them it does not",
        {"strip": True},
        f"weaken them: {'; '.join(weaker)}",
    )


def frozen_weights(frozen: int, total: int, unreachable: tuple[str, ...]) -> Suspicion | None:
    """Frozen or unreached kernels, though some are trainable."""
    if not frozen and not unreachable:
        return None
    measured = f"{frozen} of {total} kernels are frozen" + (
        f", no gradient reaches {len(unreachable)} arrays" if unreachable else ""
    )
    return Suspicion(
        causes.FROZEN_WEIGHTS,
        measured,
        "with all trainable the network learns",
        {"unfreeze": True},
        "trainable=True, then compile again",
    )


def batchnorm_unusual(leaves) -> Suspicion | None:
    """Batch normalisation that is frozen, or whose epsilon exceeds 0.05 (Keras: 0.001), cannot normalise."""
    norms = batch_norms(leaves)
    odd = [layer for layer in norms if not layer.trainable or layer.epsilon > 0.05]
    if not odd:
        return None
    return Suspicion(
        causes.BATCHNORM_STATISTICS,
        f"{len(odd)} of {len(norms)} batch normalisations are frozen or have epsilon "
        f"{max(layer.epsilon for layer in odd):g}",
        "with Keras's defaults the network learns",
        {"batchnorm_defaults": True},
        "trainable batch normalisation, epsilon 0.001",
    )
