"""Signs of batch normalisation's stored statistics."""

import keras
import numpy as np

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.facts.answers import forward, share_right
from vgg_lesson.diagnosis.facts.batches import prepared
from vgg_lesson.diagnosis.subject import Subject


def norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The batch normalisations of a model, wherever they are inside."""
    return cloning.batch_norms(cloning.leaves(model))


def accuracy_with_new_statistics(subject: Subject, model: keras.Model, count: int = 256) -> float:
    """Accuracy at inference once batch norm's stored statistics are those of one batch of training images.

    The weights and statistics of ``model`` (a copy of ours) are put back afterwards.
    """
    rows = subject.sample(count)
    images, classes = prepared(subject, rows).astype(np.float32), subject.labels.classes[rows]
    kept = model.get_weights()
    momenta = [(layer, layer.momentum, layer.trainable) for layer in norms(model)]
    try:
        for layer, *_ in momenta:
            layer.momentum, layer.trainable = 0.0, True
        forward(model, images, True)
        outputs = forward(model, images, False)
    finally:
        for layer, momentum, trainable in momenta:
            layer.momentum, layer.trainable = momentum, trainable
        model.set_weights(kept)
    return share_right(outputs, classes)
