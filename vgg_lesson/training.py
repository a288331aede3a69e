"""Training: a configuration and a data set in, an ordinary Keras model and its record out."""

import math
import os
import platform
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.acceleration import accelerate
from vgg_lesson.architecture import build_vgg
from vgg_lesson.augmentation import augment
from vgg_lesson.data import Dataset
from vgg_lesson.fused_adam import fuse_adam
from vgg_lesson.preprocessing import fit_statistics, preprocess
from vgg_lesson.run_record import EPOCH_FIELDS, Run, judge
from vgg_lesson.training_config import TrainingConfig

PROGRESS_SECONDS = 0.25
"""Shortest time between two reports of progress."""


class Trained(NamedTuple):
    """What :func:`train` returns: the trained ``keras.Model`` and the :class:`Run` of it."""

    model: keras.Model
    run: Run


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


def build_model(config: TrainingConfig, *, steps_per_epoch: int, input_shape=(32, 32, 3), classes: int = 10) -> keras.Model:
    """Build and compile the model of a configuration.

    Args:
        config: the choices.
        steps_per_epoch: needed by the schedules of the learning rate.
        input_shape, classes: as for :func:`vgg_lesson.architecture.build_vgg`.

    Returns:
        A compiled ``keras.Model``; its targets are one-hot rows, as in the lecture.
    """
    model = build_vgg(
        config.configuration,
        input_shape=input_shape,
        classes=classes,
        width=config.width,
        head=config.head,
        initializer=config.initializer,
        batch_norm=config.batch_norm,
        dropout=config.dropout,
    )
    model.compile(
        optimizer=fuse_adam(_optimizer(config, steps_per_epoch * config.epochs)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,  # XLA halves the speed of convolutions on a CPU
    )
    return accelerate(model)


def _optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    elif config.schedule == "one_cycle":
        warm_up = max(1, steps // 4)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 10, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
        )
    decay = config.weight_decay or None
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, weight_decay=decay)
    else:
        optimizer = keras.optimizers.SGD(rate, momentum=config.momentum, nesterov=config.momentum > 0, weight_decay=decay)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def train(
    config: TrainingConfig,
    dataset: Dataset,
    *,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    strategy: tf.distribute.Strategy | None = None,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> Trained:
    """Train one network from fresh weights. Blocks until done or stopped.

    Sets the global seeds of Python, NumPy and TensorFlow to ``config.seed``.

    Args:
        config: the choices.
        dataset: images as uint8 (N, H, W, 3), labels as class numbers.
        stop: set it from another thread to stop within one batch, also during validation.
        on_progress: called from this thread, at most four times a second, after every epoch, and at
            the end.
        strategy: a ``tf.distribute`` strategy to build the model under.
        callbacks: further Keras callbacks.

    Returns:
        The trained model and its :class:`Run`. The run of a stopped training holds the epochs
        that were finished.
    """
    keras.utils.set_random_seed(config.seed)
    steps_per_epoch = math.ceil(len(dataset.x_train) / config.batch_size)
    with strategy.scope() if strategy else nullcontext():
        model = build_model(
            config,
            steps_per_epoch=steps_per_epoch,
            input_shape=dataset.x_train.shape[1:],
            classes=len(dataset.class_names),
        )
    watch = _Watch(steps_per_epoch * config.epochs, stop or threading.Event(), on_progress)
    model.fit(
        training_batches(dataset, config),
        validation_data=validation_batches(dataset, config),
        epochs=config.epochs,
        verbose=0,
        shuffle=False,  # the batches are shuffled already, and Keras warns
        callbacks=[watch, *callbacks],
    )
    return Trained(model, _record(config, dataset, watch))


def training_batches(dataset: Dataset, config: TrainingConfig) -> tf.data.Dataset:
    """Shuffled, augmented training batches: (B, H, W, 3) float32 and one-hot (B, classes)."""
    count = len(dataset.x_train)
    seeds = tf.data.Dataset.random(seed=config.seed, rerandomize_each_iteration=True).batch(2)
    order = tf.data.Dataset.range(count).shuffle(count, seed=config.seed, reshuffle_each_iteration=True)
    load = _loader(dataset.x_train, dataset.y_train, dataset, config)

    def load_and_augment(rows, seed):
        images, targets = load(rows)
        return augment(images, config.augmentation, tf.cast(seed % 2**31, tf.int32)), targets

    batches = tf.data.Dataset.zip((order.batch(config.batch_size), seeds))
    return batches.map(load_and_augment).prefetch(2)


def validation_batches(dataset: Dataset, config: TrainingConfig) -> tf.data.Dataset:
    """Validation batches in order, preprocessed as the training images are, not augmented."""
    load = _loader(dataset.x_val, dataset.y_val, dataset, config)
    return tf.data.Dataset.range(len(dataset.x_val)).batch(max(128, config.batch_size)).map(load).prefetch(2)


def _loader(images, labels, dataset: Dataset, config: TrainingConfig):
    """Look rows up in uint8 and preprocess them a batch at a time: a quarter of the memory of floats."""
    shift, scale = _affine(config.preprocessing, fit_statistics(dataset.x_train))
    images, labels = tf.constant(images), tf.constant(labels)

    def load(rows):
        batch = tf.cast(tf.gather(images, rows), tf.float32)
        return batch * scale + shift, tf.one_hot(tf.gather(labels, rows), len(dataset.class_names))

    return load


def _affine(how: str, statistics) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale per channel of a preprocessing, read off from what it does to 0 and 255."""
    ends = np.array([0, 255], np.uint8).repeat(3).reshape(2, 1, 1, 3)
    low, high = preprocess(ends, how, statistics).reshape(2, 3)
    return low, (high - low) / 255


class _Watch(keras.callbacks.Callback):
    """Reports progress, and stops training and validation within one batch."""

    def __init__(self, steps: int, stop: threading.Event, on_progress):
        super().__init__()
        self.steps, self.stop, self.on_progress = steps, stop, on_progress
        self.step, self.epochs, self.step_loss = 0, [], []
        self.started = self.reported = time.perf_counter()
        self.since_report: list[float] = []
        self.seen_in_epoch = 0

    def on_train_begin(self, logs=None):
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self.seen_in_epoch, self.sum_in_epoch = 0, 0.0

    def on_train_batch_end(self, batch, logs=None):
        # Keras reports the mean since the epoch began; the differences of its sums give the steps.
        seen, total = batch + 1, logs["loss"] * (batch + 1)
        self.since_report.append((total - self.sum_in_epoch) / (seen - self.seen_in_epoch))
        self.step += seen - self.seen_in_epoch
        self.seen_in_epoch, self.sum_in_epoch = seen, total
        if self.stop.is_set():
            self.model.stop_training = True
        if time.perf_counter() - self.reported >= PROGRESS_SECONDS or self.step == 1:
            self._report()

    def on_test_batch_end(self, batch, logs=None):
        if self.stop.is_set():
            self.model.stop_evaluating = True

    def on_epoch_end(self, epoch, logs=None):
        if not self.stop.is_set():
            self.epochs.append({name: float(logs[name]) for name in EPOCH_FIELDS})
        self._report()

    def _report(self):
        if self.since_report:
            self.step_loss.append((self.step, float(np.mean(self.since_report))))
            self.since_report = []
        self.reported = time.perf_counter()
        if self.on_progress:
            loss = self.step_loss[-1][1] if self.step_loss else math.nan
            seconds = self.reported - self.started
            self.on_progress(
                Progress(self.step, self.steps, loss, tuple(self.step_loss), tuple(self.epochs), seconds)
            )


def _record(config: TrainingConfig, dataset: Dataset, watch: _Watch) -> Run:
    losses = [loss for _, loss in watch.step_loss]
    majority = np.bincount(dataset.y_train).max() / len(dataset.y_train)
    accuracy = watch.epochs[-1]["accuracy"] if watch.epochs else 0.0
    return Run(
        name="",
        config=config.to_dict(),
        data={
            "source": dataset.source,
            "description": dataset.description,
            "train_images": len(dataset.x_train),
            "validation_images": len(dataset.x_val),
        },
        epochs=tuple(watch.epochs),
        step_loss=tuple(watch.step_loss),
        seconds=time.perf_counter() - watch.started,
        stopped=watch.stop.is_set(),
        verdict=judge(losses, accuracy, majority),
        versions={"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__},
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
