"""Training batches of a subject, as ``fit`` would draw them, with a variation's changes to images and labels."""

import numpy as np

from vgg_lesson.diagnosis import arguments
from vgg_lesson.diagnosis.subject import Labels, Subject
from vgg_lesson.diagnosis.variation import Variation

BATCH = 64
"""Images augmented at a time, where images are measured and not trained on."""
SCALE, SHIFT, ALIKE = 3, 1, 0.5
"""An augmentation prepares images when it changes their spread by this factor, or moves their mean by so many spreads,
and an image's brightness still goes with what it was: a correlation that 64 images show by chance once in 80,000."""


def augment_batch(augmentation, images: np.ndarray, labels: np.ndarray):
    """Apply the subject's augmentation: a function of images, or of images and labels.

    Raises:
        arguments.PartRaises: whatever the augmentation raises, or it returns images and labels of different number.
    """
    with arguments.named("the augmentation"):
        try:
            changed = augmentation(images)
        except TypeError as first:
            try:
                changed = augmentation(images, labels)
            except TypeError:
                raise first from None
    x, y = changed if isinstance(changed, tuple) else (changed, labels)
    x, y = np.asarray(x), y if y is labels else np.asarray(y)
    if len(x) != len(y):
        raise arguments.PartRaises(f"the augmentation returns {len(x)} images for {len(y)} labels")
    return x, y


def prepares(subject: Subject, rows: np.ndarray) -> bool:
    """Whether the augmentation also brings the images to another scale, as a Rescaling layer in it does."""
    if subject.augmentation is None:
        return False
    rows = rows[:BATCH]
    images = subject.images[rows]
    try:
        changed, _ = augment_batch(subject.augmentation, images.copy(), subject.labels.given[rows])
    except arguments.PartRaises:  # told where a training needs it
        return False
    if len(changed) != len(images):
        return False
    before, after = (np.asarray(part, np.float32).reshape(len(part), -1) for part in (images, changed))
    with np.errstate(all="ignore"):
        alike = np.corrcoef(before.mean(axis=1), after.mean(axis=1))[0, 1] > ALIKE
        ratio = after.std() / before.std()
        shift = abs(after.mean() - before.mean()) / before.std()
    return bool(alike and (ratio > SCALE or ratio < 1 / SCALE or shift > SHIFT))


def prepared(subject: Subject, rows: np.ndarray) -> np.ndarray:
    """Training images on the scale on which the network gets them: augmented where the augmentation is what scales."""
    if not prepares(subject, rows):
        return subject.images[rows]
    labels = subject.labels.given
    parts = pieces(rows, BATCH)
    changed = [augment_batch(subject.augmentation, subject.images[part], labels[part])[0] for part in parts]
    return np.concatenate(changed).astype(np.float32)


def pieces(array: np.ndarray, size: int):
    """Images, or positions of some, so many at a time, without a copy."""
    return (array[start : start + size] for start in range(0, len(array), size))


def batches(subject: Subject, variation: Variation, batch: int, statistics=None):
    """Endless training batches of equal size: (images float32, labels, class numbers int64)."""
    images, labels = subject.training_part()
    count = len(images)
    rng = np.random.default_rng([subject.seed, variation.seed])
    order = np.arange(count)
    if variation.permute_labels:
        mixed = rng.permutation(count)
        labels = Labels(labels.given[mixed], labels.classes[mixed], labels.one_hot)
    handful = rng.permutation(count)[:batch]
    while True:
        if subject.shuffle:
            rng.shuffle(order)
        for first in range(0, count - batch + 1, batch):
            rows = handful if variation.one_batch else order[first : first + batch]
            x, y = images[rows], labels.given[rows]
            if variation.augment and subject.augmentation is not None:
                x, y = augment_batch(subject.augmentation, x, y)
            x = np.asarray(x, np.float32)
            if variation.scale_inputs and statistics is not None:
                x = ((x - statistics[0]) / statistics[1]).astype(np.float32)
            yield x, as_fed(y), labels.classes[rows]


def pictures(images: np.ndarray, channels_first: bool = False) -> np.ndarray:
    """(N, height, width, channels) 32-bit floats without NaN; of a flat image, the values are one pixel's channels."""
    x = np.nan_to_num(np.asarray(images, np.float32))
    x = np.moveaxis(x, 1, -1) if channels_first and x.ndim == 4 else x
    return x[:, None, None] if x.ndim == 2 else x[..., None] if x.ndim == 3 else x


def in_blocks(x: np.ndarray, side: int, *, averaged: bool) -> np.ndarray:
    """Pictures of at most this height and width: blocks of pixels become one, by their mean or as its channels."""
    down, across = (-(-length // side) for length in x.shape[1:3])
    height, width = x.shape[1] // down, x.shape[2] // across
    x = x[:, : height * down, : width * across].reshape(len(x), height, down, width, across, x.shape[-1])
    return x.mean(axis=(2, 4)) if averaged else x.transpose(0, 1, 3, 2, 4, 5).reshape(len(x), height, width, -1)


def as_fed(labels: np.ndarray) -> np.ndarray:
    """Labels as a loss gets them in ``fit``: 32-bit floats, class numbers as they are."""
    return labels.astype(np.float32) if labels.dtype in (np.float64, np.float16, np.bool_) else labels
