"""One layer or model made anew from its configuration, also where Keras's own does not suffice."""

import inspect

import keras
from keras.src.utils.python_utils import is_default

OF_EVERY_LAYER = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
"""Arguments of Keras's own layers. Its get_config writes some down whether or not an __init__ takes them."""


class CannotRebuild(ValueError):
    """A copy, or the change in it that was asked for, cannot be made; the message says why."""


def configuration(layer) -> dict:
    """What ``remade`` makes the layer from: what its get_config returns, less what its __init__ does not take.

    Raises:
        CannotRebuild: a model whose arguments nobody knows any more: Keras keeps those of layers, not of models.
    """
    kind = type(layer)
    ordinary = keras.layers.Layer.from_config.__func__, keras.Model.from_config.__func__
    if getattr(kind.from_config, "__func__", None) not in ordinary:  # the class says itself how it is made
        return layer.get_config()
    takes = inspect.getfullargspec(kind.__init__)
    named = [*takes.args[1:], *takes.kwonlyargs]
    unknown = [name for name in named if name not in OF_EVERY_LAYER]
    if takes.varargs and not takes.varkw:  # *args with **kwargs is how arguments are handed on to Keras
        unknown.append(f"*{takes.varargs}")
    if unknown and isinstance(layer, keras.Model) and is_default(layer.get_config):
        raise CannotRebuild(
            f"{kind.__name__}.__init__ takes {', '.join(unknown)}, and Keras does not keep what a model was made with: "
            f"a get_config of its own that returns these by name makes a copy possible"
        )
    config = layer.get_config()
    return {name: value for name, value in config.items() if takes.varkw or name in named or name not in OF_EVERY_LAYER}


def remade(layer, config: dict):
    """A new layer of the same class from a configuration; where that leaves out "trainable", so does the new layer."""
    made = type(layer).from_config(config)
    if isinstance(layer, keras.layers.Layer):
        made.name = layer.name
        if "dtype" not in config:
            made.dtype_policy = layer.dtype_policy
    return made


class Borrowed(keras.layers.Layer):
    """A layer without weights that Keras cannot rebuild (a Lambda, say): computes with the original."""

    def __init__(self, original):
        super().__init__(name=original.name)
        self._function = original.call
        takes = inspect.signature(original.call).parameters
        self._asks = [name for name in ("mask", "training") if name in takes]

    def call(self, inputs, mask=None, training=None):  # a functional model hands on a mask wherever there was one
        given = {"mask": mask, "training": training}
        return self._function(inputs, **{name: given[name] for name in self._asks})
