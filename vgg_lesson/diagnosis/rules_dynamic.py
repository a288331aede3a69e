"""Rules on vital signs and short trainings. Suspicions are cheap; a finding needs a training that confirms it."""

from dataclasses import dataclass

import keras
import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.array_facts import LabelFacts, OrderFacts
from vgg_lesson.diagnosis.known_good import KnownGood
from vgg_lesson.diagnosis.laboratory import Chance
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.training_loop import Variation
from vgg_lesson.diagnosis.vital_signs import NetworkSigns

SHRINKAGE = 0.1
"""Image-dependent signal behind the last over behind the first hidden kernel. Measured at quarter width: Glorot VGG16
0.001, Glorot VGG11 about 0.02, He 0.3 and more."""
INPUT_SIZE = (0.03, 5.0)
"""Root mean square of what reaches the first kernel: /255 gives 0.54, standardised 1, 0..255 gives 137."""
BIG_UPDATE = 5e-3
"""Update over weight of a first step. Adam 1e-3 on VGG16 gives 0.02 to 0.05, 1e-4 a tenth of it."""
SMALL_UPDATE = 3e-5
"""Below, a thousand steps change the weights by 3%."""
GOOD_UPDATE = 2e-3
"""What a changed rate aims at; the rule of thumb is 1e-3."""
DEAD = 0.9
"""Share of units that are zero for every image: fresh He and Glorot layers have below 0.45."""


@dataclass(frozen=True)
class Suspicion:
    """A cause that the vital signs point to, and the change that would prove it."""

    cause: str
    measured: str
    threshold: str
    change: dict
    remedy: str


def inputs_not_scaled(signs: NetworkSigns, raw_size: float) -> Suspicion | None:
    """Judge what reaches the first kernel, so a Rescaling or normalising layer counts as scaling."""
    low, high = INPUT_SIZE
    if not np.isfinite(signs.first_input) or low <= signs.first_input <= high:
        return None
    return Suspicion(causes.INPUTS_NOT_SCALED, f"values that reach the first weights have size {signs.first_input:.3g} (root mean square)",
                     f"outside {low:g} to {high:g}; images / 255 have 0.5, standardised ones 1", {"scale_inputs": True},
                     "divide by 255, or standardise with the training images' mean and spread")  # fmt: skip


def dead_relus(signs: NetworkSigns, weights_are_zero: bool) -> Suspicion | None:
    """A layer nearly all of whose units are 0 for every image, though its weights are not 0."""
    worst = max((layer for layer in signs.layers if np.isfinite(layer.zero_units)), key=lambda layer: layer.zero_units, default=None)
    if worst is None or worst.zero_units < DEAD or weights_are_zero:
        return None
    return Suspicion(causes.DEAD_RELUS, f"{worst.zero_units:.0%} of the units of {worst.name} are 0 for every image in the fresh network",
                     f"above {DEAD:.0%}; fresh healthy layers stay below 45%", {"he": True, "zero_biases": True},
                     "biases that start at 0, kernels with mean 0 (He)")  # fmt: skip


def initialisation_too_large(signs: NetworkSigns, chance: Chance) -> Suspicion | None:
    """First answers that are huge, far off and certain, though the inputs are of ordinary size."""
    grows = signs.shrinkage > 30
    far_off = not np.isfinite(signs.training_loss) or signs.training_loss > chance.loss + 2 * abs(chance.loss - chance.right)
    if not (grows or far_off or signs.logit_spread > 10 or not all(layer.finite for layer in signs.layers)):
        return None
    return Suspicion(causes.INITIALISATION_TOO_LARGE,
                     f"signal behind the last hidden layer {signs.shrinkage:.3g} times that behind the first, first loss {signs.training_loss:.3g}",
                     f"growth above 30, or a first loss above {chance.loss + 2 * abs(chance.loss - chance.right):.2f} (guessing {chance.loss:.2f})",
                     {"he": True}, "he_normal or glorot_uniform for the kernels")  # fmt: skip


def initialisation_too_small(signs: NetworkSigns) -> Suspicion | None:
    """The image-dependent part of the signal dies on its way through the fresh network."""
    if signs.shrinkage >= SHRINKAGE and signs.logit_spread >= 1e-3:
        return None
    return Suspicion(causes.INITIALISATION_TOO_SMALL,
                     f"signal behind the last hidden layer {signs.shrinkage:.2g} times that behind the first; logits differ between images by {signs.logit_spread:.1g}",
                     f"below {SHRINKAGE:g} (He keeps 0.3 and more), or logits that differ by less than 0.001", {"he": True},
                     "he_normal for the kernels (or batch normalisation)")  # fmt: skip


def rate_factor_down(update: float) -> float:
    """A tenth, or the power of ten that brings the first update to about 2e-3 of the weights."""
    if not np.isfinite(update) or update <= 0:
        return 1e-3
    return float(10.0 ** min(-1, round(np.log10(GOOD_UPDATE / update))))


def learning_rate_too_high(update: float, rate: float) -> Suspicion | None:
    """First steps that change the weights by more than half a percent each."""
    if np.isfinite(update) and update < BIG_UPDATE:
        return None
    factor = rate_factor_down(update)
    return Suspicion(causes.LEARNING_RATE_TOO_HIGH, f"a first step changes the weights by {update:.2g} of their size (learning rate {rate:.3g})",
                     f"above {BIG_UPDATE:g}; the rule of thumb is 0.001", {"rate": factor}, f"learning rate {rate * factor:.2g}")  # fmt: skip


def learning_rate_too_low(update: float, rate: float) -> Suspicion | None:
    """First steps that change the weights by less than 3 in 100,000."""
    if not update < SMALL_UPDATE:
        return None
    factor = float(10.0 ** np.clip(round(np.log10(GOOD_UPDATE / max(update, 1e-12))), 1, 5))
    return Suspicion(causes.LEARNING_RATE_TOO_LOW, f"a first step changes the weights by {update:.2g} of their size (learning rate {rate:.3g})",
                     f"below {SMALL_UPDATE:g}; the rule of thumb is 0.001", {"rate": factor}, f"learning rate {rate * factor:.2g}")  # fmt: skip


def regularisation_too_strong(signs: NetworkSigns, chance: Chance, decay: float, strip: tuple[str, ...]) -> Suspicion | None:
    """Anything there that works against the data: a penalty as large as the loss, decay, or layers active only in training."""
    measured = []
    if signs.penalty > chance.loss:
        measured.append(f"penalties add {signs.penalty:.3g} to a loss of {signs.loss:.3g}")
    if decay > 0.02:
        measured.append(f"weight decay {decay:g}")
    if strip:
        measured.append(f"{len(strip)} layer(s) that act only in training: {', '.join(strip[:4])}")
    if not measured:
        return None
    return Suspicion(causes.REGULARISATION_TOO_STRONG, "; ".join(measured), "without these the network learns, with them it does not",
                     {"strip": True}, "weaken them: dropout at most 0.5, weight penalty about 5e-4")  # fmt: skip


def frozen_weights(frozen: int, total: int, unreachable: tuple[str, ...]) -> Suspicion | None:
    """Frozen or unreached kernels, though some are trainable."""
    if not frozen and not unreachable:
        return None
    measured = f"{frozen} of {total} kernels are frozen" + (f", no gradient reaches {len(unreachable)} arrays" if unreachable else "")
    return Suspicion(causes.FROZEN_WEIGHTS, measured, "with all trainable the network learns", {"unfreeze": True}, "trainable=True, then compile again")


def batchnorm_unusual(model: keras.Model, leaves) -> Suspicion | None:
    """Batch normalisation that is frozen, or whose epsilon exceeds 0.05 (Keras: 0.001), cannot normalise."""
    norms = [layer for layer in leaves if isinstance(layer, keras.layers.BatchNormalization)]
    odd = [layer for layer in norms if not layer.trainable or layer.epsilon > 0.05]
    if not odd:
        return None
    return Suspicion(causes.BATCHNORM_STATISTICS,
                     f"{len(odd)} of {len(norms)} batch normalisations are frozen or have epsilon {max(layer.epsilon for layer in odd):g}",
                     "with Keras's defaults the network learns", {"batchnorm_defaults": True}, "trainable batch normalisation, epsilon 0.001")  # fmt: skip


def stale_statistics(momentum: float, steps_in_three_epochs: float, batch_accuracy: float, inference_accuracy: float,
                     mended: float, images: int, majority: float) -> Finding | None:  # fmt: skip
    """Right with the batch's statistics, wrong with the stored ones, right again once these are measured anew.

    A lag in the first epochs is normal: with momentum 0.99 it takes some 300 steps. So momentum
    must exceed 0.995 and leave more than half of the start value after three epochs (momentum ** steps > 0.5).
    """
    error = np.sqrt(majority * (1 - majority) / images)
    gap = batch_accuracy - inference_accuracy
    worse = gap > max(5 * error, 0.5 * (batch_accuracy - majority)) and mended - inference_accuracy > 0.5 * gap
    if not worse or momentum <= 0.995 or momentum**steps_in_three_epochs <= 0.5:
        return None
    return Finding(causes.BATCHNORM_STATISTICS,
                   f"accuracy {batch_accuracy:.2f} with the batch's statistics, {inference_accuracy:.2f} with the stored ones, {mended:.2f} once they are measured anew; momentum {momentum:g}",
                   "the stored statistics must follow within three epochs", "momentum 0.9 or 0.99, layers trainable")  # fmt: skip


def labels_independent(known: KnownGood) -> Finding | None:
    """The known-good network finds no more on held-out images than in permuted labels."""
    if known.informative is not False:
        return None
    return Finding(causes.LABELS_INDEPENDENT_OF_IMAGES,
                   f"a known-good network reaches {known.accuracy:.2f} on {known.held_out} held-out images, {known.permuted:.2f} with permuted labels",
                   f"guessing gives {known.majority:.2f}; above it by 4 standard errors ({known.majority + 4 * known.error(known.held_out):.2f}) would count",
                   "check that images and labels are read, shuffled and cut together",
                   excluded="network, loss and optimizer: the known-good network brings its own")  # fmt: skip


def validation_apart(known: KnownGood, labels: LabelFacts, order: OrderFacts) -> Finding | None:
    """The known-good network is right on held-out training images and wrong on validation images."""
    if not known.informative or known.validation_count < 100:
        return None
    gap = known.accuracy - known.validation
    errors = np.sqrt(0.25 / known.held_out + 0.25 / known.validation_count)
    near_guessing = known.validation < known.majority + 0.5 * (known.accuracy - known.majority)
    if gap < 4 * errors or not near_guessing:
        return None
    measured = f"a known-good network: {known.accuracy:.2f} on held-out training images, {known.validation:.2f} on validation images"
    if known.mended > known.validation + 0.5 * gap:
        return Finding(causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER, f"{measured}, {known.mended:.2f} after {known.mended_by}",
                       "more than half of the gap closes", "send both through the same function")  # fmt: skip
    if order.tail > 0.3:
        return None
    return Finding(causes.LABELS_INDEPENDENT_OF_IMAGES, f"{measured}; scaling, channels and orientation do not explain it",
                   "below half way between guessing and the training accuracy", "check that validation labels belong to validation images")  # fmt: skip


def variation_of(*suspicions: Suspicion, name: str = "") -> Variation:
    """All changes of some suspicions at once."""
    change = {}
    for suspicion in suspicions:
        change.update(suspicion.change)
    return Variation(name or " + ".join(describe(s) for s in suspicions), **change)


def describe(suspicion: Suspicion) -> str:
    """The change in words."""
    words = {"scale_inputs": "scaled inputs", "he": "He initialisation", "strip": "no regularisation", "unfreeze": "all weights trainable",
             "batchnorm_defaults": "default batch normalisation", "augment": "no augmentation", "zero_biases": ""}  # fmt: skip
    parts = [f"rate x {value:g}" if key == "rate" else words[key] for key, value in suspicion.change.items()]
    return ", ".join(part for part in parts if part)
