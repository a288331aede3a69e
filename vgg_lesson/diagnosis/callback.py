"""A watch for ``fit``: warns once, with the cause, when a training is stuck."""

import math
import warnings

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import causes, cloning, vital_signs
from vgg_lesson.diagnosis import suspicions as rules
from vgg_lesson.diagnosis.answers import logit_spread
from vgg_lesson.diagnosis.laboratory import Chance
from vgg_lesson.diagnosis.report import Report


class StuckTrainingWarning(UserWarning):
    """A training that learns nothing; the message names the cause."""


class DiagnosisCallback(keras.callbacks.Callback):
    """Watch the loss in ``fit``; when it does not fall, find out why and warn once.

    ``fit`` does not show its arrays to a callback. With ``x_train`` and ``y_train`` the whole
    :func:`examine` runs and its cause is named; without, only what the network itself tells: NaN,
    nothing trainable, dead units, start weights and size of the first updates.

    Args:
        x_train, y_train, options: what ``examine`` takes, if the cause is to be proved.
        patience: batches without progress before the training counts as stuck.
        tolerance: progress is a fall of the loss below its first value by more than this share.

    Attributes:
        report: the :class:`Report` when ``examine`` ran, else None.
        cause: name of the cause that was warned of, None while all is well.
    """

    def __init__(
        self,
        x_train=None,
        y_train=None,
        *,
        patience: int = 200,
        tolerance: float = 0.02,
        budget_seconds: float = 60,
        **options,
    ):
        super().__init__()
        if patience < 10:
            raise ValueError(f"patience must be at least 10 batches, received {patience!r}")
        if (x_train is None) != (y_train is None):
            raise ValueError("give both x_train and y_train, or neither")
        self.arguments = {"x_train": x_train, "y_train": y_train, "budget_seconds": budget_seconds, **options}
        self.patience, self.tolerance = patience, tolerance
        self.report: Report | None = None
        self.cause: str | None = None

    def on_train_begin(self, logs=None):
        self.losses: list[float] = []
        self.before = [weight.numpy() for weight in self.model.weights] if self.model.built else None
        self.after_first, self.total = None, 0.0
        self.unmoved = False

    def on_epoch_begin(self, epoch, logs=None):
        self.seen, self.total = 0, 0.0

    def on_train_batch_end(self, batch, logs=None):
        if self.cause is not None:
            return
        # Keras reports the mean since the epoch began; its sums give the single losses.
        total, seen = logs["loss"] * (batch + 1), batch + 1
        self.losses.append((total - self.total) / max(1, seen - self.seen))
        self.total, self.seen = total, seen
        if self.after_first is None:
            self.after_first = [weight.numpy() for weight in self.model.weights]
        if not math.isfinite(self.losses[-1]) or (len(self.losses) >= self.patience and self._stuck()):
            self._warn()

    def _stuck(self) -> bool:
        window = self.losses[-self.patience // 2 :]
        first = np.mean(self.losses[:5])
        return float(np.mean(window)) > min(first, np.mean(self.losses[: self.patience // 2])) * (1 - self.tolerance)

    def _warn(self) -> None:
        loss = self.losses[-1]
        if self.arguments["x_train"] is not None:
            from vgg_lesson.diagnosis.examine import examine

            self.report = examine(self.model, **self.arguments)
            if self.report.cause == causes.HEALTHY:
                self.losses = []  # a false alarm: the same network learns from other start weights
                return
            self.cause = self.report.cause
            evidence = self.report.findings[0].measured if self.report.findings else "no change that was tried helped"
        else:
            self.cause, evidence = self._from_the_network()
        warnings.warn(
            (
                f"training is stuck at loss {loss:.4g} after {len(self.losses)} batches: {self.cause} "
                f"({causes.MEANINGS[self.cause]}) {evidence}"
            ),
            StuckTrainingWarning,
            stacklevel=2,
        )

    def _from_the_network(self) -> tuple[str, str]:
        """What the network shows without its data: start weights and signs on pictures of noise."""
        model = self.model
        if not model.trainable_weights:
            return causes.FROZEN_WEIGHTS, "no weight is trainable"
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        noise = np.random.default_rng(0).uniform(0, 1, (32, *model.input_shape[1:])).astype(np.float32)
        with cloning.untouched_randomness(0):
            copy = cloning.copy(model, noise, seed=0)
        if self.before is not None:
            copy.set_weights(self.before)
        trainable = {id(weight) for weight in model.trainable_weights}
        ratios = [
            np.linalg.norm(new - old) / np.linalg.norm(old)
            for weight, old, new in zip(model.weights, self.before or [], self.after_first, strict=False)
            if old.ndim >= 2 and id(weight) in trainable and np.linalg.norm(old)
        ]
        update = float(np.median(ratios)) if ratios else float("nan")
        layers = vital_signs.through_the_layers(copy, noise)
        outputs = copy(tf.constant(noise), training=False)
        hidden = [layer for layer in layers if layer.weights]
        shrinkage = hidden[-2].spread / hidden[0].spread if len(hidden) > 1 and hidden[0].spread else 0.0
        signs = vital_signs.NetworkSigns(
            layers,
            math.nan,
            shrinkage,
            float(logit_spread(outputs)),
            self.losses[0],
            0.0,
            0.0,
            self.losses[0],
            0.0,
            True,
        )
        guessing = math.log(max(2, model.output_shape[-1]))
        zero = all(not np.any(weight) for weight in (self.before or [np.ones(1)]))
        high = rules.learning_rate_too_high(update, rate)
        first = (
            rules.dead_relus(signs, zero)
            or rules.initialisation_too_large(signs, Chance(guessing, 0.0, 0.1))
            or rules.learning_rate_too_low(update, rate)
            or rules.initialisation_too_small(signs)
            or high
        )
        if first is None:
            return causes.UNDETERMINED, "the network alone does not tell: give x_train and y_train to DiagnosisCallback"
        also = (
            f"; also {high.cause}: {high.measured}"
            if high and first is not high and first.cause == causes.INITIALISATION_TOO_SMALL
            else ""
        )
        return (
            first.cause,
            f"{first.measured}{also} (not proved: give x_train and y_train to DiagnosisCallback for that)",
        )
