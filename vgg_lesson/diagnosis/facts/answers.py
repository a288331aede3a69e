"""What a batch of answers says: classes, right ones, and how much they depend on the image."""

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.facts.batches import BATCH, pieces


def predicted_classes(outputs):
    """(N,) class of each output row; a single output counts as yes above 1/2 (a probability) or above 0 (any value)."""
    outputs = tf.reshape(tf.cast(outputs, tf.float32), [tf.shape(outputs)[0], -1])  # under mixed precision, 16 bits
    if outputs.shape[-1] == 1:
        probability = tf.reduce_all((outputs >= 0) & (outputs <= 1))
        return tf.cast(outputs[:, 0] > tf.where(probability, 0.5, 0.0), tf.int64)
    return tf.argmax(outputs, axis=1)


def right_answers(outputs, classes):
    """(N,) whether each row is right; the two classes of a single output are 0 and 1, or -1 and 1."""
    if outputs.shape[-1] == 1:
        classes = tf.cast(classes > 0, tf.int64)
    return predicted_classes(outputs) == classes


def correct_answers(outputs, classes):
    if outputs.shape[0] != classes.shape[0]:
        return tf.constant(0)
    return tf.reduce_sum(tf.cast(right_answers(outputs, classes), tf.int32))


def share_right(outputs, classes: np.ndarray) -> float:
    """Accuracy of rows of outputs."""
    return float(np.mean(right_answers(outputs, classes)))


def logit_spread(outputs):
    """How much the answer depends on the image: mean over classes of the standard deviation over images.

    Probabilities are turned back into logits first (logarithm, mean over the classes taken off),
    for a softmax hides how far apart its inputs are.
    """
    outputs = tf.reshape(tf.cast(outputs, tf.float32), [tf.shape(outputs)[0], -1])
    probability = tf.reduce_all((outputs >= 0) & (outputs <= 1))
    logits = tf.where(probability, tf.math.log(tf.maximum(outputs, 1e-12)), outputs)
    if outputs.shape[-1] is not None and outputs.shape[-1] > 1:
        logits -= tf.reduce_mean(logits, axis=1, keepdims=True)
    return tf.reduce_mean(tf.math.reduce_std(logits, axis=0))


def answered(model, images: np.ndarray, batch_statistics: bool = False) -> np.ndarray:
    """Answers to any number of images, a batch at a time; see :func:`forward`."""
    parts = (part.astype(np.float32, copy=False) for part in pieces(images, BATCH))
    return np.concatenate([forward(model, part, batch_statistics) for part in parts])


def better_share(model, images: np.ndarray, classes: np.ndarray) -> float:
    """Accuracy with the stored statistics or a batch's, whichever is better; see :func:`shares_right`."""
    return max(shares_right(model, images, classes))


def shares_right(model, images: np.ndarray, classes: np.ndarray) -> list[float]:
    """Accuracy with the stored statistics, then, if it has any, with a batch's; weights are as they were afterwards."""
    kept, shares = model.get_weights(), []
    for batch_statistics in (False, True) if cloning.layers_with_statistics(model) else (False,):
        shares.append(share_right(answered(model, images, batch_statistics), classes))
        model.set_weights(kept)
    return shares


def forward(model, images, batch_statistics: bool) -> np.ndarray:
    """Answers at inference; with ``batch_statistics`` batch norm works as in training, dropout stays off."""
    if not batch_statistics:
        return model(tf.constant(images), training=False).numpy()

    with chance_off(model):
        return model(tf.constant(images), training=True).numpy()


def chance_off(model: keras.Model):
    """Inside, layers without weights, as dropout and noise, work as at inference also where the model trains."""

    def silenced(layer):
        def call(*args, **kwargs):
            kwargs["training"] = False
            return type(layer).call(layer, *args, **kwargs)

        return call

    silent = [
        layer
        for layer in cloning.leaves(model)
        if not any(len(w.shape) for w in layer.weights) and layer._call_has_training_arg
    ]
    return cloning.other_calls([(layer, silenced(layer)) for layer in silent])
