"""What a case is, and the parts that all cases are built from."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from vgg_lesson.architecture import build_vgg
from vgg_lesson.data import Dataset
from vgg_lesson.preprocessing import fit_statistics, preprocess
from vgg_lesson.random_states import untouched_randomness

WIDTH = 1 / 8
HEAD = (64,)


@dataclass(frozen=True)
class Case:
    """A network with arrays and options, and what is wrong with it.

    Attributes:
        number: its name in the clinic and in the bench.
        name: what was changed; not shown to a student before the cause is named.
        causes: the true cause first; further ones where several hold each other up; ("healthy",) for none.
        make: (dataset, seed) -> arguments for ``examine``, as a dictionary.
        source: report that it makes again, or "own".
        also: causes that are as true as the first one, where a fault has two names.
    """

    number: int
    name: str
    causes: tuple[str, ...]
    make: Callable[[Dataset, int], dict]
    source: str = "own"
    also: tuple[str, ...] = ()

    def build(self, dataset: Dataset, seed: int = 0) -> dict:
        """Arguments for ``examine``: model, x_train, y_train and options. Global random states stay as they are."""
        with untouched_randomness(seed):
            return self.make(dataset, seed)

    def named_by(self, report) -> bool:
        """True when the report's first cause is a true one."""
        return report.cause in (*self.causes, *self.also)


def arrays(dataset: Dataset, how: str = "unit", *, one_hot: bool = True):
    """(x_train, y_train, x_val, y_val), prepared with the training images' statistics."""
    statistics = fit_statistics(dataset.x_train)
    x, x_val = (preprocess(part, how, statistics) for part in (dataset.x_train, dataset.x_val))
    y, y_val = dataset.y_train, dataset.y_val
    if one_hot:
        y, y_val = (np.eye(len(dataset.class_names), dtype=np.float32)[part] for part in (y, y_val))
    return x, y, x_val, y_val


def small_vgg(configuration="D", *, width=WIDTH, head=HEAD, initializer="he_normal", **changes) -> keras.Model:
    """A VGG that learns: 1/8 of the paper's width, He initialisation."""
    return build_vgg(configuration, width=width, head=head, initializer=initializer, **changes)


def compiled(model: keras.Model, optimizer=None, loss="categorical_crossentropy", metrics=("accuracy",)) -> keras.Model:
    """Compile with Adam 5e-4 unless told otherwise."""
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(5e-4), loss=loss, metrics=list(metrics), jit_compile=False
    )
    return model


def arguments(model, x, y, validation=None, **options) -> dict:
    """The dictionary that ``examine`` takes."""
    return {"model": model, "x_train": x, "y_train": y, "validation_data": validation, **options}


def simple(*, how="unit", one_hot=True, optimizer=None, loss=None, metrics=("accuracy",), options=None, **vgg):
    """A case in which only the network, the optimizer or the preparation differ.

    ``optimizer`` and values of ``vgg`` may be functions without arguments: they are called anew for every build.
    """

    def make(dataset, seed):
        x, y, x_val, y_val = arrays(dataset, how, one_hot=one_hot)
        chosen = (
            loss()
            if callable(loss)
            else loss or ("categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy")
        )
        model = compiled(
            small_vgg(**{k: v() if callable(v) else v for k, v in vgg.items()}),
            optimizer and optimizer(),
            chosen,
            metrics,
        )
        return arguments(model, x, y, (x_val, y_val), **(options or {}))

    return make


def with_last_layers(*layers, configuration="A", **vgg):
    """A VGG whose output layer is exchanged for the given ones (functions that make layers)."""
    base = small_vgg(configuration, **vgg)
    return keras.Sequential(
        [keras.Input(base.input_shape[1:]), *base.layers[:-1], *(make() for make in layers)], name="vgg_changed"
    )
