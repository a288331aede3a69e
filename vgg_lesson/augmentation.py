"""Random changes to training images that keep their class, on whole batches inside ``tf.data``."""

import tensorflow as tf

from vgg_lesson.training_config import AUGMENTATIONS

SHIFT = 2
"""Largest shift in pixels, each way."""
CUTOUT = 11
"""Side of the square that is blanked out, in pixels."""


def augment(images: tf.Tensor, names: tuple[str, ...], seed: tf.Tensor) -> tf.Tensor:
    """Apply random changes, drawn anew for each image.

    Args:
        images: (N, H, W, C) float, already preprocessed.
        names: which changes, from ``AUGMENTATIONS``: "flip" mirrors left and right with probability
            1/2; "shift" moves by up to 2 pixels each way, the edge mirrored; "cutout" sets a square
            of 11 x 11 pixels to the batch's mean (DeVries and Taylor, arXiv 1708.04552).
        seed: two integers; equal seeds give equal changes.

    Returns:
        (N, H, W, C), the dtype of ``images``.

    Raises:
        ValueError: an unknown name.
    """
    changes = {"flip": _flip, "shift": _shift, "cutout": _cutout}
    for number, name in enumerate(names):
        if name not in changes:
            raise ValueError(f"augmentation must be one of {AUGMENTATIONS}, received {name!r}")
        images = changes[name](images, seed + [0, number])
    return images


def _uniform(images, seed, below):
    return tf.random.stateless_uniform([tf.shape(images)[0]], seed, 0, below, tf.int32)


def _flip(images, seed):
    mirrored, columns = _uniform(images, seed, 2) == 1, tf.range(images.shape[2])
    # Looked up column by column: to reverse a whole batch and choose takes four times as long.
    return tf.gather(images, tf.where(mirrored[:, None], columns[::-1], columns), axis=2, batch_dims=1)


def _shift(images, seed):
    height, width = images.shape[1], images.shape[2]
    padded = tf.pad(images, [[0, 0], [SHIFT, SHIFT], [SHIFT, SHIFT], [0, 0]], mode="REFLECT")
    top = _uniform(images, seed, 2 * SHIFT + 1)
    left = _uniform(images, seed + [1, 0], 2 * SHIFT + 1)
    rows = tf.gather(padded, top[:, None] + tf.range(height), axis=1, batch_dims=1)
    return tf.gather(rows, left[:, None] + tf.range(width), axis=2, batch_dims=1)


def _cutout(images, seed):
    def inside(size, centre):
        return tf.abs(tf.range(size) - centre[:, None]) <= CUTOUT // 2

    rows = inside(images.shape[1], _uniform(images, seed, images.shape[1]))
    columns = inside(images.shape[2], _uniform(images, seed + [1, 0], images.shape[2]))
    blank = (rows[:, :, None] & columns[:, None, :])[..., None]
    return tf.where(blank, tf.reduce_mean(images, axis=[0, 1, 2]), images)
