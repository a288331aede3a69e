"""What a network looks at: feature maps and Grad-CAM, for Sequential and functional Keras models with convolutions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.outputs import Outputs
from vgg_lesson.random_states import untouched_randomness, without_seeds
from vgg_lesson.whole import is_whole

Prepare = Callable[[np.ndarray], np.ndarray]


class Network(NamedTuple):
    """A network to look into: ``model``, its ``outputs`` with images, and how it ``prepare``s uint8 images."""

    model: keras.Model
    outputs: Outputs
    prepare: Prepare


def map_layers(model: keras.Model) -> list[str]:
    """Names of the layers with feature maps (outputs of shape (H, W, channels)), first to last.

    Raises:
        ValueError: the model has none, or is neither Sequential nor functional, or not built.
    """
    known = isinstance(model, keras.Sequential) or hasattr(model, "operations")  # which functional ones have
    if not known or not model.built:
        raise ValueError(f"model must be a built Sequential or functional model, received {type(model).__name__}")
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    names = [layer.name for layer in layers if len(layer.output.shape) == 4]
    if not names:
        raise ValueError(f"model {model.name!r} has no layer with feature maps (H, W, channels)")
    return names


def last_convolution(model: keras.Model) -> str:
    """Name of the last layer that still has the size of the last convolution: the usual choice for Grad-CAM.

    With batch norm this is the ReLU after the convolution, so that the maps are what the next layer sees; where the
    pooling comes before batch norm, as in the headline model, it is the convolution itself.

    Raises:
        ValueError: the model has no convolution.
    """
    layers = [model.get_layer(name) for name in map_layers(model)]
    places = [place for place, layer in enumerate(layers) if isinstance(layer, keras.layers.Conv2D)]
    if not places:
        raise ValueError(
            f"model {model.name!r} has no Conv2D among its own layers; name one of its layers with maps: "
            f"{[layer.name for layer in layers]}"
        )
    size = layers[places[-1]].output.shape[1:3]
    return [layer.name for layer in layers[places[-1] :] if layer.output.shape[1:3] == size][-1]


def layer_of_each_size(model: keras.Model) -> list[str]:
    """Name of the last layer of each map size above 1 x 1, first to last: in a VGG the end of each block."""
    sizes = {name: tuple(model.get_layer(name).output.shape[1:3]) for name in map_layers(model)}
    return list({size: name for name, size in sizes.items() if size != (1, 1)}.values())


def feature_maps(model: keras.Model, image: np.ndarray, layer: str) -> np.ndarray:
    """What one layer gives for one image.

    Args:
        model: a built Sequential or functional model.
        image: (H, W, C) float, preprocessed as in training.
        layer: a name from :func:`map_layers`.

    Returns:
        (H', W', channels) float32.
    """
    image = np.asarray(image)
    _check(model, image, layer)
    return np.asarray(_run(model, image[None], layer)[0])[0]


@dataclass(frozen=True)
class GradCam:
    """A Grad-CAM map and what the network said.

    Attributes:
        layer: whose maps were weighted.
        heat: (H', W') float32, at least 0, in the layer's resolution: where evidence for ``target`` was found.
        target: the class that was asked about.
        probabilities: (classes,) the network's output for the image.
    """

    layer: str
    heat: np.ndarray
    target: int
    probabilities: np.ndarray


def grad_cam(model: keras.Model, image: np.ndarray, layer: str | None = None, target: int | None = None) -> GradCam:
    """Where a layer saw evidence for a class.

    Each map of the layer is weighted by the mean gradient of the class's score before the softmax with respect to
    it; of the weighted sum the positive part is kept (Selvaraju et al., arXiv 1610.02391, equations 1 and 2).

    Args:
        model: a Keras classifier whose last layer is a Dense or softmax layer.
        image: (H, W, C) float, preprocessed as in training.
        layer: a name from :func:`map_layers`; by default that of :func:`last_convolution`.
        target: class number; by default the predicted class.

    Raises:
        ValueError: no such image or class; ``layer`` is none or the last; the score before the softmax is unknown.
    """
    return grad_cams(model, np.asarray(image)[None], layer, target)[0]


def grad_cams(model: keras.Model, images: np.ndarray, layer=None, target=None) -> list[GradCam]:
    """:func:`grad_cam` of (N, H, W, C) images at once: at inference none has to do with another one's score."""
    layer = layer or last_convolution(model)
    _check(model, images[0], layer)
    to_scores = _scores_of(model.layers[-1])
    if layer == model.layers[-1].name:
        raise ValueError(f"layer must come before the last one, whose output the score is made of, received {layer!r}")
    images = tf.convert_to_tensor(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)  # frozen weights alone would leave the tape empty
        maps, before_last = _run(model, images, layer)
        scores = to_scores(before_last)
        classes = scores.shape[1]
        if target is not None and not (is_whole(target, 0) and target < classes):
            raise ValueError(f"target must be a class number in 0 .. {classes - 1}, received {target!r}")
        targets = np.argmax(scores, axis=1) if target is None else np.full(len(images), target)
        score = tf.gather(scores, targets, batch_dims=1)
    gradients, maps = (tf.cast(each, tf.float32) for each in (tape.gradient(score, maps), maps))  # may have 16 bits
    heats = np.asarray(tf.nn.relu(tf.einsum("nhwc,nc->nhw", maps, tf.reduce_mean(gradients, axis=(1, 2)))))
    found = zip(heats, targets, np.asarray(tf.nn.softmax(scores)), strict=True)
    return [GradCam(layer, heat, int(its_target), probabilities) for heat, its_target, probabilities in found]


def class_probabilities(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """(N, classes), of (N, H, W, C) preprocessed images; ``model`` as for :func:`grad_cam`."""
    return np.asarray(tf.nn.softmax(_scores_of(model.layers[-1])(_run(model, images, map_layers(model)[0])[1])))


def enlarge(heat: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map (H', W') at the size (height, width), bilinear."""
    return np.asarray(tf.image.resize(heat[..., None], (height, width), "bilinear"))[..., 0]


def with_fresh_weights(model: keras.Model, seed: int = 0) -> keras.Model:
    """The same network before training, without a ``TrainingConfig.start``: new random weights, for comparison.

    A way of explaining that gives the same maps for it does not explain what was learned
    (Adebayo et al., arXiv 1810.03292).
    """
    with untouched_randomness(seed):
        return keras.models.clone_model(model, clone_function=_drawn_anew)


def _drawn_anew(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer again, its initialisers without seeds of their own: those would give the same weights each time."""
    return type(layer).from_config(without_seeds(layer.get_config()))


def _run(model: keras.Model, images, layer: str) -> tuple[tf.Tensor, tf.Tensor]:
    """The output of a layer, and what the last layer receives, for (N, H, W, C) images, at inference."""
    if not isinstance(model, keras.Sequential):
        part = keras.Model(model.inputs[0], [model.get_layer(layer).output, model.layers[-1].input])
        return part(images, training=False)
    # A Sequential that grew by add() rebuilds its graph at every step, and ``layer.output`` is that of
    # the first graph: a model made of such outputs computes both results, but not one from the other.
    values = tf.convert_to_tensor(images, tf.float32)
    for step in model.layers:
        before, values = values, step(values)  # a layer that is called by itself is at inference
        if step.name == layer:
            maps = values
    return maps, before


def _scores_of(last: keras.layers.Layer):
    """A function from the last layer's input to the class scores before the softmax, in full precision."""

    def as_they_are(inputs):
        return tf.cast(inputs, tf.float32)

    if isinstance(last, keras.layers.Softmax):
        return as_they_are
    activation = getattr(last, "activation", None)
    if activation in (keras.activations.softmax, keras.activations.linear):
        if isinstance(last, keras.layers.Activation):
            return as_they_are
        if isinstance(last, keras.layers.Dense):
            return lambda inputs: (
                as_they_are(inputs) @ tf.convert_to_tensor(last.kernel) + (last.bias if last.use_bias else 0.0)
            )
    its = f" with {activation.__name__}" if hasattr(activation, "__name__") else ""
    raise ValueError(
        "the last layer must be Dense, Activation or Softmax with a softmax or linear output, received "
        f"{type(last).__name__} {last.name!r}{its}"
    )


def _check(model: keras.Model, image: np.ndarray, layer: str) -> None:
    if layer not in map_layers(model):
        raise ValueError(f"layer must be one of {map_layers(model)}, received {layer!r}")
    shape = tuple(model.input_shape[1:])
    fits = len(image.shape) == len(shape) and all(
        want in (None, got) for want, got in zip(shape, image.shape, strict=True)
    )
    if not fits or not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"image must be preprocessed, {shape} float, received {image.shape} {image.dtype}")
