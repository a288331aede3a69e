"""A range test: one short training whose learning rate grows at every step.

After Leslie N. Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv 1506.01186,
section 3.3. What it can say is limited: it sees some hundred steps, so a network that needs longer
to leave the plateau at chance gets "no suggestion", not a rate.
"""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import cycle
from numbers import Real

import numpy as np

from vgg_lesson.baselines import AMONG_TEN, Guessing
from vgg_lesson.training_config import short_rate
from vgg_lesson.whole import is_whole

WINDOW = 7
"""Steps over which the loss is averaged, centred."""
LEAST_FALL = 0.05
"""How far the averaged loss must fall below its start, and below chance, to count as falling (nats)."""
TOO_HIGH = 4.0
"""The test ends early where the loss exceeds its start so many times."""
NOISE_FACTOR = 4.0
"""The fall must also exceed so many standard errors of the averaged loss."""


@dataclass(frozen=True)
class RangeTest:
    """What :func:`find_rate` returns.

    Attributes:
        rates, losses, smoothed: (N,) one value a step; losses in nats, without the penalties of regularised weights
            (those of activities are in them).
        suggestion: a learning rate to try, or None.
        reason: why, in one sentence.
        too_few: True where so few steps were made that nothing can be said.
        guessing: what it gives among the classes of the images seen.
        window: steps over which ``smoothed`` is averaged.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None
    reason: str
    too_few: bool = False
    guessing: Guessing = AMONG_TEN
    window: int = WINDOW


def find_rate(
    model,
    batches: Iterable,
    *,
    low: float = 1e-6,
    high: float = 1.0,
    steps: int = 120,
    stop: threading.Event | None = None,
) -> RangeTest:
    """Run a range test on a copy of a compiled model; the model itself stays as it is.

    Args:
        model: a compiled ``keras.Model`` with a softmax output, or one sigmoid unit for two classes,
            whose optimizer has a plain number as its learning rate.
        batches: pairs (images, targets) as the model's ``fit`` takes them; repeated when too few.
        low, high: first and last learning rate, 0 < low < high.
        steps: training steps, at least 30.
        stop: set it from another thread to end the test early.

    Raises:
        TypeError: no ``keras.Model``, or batches that cannot be iterated over.
        ValueError: a model that is not compiled, cannot be copied or follows a schedule, rates or steps out of
            bounds, no batch, or a batch that is no pair or does not fit the model.
    """
    import keras

    from vgg_lesson.optimizers.fresh import fresh_optimizer
    from vgg_lesson.optimizers.unwrapped import unwrapped
    from vgg_lesson.random_states import untouched_randomness
    from vgg_lesson.speed.acceleration import accelerate

    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model, received {type(model).__name__}")
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built: give it a keras.Input, or call it on a batch")
    if not model.compiled:
        raise ValueError(f"model {model.name!r} is not compiled: it has no optimizer and no loss to test")
    if isinstance(unwrapped(model.optimizer)._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise ValueError(
            "the model's learning rate follows a schedule; compile it with a plain number for the range test"
        )
    numbers = all(isinstance(rate, Real) and math.isfinite(rate) for rate in (low, high))
    if not (numbers and 0 < low < high):
        raise ValueError(f"rates must satisfy 0 < low < high, received low={low!r}, high={high!r}")
    if not is_whole(steps, 30):
        raise ValueError(f"steps must be a whole number of at least 30, received {steps!r}")
    if not isinstance(batches, Iterable):
        raise TypeError(f"batches must be pairs (images, targets), received {type(batches).__name__}")
    try:
        with untouched_randomness(0):
            copy = keras.models.clone_model(model)  # compiled as well
    except (TypeError, ValueError, NotImplementedError) as error:  # functions and classes of the user's own
        raise ValueError(
            f"model {model.name!r} cannot be copied: its loss, metrics, optimizer and layers must be Keras's own, or "
            f"carry @keras.saving.register_keras_serializable(). Keras says: {error}"
        ) from error
    copy.optimizer = fresh_optimizer(model.optimizer)  # Keras's own copy decays what the original excludes
    copy.set_weights(model.get_weights())
    accelerate(copy)
    penalised = [weight for weight in copy.trainable_variables if weight.regularizer is not None]
    rates, losses, counts = np.geomspace(low, high, steps), [], 0
    for rate, batch in zip(rates, cycle(batches), strict=False):  # batches are endless, unless there is none
        copy.optimizer.learning_rate = rate
        # Keras adds the weights' penalties to the loss, and chance knows nothing of them.
        penalty = sum(float(weight.regularizer(weight)) for weight in penalised)
        # Keras averages its results over the steps of an epoch: reset, to see each step alone.
        losses.append(float(_train_on(copy, batch)) - penalty)
        if math.isfinite(losses[-1]):
            counts = counts + _counts(np.asarray(batch[1], float), copy.output_shape[-1])
        copy.reset_metrics()
        if (
            (stop is not None and stop.is_set())
            or not math.isfinite(losses[-1])
            or losses[-1] > TOO_HIGH * max(losses[0], 1.0)
        ):
            break
    if not losses:
        raise ValueError("batches must hold at least one pair (images, targets), received none")
    finite = [float(loss) for loss in losses if math.isfinite(loss)]
    found = suggest(rates[: len(finite)], np.array(finite), _guessing(counts, max(2, copy.output_shape[-1])))
    if len(losses) == steps or (stop is not None and stop.is_set()):
        return found
    last = short_rate(rates[len(losses) - 1])
    end = f" The test ended early, at rate {last}: the loss had shot up to {losses[-1]:.3g}."
    return replace(found, reason=found.reason + end)


def _train_on(model, batch) -> float:
    """The loss of one step of training on a batch; a batch that the model cannot take is named by its shapes."""
    import tensorflow as tf

    if not isinstance(batch, tuple | list) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise ValueError(f"each batch must be a pair (images, targets), received a {type(batch).__name__}{size}")
    images, targets = batch
    try:
        return model.train_on_batch(images, targets, return_dict=True)["loss"]
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        shapes = " and ".join(str(getattr(part, "shape", type(part).__name__)) for part in batch)
        raise ValueError(
            f"model {model.name!r} cannot be trained on images and targets of {shapes}: {error}"
        ) from error


def _counts(targets: np.ndarray, units: int) -> np.ndarray:
    """Images of each class in a batch: targets are class numbers, rows of shares, or from 0 to 1 for one unit."""
    if targets.ndim > 1 and targets.shape[-1] > 1:
        return targets.reshape(-1, targets.shape[-1]).sum(axis=0)
    if units == 1:
        return np.array([targets.size - targets.sum(), targets.sum()])
    return np.bincount(targets[targets >= 0].astype(int), minlength=units)  # below 0: a class that the loss ignores


def _guessing(counts, classes: int) -> Guessing:
    """Of equally frequent classes where the targets are such that nothing could be counted."""
    known = np.all(np.asarray(counts) >= 0) and np.sum(counts) > 0
    return Guessing.among(counts if known else [1] * classes)


def suggest(rates, losses, guessing: Guessing = AMONG_TEN) -> RangeTest:
    """Read a suggestion off the curve of a range test.

    The loss must fall clearly below both its own start and that of guessing: a network whose first
    steps throw it far up and then back to chance has not learned, nor has one that only came to
    know how frequent the classes are. The suggestion is the rate
    at which the loss falls fastest before its minimum, by a straight line through the decade of
    rates around it: over fewer steps the noise of the batches decides.

    Args:
        rates, losses: (N,) one value a step, losses finite.
        guessing: what it gives among the classes of the images.
    """
    rates, losses = np.asarray(rates, float), np.asarray(losses, float)
    if len(losses) < 3 * WINDOW:
        return RangeTest(
            rates, losses, losses, None, f"Only {len(losses)} steps were made: too few to judge.", True, guessing
        )
    padded = np.pad(losses, WINDOW // 2, mode="reflect")
    smoothed = np.convolve(padded, np.full(WINDOW, 1 / WINDOW), mode="valid")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)
    first = losses[: 2 * WINDOW]
    start = min(float(first.mean()), guessing.loss)
    margin = max(LEAST_FALL, NOISE_FACTOR * float(first.std()) / math.sqrt(WINDOW))
    lowest = int(smoothed.argmin())
    if smoothed[lowest] > start - margin or medians.min() > start - margin:  # one lucky batch is no fall
        return RangeTest(
            rates, losses, smoothed, None,
            f"No suggestion: in {len(losses)} steps the loss did not stay clearly below its start; its average over "
            f"{WINDOW} steps went down to {smoothed[lowest]:.3f}, and a fall counts below {start - margin:.3f}.",
            guessing=guessing,
        )  # fmt: skip
    best = _steepest(rates, losses, lowest)
    return RangeTest(
        rates, losses, smoothed, float(f"{rates[best]:.1e}"),
        f"The averaged loss fell to {smoothed[lowest]:.3f}, fastest near a rate of {short_rate(rates[best])}.",
        guessing=guessing,
    )  # fmt: skip


def _steepest(rates, losses, lowest: int) -> int:
    """The step before ``lowest`` around which a line through one decade of rates falls most."""
    decade = round(1 / math.log10(rates[1] / rates[0]))
    half = min(max(WINDOW, decade), len(losses) // 2) // 2
    centred = np.arange(-half, half + 1)
    windows = np.lib.stride_tricks.sliding_window_view(losses, len(centred))[: max(1, lowest + 1 - half)]
    return half + int((windows @ centred).argmin())
