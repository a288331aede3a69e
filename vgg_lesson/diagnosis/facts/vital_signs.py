"""Vital signs: numbers measured on a network, before anyone judges them."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import arguments, cloning
from vgg_lesson.diagnosis.facts.answers import answered, better_share, logit_spread, share_right
from vgg_lesson.diagnosis.facts.batches import as_fed, prepared
from vgg_lesson.diagnosis.facts.loss_and_output import loss_function
from vgg_lesson.diagnosis.subject import Subject

BATCH = 64
"""Images that vital signs are measured on: a standard deviation over 64 is good to 9%."""

ALIKE, DIFFERENT = 1e-6, 1e-3
"""Spread over size, or over the spread one layer before, of outputs that are the same but for rounding; over size, of
outputs that clearly differ between images."""


@dataclass(frozen=True)
class InputSigns:
    """Numbers that go into a network or a kernel.

    Attributes:
        size: root mean square. mean, deviation: over everything.
        spread: standard deviation over the images, mean over places.
    """

    size: float
    mean: float
    deviation: float
    spread: float


@dataclass(frozen=True)
class LayerSigns:
    """Signs of one layer on one batch.

    Attributes:
        name, kind: of the layer.
        spread: standard deviation of the outputs over the images, mean over units: the part of the
            signal that depends on the image (Poole et al., arXiv 1606.05340, follow the same
            quantity through depth).
        size: root mean square of the outputs.
        silent_units: share of units (channels, or dense units) that are exactly 0 for every image and
            place; NaN where the layer gives negative values, so is no ReLU.
        finite: no NaN or infinity in the outputs.
        inputs: what goes in; only for layers with weights, else None.
        weights: True for a layer with a kernel.
        acts_in_training_only: True for a layer without kernels that passes images on unchanged at
            inference but not in training: dropout, noise, random augmentation.
    """

    name: str
    kind: str
    spread: float
    size: float
    silent_units: float
    finite: bool
    inputs: InputSigns | None
    weights: bool
    acts_in_training_only: bool


def through_the_layers(model: keras.Model, images: np.ndarray) -> tuple[LayerSigns, ...]:
    """Run a batch through ``model`` and measure every layer on the way.

    Batch normalisation works with the batch's own statistics, as in training; dropout and noise
    are off, for they would look like signal.

    Args:
        model: a copy of our own; its layers' ``call`` is wrapped for the time of the measurement.
        images: (N, ...) float32.
    """
    signs, kept = [], [weight.numpy() for weight in model.weights]

    def measured(layer):
        original = layer.call

        def call(inputs, *args, **kwargs):
            has_kernel = any(len(w.shape) >= 2 for w in layer.weights)
            in_training = kwargs.get("training")
            if not layer.weights and "training" in kwargs:
                kwargs["training"] = False
            outputs = original(inputs, *args, **kwargs)
            if not tf.is_tensor(outputs) or len(outputs.shape) < 2 or not outputs.dtype.is_floating:
                return outputs
            only_training = False
            if not has_kernel and in_training is not None and _acts_in_training(layer):
                only_training = True
            signs.append(_layer_signs(layer, inputs, outputs, has_kernel, only_training))
            return outputs

        return call

    try:
        with cloning.other_calls([(layer, measured(layer)) for layer in cloning.leaves(model)]):
            model(tf.constant(images), training=True)
    finally:
        model.set_weights(kept)  # batch norm's moving statistics moved
    return tuple(signs)


def _acts_in_training(layer) -> bool:
    """Compare training with inference on a picture of noise, for layers without weights."""
    if layer.weights and any(len(w.shape) for w in layer.trainable_weights):
        return False
    shape = getattr(getattr(layer, "input", None), "shape", None)
    if shape is None or any(side is None for side in shape[1:]):
        return False
    noise = tf.constant(np.random.default_rng(0).uniform(0, 1, (4, *shape[1:])), tf.float32)
    call = type(layer).call
    try:
        return not np.allclose(call(layer, noise, training=True), call(layer, noise, training=False))
    except TypeError:
        return False  # it does not ask whether it trains


def _layer_signs(layer, inputs, outputs, has_kernel, only_training) -> LayerSigns:
    values = tf.cast(outputs, tf.float32)
    axes = list(range(len(values.shape) - 1))
    lowest = float(tf.reduce_min(values))
    zero = tf.reduce_max(tf.abs(values), axis=axes) == 0
    return LayerSigns(
        name=layer.name,
        kind=type(layer).__name__,
        spread=float(tf.reduce_mean(tf.math.reduce_std(values, axis=0))),
        size=float(tf.sqrt(tf.reduce_mean(tf.square(values)))),
        silent_units=float(tf.reduce_mean(tf.cast(zero, tf.float32))) if lowest >= 0 else float("nan"),
        finite=bool(tf.reduce_all(tf.math.is_finite(values))),
        inputs=_input_signs(tf.cast(inputs, tf.float32)) if has_kernel and tf.is_tensor(inputs) else None,
        weights=has_kernel,
        acts_in_training_only=only_training,
    )


def _input_signs(values) -> InputSigns:
    size, spread = tf.sqrt(tf.reduce_mean(tf.square(values))), tf.reduce_mean(tf.math.reduce_std(values, axis=0))
    return InputSigns(*map(float, (size, tf.reduce_mean(values), tf.math.reduce_std(values), spread)))


@dataclass(frozen=True)
class NetworkSigns:
    """Signs of a whole network on one batch of training images.

    Attributes:
        layers: see :class:`LayerSigns`.
        fed: the images as they go in. first_input: what reaches the first kernel. Both None where not known.
        shrinkage: spread behind the last hidden kernel over spread behind the first: 1/400 for a
            Glorot VGG16, about 1 for He (see He et al., arXiv 1502.01852, section 2.2).
        logit_spread: mean over classes of the standard deviation over images of the logits.
        loss: data loss in inference mode without penalties.
        penalty: what the penalties add to the loss.
        accuracy: share of right answers, inference mode. training_accuracy: with batch statistics.
        training_loss: as ``loss``, with batch statistics, without dropout.
    """

    layers: tuple[LayerSigns, ...]
    fed: InputSigns | None
    first_input: InputSigns | None
    shrinkage: float
    logit_spread: float
    loss: float
    penalty: float
    accuracy: float
    training_loss: float
    training_accuracy: float

    @property
    def silent_units(self) -> float:
        """Largest share of units that are zero for every image, over all layers."""
        shares = [layer.silent_units for layer in self.layers if np.isfinite(layer.silent_units)]
        return max(shares, default=0.0)

    @property
    def blocked_at(self) -> LayerSigns | None:
        """The layer behind which all images are alike, at one stroke and past any shortcut; None without one."""
        for at, (before, layer) in enumerate(zip((self.fed, *self.layers), self.layers, strict=False)):
            if before is not None and before.spread >= DIFFERENT * before.size > 0:
                later = self.layers[at:]
                if all(each.spread <= ALIKE * max(each.size, before.spread) for each in later):
                    return layer
        return None


def given_accuracy(subject: Subject, model: keras.Model, images: np.ndarray, classes: np.ndarray) -> float:
    """Share of right answers of the weights as given, with the stored statistics or a batch's, whichever is better.

    ``model`` is a copy of ours; its weights are put back.
    """
    kept = model.get_weights()
    model.set_weights(subject.model.get_weights())
    share = better_share(model, images, classes)
    model.set_weights(kept)
    return share


def shrinkage(layers) -> float:
    """Spread behind the last hidden kernel over spread behind the first; 1 with a single kernel."""
    spreads = [layer.spread for layer in layers if layer.weights]
    first = next((spread for spread in spreads if spread > 0), 0.0)
    last = spreads[-2] if len(spreads) > 1 else first
    return last / first if first else 0.0


def network_signs(
    subject: Subject, model: keras.Model, count: int = 4 * BATCH, *, loss_works: bool = True
) -> NetworkSigns:
    """Measure ``model`` (a copy of ours) on up to ``count`` training images of the subject.

    Without ``loss_works`` the loss is not asked, and is NaN in what is returned.
    """
    rows = subject.sample(count)
    images = prepared(subject, rows).astype(np.float32)
    labels, classes = subject.labels.given[rows], subject.labels.classes[rows]
    layers = through_the_layers(model, images[:BATCH])
    kept = model.get_weights()
    results, loss = {}, loss_function(subject.model) if loss_works else None
    normalises = bool(cloning.layers_with_statistics(model))
    for mode in (False, True) if normalises else (False,):
        outputs = answered(model, images, mode)
        model.set_weights(kept)
        right = share_right(outputs, classes) if outputs.ndim == 2 else np.nan
        results[mode] = np.nan, right, outputs
        if loss is None:
            continue
        asked = tf.constant(as_fed(labels)), tf.constant(outputs)
        with arguments.named("the loss"):
            results[mode] = float(loss(*asked)), right, outputs
            if not subject.model.run_eagerly:  # as in fit: some losses raise in a graph only
                tf.function(lambda y, p: loss(y, p), autograph=False, jit_compile=False).get_concrete_function(*asked)
    results.setdefault(True, results[False])
    hidden = [layer for layer in layers if layer.weights]
    return NetworkSigns(
        layers=layers,
        fed=_input_signs(tf.constant(images[:BATCH])),
        first_input=hidden[0].inputs if hidden else None,
        shrinkage=shrinkage(layers),
        logit_spread=float(logit_spread(tf.constant(results[False][2]))),
        loss=results[False][0],
        penalty=float(tf.add_n(model.losses)) if model.losses else 0.0,
        accuracy=results[False][1],
        training_loss=results[True][0],
        training_accuracy=results[True][1],
    )
