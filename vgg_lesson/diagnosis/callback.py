"""A watch for ``fit``: warns once, with the cause, when a training is stuck."""

import inspect
import math
import warnings

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import arguments, causes, cloning
from vgg_lesson.diagnosis.examine import examine
from vgg_lesson.diagnosis.facts import vital_signs
from vgg_lesson.diagnosis.facts.answers import logit_spread
from vgg_lesson.diagnosis.facts.chance import Chance
from vgg_lesson.diagnosis.facts.loss_and_output import loss_function
from vgg_lesson.diagnosis.report import Report
from vgg_lesson.diagnosis.rules import suspicions as rules
from vgg_lesson.diagnosis.trials.laboratory import FEW, whole_steps
from vgg_lesson.diagnosis.variation import update_ratio_of
from vgg_lesson.progress import StepLosses, batches_made
from vgg_lesson.random_states import untouched_randomness

OPTIONS = tuple(inspect.signature(examine).parameters)[3:]
"""What ``examine`` takes behind the model and its training data."""
UNCHECKED = ("validation_data", "progress")
"""Options that only ``examine`` can check, beside the training images."""
KNOWS = 0.9
"""A loss below this share of that of guessing shows that the network knows something, be it only that the classes are
unequal: without the labels that cannot be told apart."""
FIRST = 40
"""The first losses are the mean over one in so many of the batches that are waited for."""
EXPLODES = 3
"""A loss that grew to so many times the first before it was not finite speaks of the steps, not of the data."""
SIDE, PIXELS = 96, 255
"""Height and width of the noise where the network takes any, and its range where the network itself scales pixels."""
TOLD = ": give x_train and y_train to DiagnosisCallback"
PROOF = f" (not proved{TOLD} for that)"
SILENT = f"the network alone does not tell{TOLD}"


class StuckTrainingWarning(UserWarning):
    """A training that learns nothing; the message names the cause."""


class DiagnosisCallback(keras.callbacks.Callback):
    """Watch the loss in ``fit``; when it does not fall, find out why and warn once.

    ``fit`` does not show its arrays to a callback. With ``x_train`` and ``y_train`` the whole
    :func:`examine` runs and its cause is named; without, only what the network itself tells: NaN,
    nothing trainable, dead units, start weights and size of the first updates.

    Args:
        x_train, y_train, budget_seconds, options: what ``examine`` takes, if the cause is to be proved.
        patience: batches without progress before the training counts as stuck, more where they are of fewer than
            eight images; twice as many after each false alarm.
        tolerance: progress is a fall of the loss below its first value by more than this share.

    Attributes:
        report: the :class:`Report` when ``examine`` ran in the present ``fit``, else None.
        cause: name of the cause that was warned of in the present ``fit``, None while all is well.

    Raises:
        TypeError, ValueError: an option that there is not, or out of range. What goes wrong later, in ``fit``,
            is told in the warning, and the training goes on.
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
        unknown = ", ".join(repr(name) for name in options if name not in OPTIONS)
        if unknown:
            raise TypeError(
                f"DiagnosisCallback received {unknown}; allowed are x_train, y_train, patience, tolerance, "
                f"{', '.join(OPTIONS)}"
            )
        arguments.options(**{name: value for name, value in options.items() if name not in UNCHECKED})
        if (x_train is None) != (y_train is None):
            raise ValueError("give both x_train and y_train, or neither")
        seconds = arguments.seconds(budget_seconds)
        self.arguments = {"x_train": x_train, "y_train": y_train, "budget_seconds": seconds, **options}
        self.patience = arguments.whole(patience, "patience", 10)
        self.tolerance = arguments.share(tolerance, "tolerance")
        self.report: Report | None = None
        self.cause: str | None = None

    def on_train_begin(self, logs=None):
        self.losses: list[float] = []  # one a batch; where a call makes several, their mean for each
        self.step_losses, self.unwatchable = StepLosses(), False
        self.wait = self.patience
        steps = getattr(self.model.optimizer, "iterations", None)  # without one, train_step is the user's own
        self.resumed = steps is not None and int(steps.numpy()) > 0
        self.before = [weight.numpy() for weight in self.model.weights] if self.model.built else None
        self.after_first = None
        self.report = self.cause = None  # of an earlier fit
        self.guessing: float | None = None

    def on_epoch_begin(self, epoch, logs=None):
        self.step_losses.begin_epoch()
        self.made = 0

    def on_train_batch_end(self, batch, logs=None):
        if self.cause is not None or self.unwatchable:
            return
        loss = self.step_losses.newest(self.model, logs)
        if loss is None:
            self.unwatchable = True
            warnings.warn(
                f"DiagnosisCallback does not watch this training: its train_step returns "
                f"{', '.join(map(repr, logs or {})) or 'nothing'}, and no 'loss', which is what it looks at",
                stacklevel=2,
            )
            return
        before, self.made = self.made, batches_made(batch, self.params.get("steps"))
        new = max(1, self.made - before)
        self.losses += new * [loss]
        if self.after_first is None:
            images = int(self.step_losses.count) // new  # of a batch; 0: they were not counted
            self.wait = whole_steps(self.wait, images or FEW)
            self.first_steps, self.after_first = new, [weight.numpy() for weight in self.model.weights]
        if not math.isfinite(self.losses[-1]) or (len(self.losses) >= max(self.wait, 2 * new) and self._stuck()):
            self._warn()

    def _stuck(self) -> bool:
        last = float(np.mean(self.losses[-self.wait // 2 :]))
        first = np.mean(self.losses[: max(5, self.wait // FIRST)])
        if not last > min(first, np.mean(self.losses[: self.wait // 2])) * (1 - self.tolerance):
            return False
        if self.arguments["x_train"] is not None:  # the examination asks the weights themselves
            return True
        self.guessing = self._guessing() if self.guessing is None else self.guessing
        return last >= KNOWS * self.guessing

    def _guessing(self) -> float:
        """Loss of answers that prefer no class, to labels of each class; 0 where the loss takes no class labels."""
        try:
            units = (getattr(self.model, "output_shape", None) or self.model.trainable_weights[-1].shape)[-1]
            ask, classes = loss_function(self.model), np.arange(min(max(2, units), 256))
        except Exception:  # no loss, several outputs: it is then not known what guessing gives
            return 0.0
        rows = np.eye(len(classes), units, dtype=np.float32) if units > 1 else classes[:, None].astype(np.float32)
        for labels in (rows, classes):
            try:
                return float(ask(tf.constant(labels), tf.fill([len(classes), units], 1 / max(2, units))))
            except Exception:  # it takes labels of the other form
                continue
        return 0.0

    def _warn(self) -> None:
        try:
            cause, evidence = (
                self._from_the_data() if self.arguments["x_train"] is not None else self._from_the_network()
            )
        except Exception as error:  # whatever went wrong in here, the user's training must go on
            cause, evidence = causes.UNDETERMINED, f"The diagnosis itself failed: {arguments.first_line(error)}"
        if cause == causes.HEALTHY:
            # A false alarm: the same network learns from other start weights. An examination is not cheap.
            self.losses, self.wait = [], 2 * self.wait
            return
        self.cause = cause
        warnings.warn(
            (
                f"training is stuck at loss {self.losses[-1]:.4g} after {len(self.losses)} batches: {cause} "
                f"({causes.MEANINGS[cause]}) {evidence}"
            ),
            StuckTrainingWarning,
            stacklevel=2,
        )

    def _from_the_data(self) -> tuple[str, str]:
        """What the whole examination says."""
        self.report = report = examine(self.model, **self.arguments)
        if report.findings:
            return report.cause, report.findings[0].measured
        return report.cause, "no change that was tried helped" if report.courses else report.seen[-1]

    def _from_the_network(self) -> tuple[str, str]:
        """What the network shows without its data: start weights and signs on pictures of noise."""
        model = self.model
        if not model.trainable_weights:
            return causes.FROZEN_WEIGHTS, "no weight is trainable"
        broken = [weight.path for weight in model.weights if not np.isfinite(keras.ops.convert_to_numpy(weight)).all()]
        finite = [loss for loss in self.losses if math.isfinite(loss)]
        if (broken or len(finite) < len(self.losses)) and (not finite or max(finite) < EXPLODES * finite[0]):
            where = f"{broken[0]} holds NaN or infinity" if broken else f"the loss is {self.losses[-1]}"
            return causes.NON_FINITE_VALUES, f"{where}: look for NaN in the images and labels{TOLD}"
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        known = self.before is not None and len(self.before) == len(self.after_first)
        update = update_ratio_of(model, self.before, self.after_first, self.first_steps) if known else math.nan
        longest = update * math.sqrt(self.first_steps)  # of several: they partly cancel, as random ones do, or not
        low, high = rules.learning_rate_too_low(longest, rate), rules.learning_rate_too_high(update, rate)
        if self.resumed:  # these are no start weights
            found = low or high
            return (found.cause, f"{found.measured}{PROOF}") if found else (causes.UNDETERMINED, SILENT)
        shape = getattr(model, "input_shape", None)
        if not isinstance(shape, tuple) or not all(side is None or isinstance(side, int) for side in shape):
            if low:
                return low.cause, f"{low.measured}{PROOF}"
            return causes.UNDETERMINED, f"no input is declared{TOLD}"
        sides = [SIDE if side is None else side for side in shape[1:]]
        noise = np.random.default_rng(0).uniform(0, 1, (32, *sides)).astype(np.float32)
        with untouched_randomness(0):
            copy = cloning.copy(model, noise, seed=0)
        if self.before is not None:
            copy.set_weights(self.before)
        layers = vital_signs.through_the_layers(copy, noise)
        kernel = next((number for number, layer in enumerate(layers) if layer.weights), 0)
        if kernel and layers[kernel - 1].spread < rules.INPUT_SIZE[0]:  # a Rescaling layer, say, takes pixels to 0..1
            noise *= PIXELS
            layers = vital_signs.through_the_layers(copy, noise)
        outputs = copy(tf.constant(noise), training=False)
        shrinkage = vital_signs.shrinkage(layers)
        signs = vital_signs.NetworkSigns(
            layers,
            None,
            None,
            shrinkage,
            float(logit_spread(outputs)),
            self.losses[0],
            0.0,
            0.0,
            self.losses[0],
            0.0,
        )
        guessing = math.log(max(2, model.output_shape[-1]))
        zero = all(not np.any(weight) for weight in (self.before or [np.ones(1)]))
        first = (
            rules.dead_relus(signs, zero)
            or rules.initialisation_too_large(signs, Chance(guessing, 0.0, 0.1))
            or low
            or rules.initialisation_too_small(signs)
            or high
        )
        if first is None:
            return causes.UNDETERMINED, SILENT
        also = (
            f"; also {high.cause}: {high.measured}"
            if high and first is not high and first.cause == causes.INITIALISATION_TOO_SMALL
            else ""
        )
        return first.cause, f"{first.measured}{also}{PROOF}"
