"""Watching a training from outside: reports of progress, and stopping within a few batches."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from vgg_lesson.run_record import EPOCH_FIELDS

PROGRESS_SECONDS = 0.25
"""Shortest time between two reports of progress."""


@dataclass(frozen=True)
class Progress:
    """A moment of a training.

    Attributes:
        step, steps: training steps done, and planned.
        loss: mean training loss (nats) since the report before; NaN before the first step.
        step_loss: pairs (step, loss) of all reports so far.
        epochs: the finished epochs, as in :class:`Run`.
        seconds: wall time since the first step began.
    """

    step: int
    steps: int
    loss: float
    step_loss: tuple[tuple[int, float], ...]
    epochs: tuple[dict, ...]
    seconds: float


class Stopped(Exception):
    """Leaves ``fit`` at once; after ``model.stop_training`` Keras would still run the validation."""


def batches_made(batch: int, steps_per_epoch: int | None) -> int:
    """Batches of an epoch that were made when Keras says ``batch``: in the last call it can lie behind the last one."""
    return min(batch + 1, steps_per_epoch or batch + 1)


class StepLosses:
    """The loss of each training step: differences of what Keras sums up from the beginning of an epoch on."""

    def begin_epoch(self):
        self.total, self.count = 0.0, 0.0

    def newest(self, model: keras.Model, logs: dict | None) -> float | None:
        """Mean loss since the call before, weighted by images as Keras does; None where none is reported.

        A ``train_step`` of the user's own may leave Keras's tracker at zero: then what it returns is taken as it is.
        """
        for metric in model.metrics:
            if isinstance(metric, keras.metrics.Mean) and metric.name == "loss":
                total, count = (float(part.value.numpy()) for part in (metric.total, metric.count))
                if count > self.count:
                    loss = (total - self.total) / (count - self.count)
                    self.total, self.count = total, count
                    return loss
        loss = (logs or {}).get("loss")
        return None if loss is None else float(np.mean(loss))


class Watch(keras.callbacks.Callback):
    """Reports progress, and stops training and validation within one call of TensorFlow: a batch, or a few.

    Args:
        steps_per_epoch: batches of one pass over the images.
        epochs: planned passes over the images.
        stop: set it from another thread to stop.
        on_progress: called with each :class:`Progress`.
    """

    def __init__(
        self,
        steps_per_epoch: int,
        epochs: int,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] | None,
    ):
        super().__init__()
        self.stop, self.on_progress, self.losses = stop, on_progress, StepLosses()
        self.steps_per_epoch = steps_per_epoch
        self.steps = epochs * self.steps_per_epoch
        self.step, self.epochs, self.epoch_seconds, self.step_loss = 0, [], [], []
        self.started = self.reported = time.perf_counter()
        self.since_report: list[float] = []

    def on_train_begin(self, logs=None):
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self._leave_if_asked()
        self.losses.begin_epoch()

    def on_train_batch_end(self, batch, logs=None):
        made = batches_made(batch, self.steps_per_epoch)
        before, self.step = self.step, len(self.epochs) * self.steps_per_epoch + made
        self.since_report += (self.step - before) * [self.losses.newest(self.model, logs)]
        self._leave_if_asked()
        if time.perf_counter() - self.reported >= PROGRESS_SECONDS or not self.step_loss:
            self._report()

    def on_test_batch_end(self, batch, logs=None):
        self._leave_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append({name: float(logs[name]) for name in EPOCH_FIELDS})
        self.epoch_seconds.append(round(time.perf_counter() - self.started, 2))
        self._report()

    def _leave_if_asked(self):
        if self.stop.is_set():
            self._report()
            raise Stopped

    def _report(self):
        if self.since_report:
            self.step_loss.append((self.step, float(np.mean(self.since_report))))
            self.since_report = []
        self.reported = time.perf_counter()
        if self.on_progress:
            loss = self.step_loss[-1][1] if self.step_loss else math.nan
            seconds = self.reported - self.started
            self.on_progress(Progress(self.step, self.steps, loss, tuple(self.step_loss), tuple(self.epochs), seconds))
