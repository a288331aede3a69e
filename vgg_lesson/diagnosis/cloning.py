"""Copies of a model with one thing changed, and with fresh weights from a seed."""

from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras.src.models.functional import Functional

from vgg_lesson.diagnosis.rebuilding import Borrowed, CannotRebuild, configuration, remade
from vgg_lesson.optimizers.fresh import fresh_optimizer
from vgg_lesson.random_states import untouched_randomness, without_seeds
from vgg_lesson.speed.acceleration import accelerate

NO_COPY = (NotImplementedError, TypeError, ValueError)
"""What a model or layer of somebody else may raise when it is copied."""
PENALTIES = ("regularizer", "constraint")
"""How the names end by which a layer's configuration calls its penalties and constraints."""


def held(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers directly inside a model or layer."""
    return layer.layers if isinstance(layer, keras.Model) else layer._layers


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers that hold no other layer, in the order the models list them, each once."""
    found: dict[int, keras.layers.Layer] = {}

    def visit(layer):
        inside = held(layer)
        if not inside and not isinstance(layer, keras.layers.InputLayer):
            found.setdefault(id(layer), layer)
        for each in inside:
            visit(each)

    visit(model)
    return list(found.values())


def batch_norms(layers: list[keras.layers.Layer]) -> list[keras.layers.BatchNormalization]:
    """Those that normalise batches."""
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


@contextmanager
def other_calls(calls: list[tuple]):
    """Inside, each of these layers computes with the function beside it; afterwards with its own again."""
    own = [(layer, layer.__dict__.get("call")) for layer, _ in calls]  # see vgg_lesson.speed.fused_batch_norm
    for layer, call in calls:
        layer.call = call
    try:
        yield
    finally:
        for layer, call in own:
            layer.__dict__.pop("call", None)
            if call:
                layer.call = call


def layers_with_statistics(model) -> list:
    """Layers that keep numbers which training moves without a gradient, as batch normalisation does."""
    return [layer for layer in leaves(model) if any(len(v.shape) for v in layer._non_trainable_variables)]


def copy(
    model: keras.Model,
    images: np.ndarray,
    *,
    seed: int,
    strip=(),
    batch_norm: bool = False,
    unfreeze: bool = False,
    batchnorm_defaults: bool = False,
    draw_all: bool = False,
) -> keras.Model:
    """Build a fresh, uncompiled copy: same layers, new weights where the layer is trainable.

    Args:
        model: the original; only read.
        images: a few images, to build models without a declared input.
        seed: of the new weights.
        strip: names of layers to leave out (they must not change the shape); with any name at all,
            penalties and constraints of all layers are left out too.
        batch_norm: put a batch normalisation behind every convolution and hidden dense layer.
        unfreeze: make every layer trainable.
        batchnorm_defaults: let batch normalisation learn, with Keras's epsilon and a momentum for few steps.
        draw_all: new weights for frozen layers as well.

    Raises:
        CannotRebuild: a layer cannot be rebuilt from its configuration, or a change was asked for that cannot be made.
        TypeError, ValueError: from Keras, when a model without a declared input does not take the images.
    """
    last = next((layer.name for layer in reversed(leaves(model)) if layer.weights), None)

    def changed(layer):
        if strip and layer.name in strip:
            return keras.layers.Identity(name=layer.name)
        config = without_seeds(configuration(layer))
        if strip:
            config.update({key: None for key in config if key.endswith(PENALTIES)})
        if unfreeze and "trainable" in config:
            config["trainable"] = True
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        if batchnorm_defaults and is_norm:
            config.update(momentum=0.9, epsilon=1e-3)
        if batch_norm and layer.name != last and isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            activation = config["activation"]
            linear = remade(layer, {**config, "activation": "linear"})
            return keras.Sequential(
                [
                    linear,
                    keras.layers.BatchNormalization(name=f"{layer.name}_bn", momentum=0.9),
                    keras.layers.Activation(keras.activations.get(activation), name=f"{layer.name}_act"),
                ],
                name=layer.name,
            )
        return remade(layer, config)

    def rebuild(layer):
        try:
            return changed(layer)
        except (TypeError, ValueError, NotImplementedError):
            if layer.weights:
                raise
            return Borrowed(layer)

    with untouched_randomness(seed), _uncompiled(model):
        try:
            if isinstance(model, keras.Sequential | Functional):
                made = keras.models.clone_model(model, clone_function=rebuild, recursive=True)
            elif strip or batch_norm or batchnorm_defaults:
                raise CannotRebuild(
                    f"only the class {type(model).__name__} knows how it is built, so no layer can be exchanged"
                )
            else:
                made = remade(model, configuration(model))
        except NO_COPY as error:
            raise CannotRebuild(str(error)) from error
        if not made.built:
            made(tf.convert_to_tensor(images[:1].astype(np.float32)))
    if not batch_norm and model.built and len(made.weights) != len(model.weights):
        counts = f"{len(made.weights)} arrays of weights, the model {len(model.weights)}"
        raise CannotRebuild(f"a copy has {counts}: was another model attached to this one after it was made?")
    if not draw_all:
        _keep_frozen(model, made)
    if unfreeze:
        for layer in made._flatten_layers():  # models can be frozen as a whole, above their layers
            layer.trainable = True
    else:
        for layer in leaves(made) if batchnorm_defaults else ():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = True
    _keep_adapted(model, made)
    return accelerate(made)


@contextmanager
def _uncompiled(model):
    """Keras would compile a clone from written configuration, which fails for losses and metrics of the user's own."""
    compiled = [m for m in (model, *model._flatten_layers(include_self=False)) if getattr(m, "compiled", False)]
    for each in compiled:
        each.compiled = False
    try:
        yield
    finally:
        for each in compiled:
            each.compiled = True


def _keep_frozen(old, new) -> None:
    """A frozen layer is part of the configuration (think of transfer learning): its values stay.

    Holders come before what they hold: a change of ``trainable`` reaches down to every layer inside.
    """
    new.trainable = old.trainable
    inside = held(old)
    for pair in zip(inside, held(new), strict=False):
        _keep_frozen(*pair)
    same = [tuple(w.shape) for w in old.weights] == [tuple(w.shape) for w in new.weights]
    if not inside and old.weights and same and (not old.trainable or not old.trainable_weights):
        new.set_weights(old.get_weights())


def _keep_adapted(old, new) -> None:
    """What ``adapt`` measured stays in every copy: no training finds it again."""
    adapted = ([layer for layer in leaves(each) if hasattr(layer, "finalize_state")] for each in (old, new))
    for given, made in zip(*adapted, strict=False):
        if given.weights:
            made.set_weights(given.get_weights())
            made.finalize_state()  # Normalization computes with what it makes of its weights here


def compiled_as(model: keras.Model, made: keras.Model, metrics) -> keras.Model:
    """``made``, a copy of ``model``, compiled with a new optimizer like the model's, and its loss."""
    made.compile(
        optimizer=fresh_optimizer(model.optimizer),
        loss=model.loss,
        loss_weights=getattr(model._compile_loss, "_user_loss_weights", None),
        metrics=metrics,
        jit_compile=False,
        run_eagerly=model.run_eagerly,
    )
    return made


def built_copy(model: keras.Model, images: np.ndarray, seed: int) -> keras.Model:
    """A built and compiled stand-in for a model that would get its weights in ``fit`` only."""
    metrics = getattr(model._compile_metrics, "_user_metrics", None)
    return compiled_as(model, copy(model, images, seed=seed), metrics)
