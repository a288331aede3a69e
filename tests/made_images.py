"""Small sets of images made up for tests."""

import numpy as np

from vgg_lesson.data import CLASS_NAMES, Dataset


def noise(images: int = 160, seed: int = 0) -> Dataset:
    """Random images with balanced labels: enough to turn the wheels, nothing to learn."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 256, (images, 32, 32, 3), np.uint8)
    y = np.arange(images) % 10
    return _dataset(x, y)


def plain_colours(images: int = 320, seed: int = 0) -> Dataset:
    """One brightness a class, slightly noisy: learned within a few dozen steps."""
    random = np.random.default_rng(seed)
    y = np.arange(images) % 10
    x = 20 + 23 * y[:, None, None, None] + random.integers(-8, 9, (images, 32, 32, 3))
    return _dataset(x.astype(np.uint8), y)


def _dataset(x, y) -> Dataset:
    parts = (x, y, x[:40], y[:40], x[:40], y[:40])
    return Dataset(*parts, class_names=CLASS_NAMES, source="sketches", description="made up")
