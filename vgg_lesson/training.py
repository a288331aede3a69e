"""Training: a configuration and a data set in, an ordinary Keras model and its record out."""

import platform
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import NamedTuple

import keras
import tensorflow as tf

from vgg_lesson.architecture import build_vgg
from vgg_lesson.baselines import majority_share
from vgg_lesson.data import Dataset
from vgg_lesson.environment import cores
from vgg_lesson.optimizers.kernel_muon import KernelMuon
from vgg_lesson.optimizers.one_device import on_one_device
from vgg_lesson.pipeline import first_images, require_shared, statistics_for, training_batches, validation_batches
from vgg_lesson.progress import Progress, Stopped, Watch
from vgg_lesson.random_states import untouched_randomness
from vgg_lesson.run_record import Run, judge, thinned
from vgg_lesson.speed.acceleration import accelerate
from vgg_lesson.speed.fused_adam import fuse_adam
from vgg_lesson.speed.several_steps import several_steps
from vgg_lesson.starting_weights import SAMPLE, add_whitening_layer, start_as_identity, whiten_first_layer
from vgg_lesson.training_config import NOT_DECAYED, TrainingConfig


class Trained(NamedTuple):
    """What :func:`train` returns: the trained ``keras.Model`` and the :class:`Run` of it."""

    model: keras.Model
    run: Run


def build_model(
    config: TrainingConfig, *, steps_per_epoch: int, input_shape=(32, 32, 3), classes: int = 10, images=None
) -> keras.Model:
    """Build and compile the model of a configuration.

    Args:
        config: the choices.
        steps_per_epoch: needed by the schedules of the learning rate.
        input_shape, classes: as for :func:`vgg_lesson.architecture.build_vgg`.
        images: (N, H, W, C) preprocessed training images, a few thousand; needed by the starts that whiten.

    Returns:
        A compiled ``keras.Model``; its targets are one-hot rows, as in the lecture. Its dtype policy is the
        configuration's, whatever Keras's global one is.

    Raises:
        ValueError: a start that needs images, and none are given.
    """
    with _dtype_policy(config.dtype_policy):
        return _built(config, steps_per_epoch, input_shape, classes, images)


@contextmanager
def _dtype_policy(name: str):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _built(config: TrainingConfig, steps_per_epoch: int, input_shape, classes: int, images) -> keras.Model:
    if config.whitening and images is None:
        raise ValueError(f"the start {config.whitening!r} needs images, received None")
    model = build_vgg(
        config.configuration,
        input_shape=config.body_shape(input_shape),
        classes=classes,
        width=config.width,
        head=config.head,
        initializer=config.initializer,
        batch_norm=config.batch_norm,
        batch_norm_momentum=config.batch_norm_momentum,
        dropout=config.dropout,
        blocks=config.blocks,
        filters=config.filters,
        seed=config.seed,
    )
    if config.whitening == "whitening":
        whiten_first_layer(model, images)
    if config.whitening == "whitening_layer":
        model = add_whitening_layer(model, images)
    if "identity" in config.start:
        start_as_identity(model)
    optimizer = on_one_device(fuse_adam(_optimizer(config, steps_per_epoch * config.epochs)))
    if config.dtype_policy == "mixed_float16":  # else Keras does it, but not when the saved model is loaded
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        # Not "accuracy": Keras would make its variables within the first step, which is then traced a second time.
        metrics=[keras.metrics.CategoricalAccuracy("accuracy")],
        jit_compile=False,  # XLA halves the speed of convolutions on a CPU
    )
    # Made now rather than inside the first step, where each of Adam's variables costs a traced graph.
    model.optimizer.build(model.trainable_variables)
    return accelerate(model)


def _optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    rate = config.learning_rate
    if config.schedule == "linear":
        rate = keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=0.0)
    elif config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    elif config.schedule == "one_cycle":
        warm_up = max(1, steps // 4)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 10, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
        )
    decay = config.weight_decay or None
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, weight_decay=decay)
    elif config.optimizer == "muon":
        optimizer = KernelMuon(
            rate, momentum=config.momentum, weight_decay=decay, adam_weight_decay=decay, ns_dtype=config.ns_dtype
        )
    else:
        optimizer = keras.optimizers.SGD(
            rate, momentum=config.momentum, nesterov=config.momentum > 0, weight_decay=decay
        )
    if decay:
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
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

    Equal configurations give equal numbers, also in two threads at a time; the random states of Python, NumPy and
    TensorFlow stay as they are.

    Args:
        config: the choices.
        dataset: images as uint8 (N, H, W, 3), labels as class numbers.
        stop: set it from another thread to stop within a batch (a few where they are small, see
            :mod:`vgg_lesson.speed.several_steps`), also during validation. Callbacks then get no ``on_train_end``.
        on_progress: called from this thread, at most four times a second, after every epoch, and at
            the end.
        strategy: a ``tf.distribute`` strategy to build the model under; the same one for every training.
        callbacks: further Keras callbacks; they are called after every step.

    Returns:
        The trained model and its :class:`Run`. The run of a stopped training holds the epochs
        that were finished.

    Raises:
        ValueError: no training or no validation images, or sizes that a strategy's replicas cannot share.
    """
    model, batches, validation = prepared(config, dataset, strategy)
    steps_per_epoch = config.steps_per_epoch(len(dataset.x_train))
    watch = Watch(steps_per_epoch, config.epochs, stop or threading.Event(), on_progress)
    steps = several_steps(model, config.batch_size, steps_per_epoch, config.epochs)
    with suppress(Stopped), nullcontext() if strategy or callbacks else steps:
        model.fit(
            batches,
            validation_data=validation,
            epochs=config.epochs,
            verbose=0,
            shuffle=False,  # the batches are shuffled already, and Keras warns
            callbacks=[watch, *callbacks],
        )
    return Trained(model, _record(config, dataset, watch))


def prepared(
    config: TrainingConfig, dataset: Dataset, strategy: tf.distribute.Strategy | None = None
) -> tuple[keras.Model, tf.data.Dataset, tf.data.Dataset]:
    """What a training starts from: the compiled model, training batches and validation batches.

    Equal configurations give equal weights and batches, whatever other threads draw meanwhile.

    Raises:
        TypeError: no :class:`TrainingConfig`, or no :class:`Dataset`.
        ValueError: no training or no validation images, or sizes that a strategy's replicas cannot share.
    """
    for name, given, kind in (("config", config, TrainingConfig), ("dataset", dataset, Dataset)):
        if not isinstance(given, kind):
            raise TypeError(f"{name} must be a {kind.__name__}, received a {type(given).__name__}")
    for name, images in (("training", dataset.x_train), ("validation", dataset.x_val)):
        if not len(images):
            raise ValueError(f"a training needs at least one {name} image, received {dataset!r}")
    require_shared(dataset, config, strategy.num_replicas_in_sync if strategy else 1)
    statistics = statistics_for(dataset, config)  # once, and before others wait for the lock
    with untouched_randomness(config.seed), strategy.scope() if strategy else nullcontext():
        model = build_model(
            config,
            steps_per_epoch=config.steps_per_epoch(len(dataset.x_train)),
            input_shape=dataset.x_train.shape[1:],
            classes=len(dataset.class_names),
            images=first_images(dataset, config, SAMPLE, statistics) if config.whitening else None,
        )
        return model, training_batches(dataset, config, statistics), validation_batches(dataset, config, statistics)


def _record(config: TrainingConfig, dataset: Dataset, watch: Watch) -> Run:
    losses = [loss for _, loss in watch.step_loss]
    accuracy = watch.epochs[-1]["accuracy"] if watch.epochs else None
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
        epoch_seconds=tuple(watch.epoch_seconds),
        step_loss=thinned(watch.step_loss),
        seconds=time.perf_counter() - watch.started,
        stopped=len(watch.epochs) < config.epochs,  # also by a callback such as EarlyStopping
        verdict=judge(losses, accuracy, majority_share(dataset.y_train)),
        versions={
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
        cores=cores(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
