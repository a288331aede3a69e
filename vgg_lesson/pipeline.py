"""Batches for a training: images looked up, preprocessed and augmented inside ``tf.data``."""

import math

import numpy as np
import tensorflow as tf

from vgg_lesson.augmentation import augment
from vgg_lesson.data import Dataset
from vgg_lesson.preprocessing import ChannelStatistics, fit_statistics, preprocess
from vgg_lesson.training_config import TrainingConfig

# tf.data's tuning thread looks again after 10, 20, 40 ... ms, and the end of an epoch often waits for its next look
# (TensorFlow 2.21): an epoch of 1.6 s then takes 2.56. There is nothing to tune in these pipelines.
_UNTUNED = tf.data.Options()
_UNTUNED.autotune.enabled = False


def statistics_for(dataset: Dataset, config: TrainingConfig) -> ChannelStatistics | None:
    """Statistics of the training images if the preprocessing uses them: they take a look at every pixel."""
    return None if config.preprocessing in ("unit", "raw") else fit_statistics(dataset.x_train)


def require_shared(dataset: Dataset, config: TrainingConfig, replicas: int) -> None:
    """Raise ValueError unless replicas get equal shares of all batches: Keras fails with words about an operation."""
    sizes = config.batch_size, len(dataset.x_train), len(dataset.x_val)
    if any(size % replicas for size in sizes):
        raise ValueError(
            f"batch_size and the numbers of training and validation images must be multiples of the strategy's "
            f"{replicas} replicas, received {sizes[0]}, {sizes[1]:,} and {sizes[2]:,}"
        )


def training_batches(
    dataset: Dataset, config: TrainingConfig, statistics: ChannelStatistics | None = None
) -> tf.data.Dataset:
    """Shuffled, augmented training batches: (B, H, W, 3) float32 and one-hot (B, classes).

    ``statistics``, here and below: what :func:`statistics_for` gives, if that is at hand already.
    """
    count = len(dataset.x_train)
    seeds = tf.data.Dataset.random(seed=config.seed, rerandomize_each_iteration=True).batch(2)
    order = tf.data.Dataset.range(count).shuffle(count, seed=config.seed, reshuffle_each_iteration=True)
    load = _loader(dataset.x_train, dataset.y_train, dataset, config, statistics)

    @tf.autograph.experimental.do_not_convert  # plain operations: nothing to convert, which takes half a second
    def load_and_augment(rows, seed):
        images, targets = load(rows)
        return augment(images, config.augmentation, tf.cast(seed % 2**31, tf.int32)), targets

    batches = tf.data.Dataset.zip((order.batch(config.batch_size), seeds))
    return batches.map(load_and_augment).prefetch(2).with_options(_UNTUNED)


def validation_batches(
    dataset: Dataset, config: TrainingConfig, statistics: ChannelStatistics | None = None
) -> tf.data.Dataset:
    """Validation batches in order, preprocessed as the training images are, not augmented."""
    load = _loader(dataset.x_val, dataset.y_val, dataset, config, statistics)
    size = config.batch_size * math.ceil(128 / config.batch_size)  # replicas that share a batch share these, too
    batches = tf.data.Dataset.range(len(dataset.x_val)).batch(size)
    return batches.map(load).prefetch(2).with_options(_UNTUNED)


def first_images(
    dataset: Dataset, config: TrainingConfig, count: int, statistics: ChannelStatistics | None = None
) -> np.ndarray:
    """The first training images, preprocessed as in the batches: (at most count, H, W, C) float32."""
    return preprocess(dataset.x_train[:count], config.preprocessing, statistics or statistics_for(dataset, config))


def _loader(images, labels, dataset: Dataset, config: TrainingConfig, statistics):
    """Look rows up in uint8 and preprocess them a batch at a time: a quarter of the memory of floats."""
    shape = images.shape[1:]
    # a number for each value of an image: to repeat the three of the channels, TensorFlow takes four times as long
    shift, scale = (
        np.broadcast_to(by_channel, shape).ravel()
        for by_channel in _affine(config.preprocessing, statistics or statistics_for(dataset, config))
    )
    images, labels = tf.constant(images.reshape(len(images), -1)), tf.constant(labels)

    @tf.autograph.experimental.do_not_convert
    def load(rows):
        batch = tf.cast(tf.gather(images, rows), tf.float32)
        batch = tf.reshape(batch * scale + shift, [-1, *shape])
        return batch, tf.one_hot(tf.gather(labels, rows), len(dataset.class_names))

    return load


def _affine(how: str, statistics) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale per channel of a preprocessing, read off from what it does to 0 and 255."""
    ends = np.array([0, 255], np.uint8).repeat(3).reshape(2, 1, 1, 3)
    low, high = preprocess(ends, how, statistics).reshape(2, 3)
    return low, (high - low) / 255
