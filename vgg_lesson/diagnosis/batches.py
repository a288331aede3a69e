"""Training batches of a subject, as ``fit`` would draw them, with a variation's changes to images and labels."""

import keras
import numpy as np

from vgg_lesson.diagnosis.subject import Labels, Subject
from vgg_lesson.diagnosis.variation import Variation


def augment_batch(augmentation, images: np.ndarray, labels: np.ndarray):
    """Apply the subject's augmentation: a function of images, or of images and labels, or a Keras layer."""
    if isinstance(augmentation, keras.layers.Layer):
        return keras.ops.convert_to_numpy(augmentation(images.astype(np.float32), training=True)), labels
    try:
        changed = augmentation(images)
    except TypeError as first:
        try:
            changed = augmentation(images, labels)
        except TypeError:
            raise first from None
    if isinstance(changed, tuple):
        return np.asarray(changed[0]), np.asarray(changed[1])
    return np.asarray(changed), labels


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


def as_fed(labels: np.ndarray) -> np.ndarray:
    """Labels as a loss gets them in ``fit``: 32-bit floats, class numbers as they are."""
    return labels.astype(np.float32) if labels.dtype in (np.float64, np.float16, np.bool_) else labels
