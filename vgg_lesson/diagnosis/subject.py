"""What is examined: a compiled model with the arrays and options that would go to ``fit``; only read."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import keras
import numpy as np

from vgg_lesson.diagnosis import arguments, cloning

SAMPLE = 8192
"""At most so many images are looked at for statistics; their standard error is then below 1.2% of the spread."""
PROBE_BATCH = 256
"""Larger batches are cut to this many images: a probe of a minute needs steps."""


@dataclass(frozen=True)
class Labels:
    """Labels as given, and the class of each row.

    Attributes:
        given: the array as it would go to ``fit``.
        classes: (N,) int64 class numbers; for rows of scores, the position of the largest.
        one_hot: True when ``given`` holds one row of scores per image.
    """

    given: np.ndarray
    classes: np.ndarray
    one_hot: bool

    @classmethod
    def of(cls, given) -> "Labels":
        given = np.asarray(given)
        if given.ndim == 2 and given.shape[1] > 1:
            return cls(given, np.argmax(np.nan_to_num(given), axis=1).astype(np.int64), True)
        flat = given.reshape(len(given), -1)[:, 0]
        finite = np.nan_to_num(flat.astype(np.float64), posinf=0, neginf=0)
        return cls(given, np.round(finite).astype(np.int64), False)

    def prior(self, classes: int) -> np.ndarray:
        """(classes,) share of each class number; rows outside 0..classes-1 are left out."""
        inside = self.classes[(self.classes >= 0) & (self.classes < classes)]
        counts = np.bincount(inside, minlength=classes).astype(float)
        return counts / max(1, counts.sum())

    def __len__(self) -> int:
        return len(self.classes)


class LayerWithOwnDraws:
    """A Keras layer as an augmentation: it draws on from batch to batch, yet its random state is put back each time."""

    def __init__(self, layer: keras.layers.Layer):
        self.layer, self.states = layer, None

    def __call__(self, images: np.ndarray) -> np.ndarray:
        variables = self.layer.variables  # the states of its seed generators are among them
        kept = [variable.numpy() for variable in variables]
        for variable, state in zip(variables, self.states or (), strict=False):
            variable.assign(state)
        try:
            return keras.ops.convert_to_numpy(self.layer(images.astype(np.float32), training=True))
        finally:
            self.states = [variable.numpy() for variable in variables]
            for variable, state in zip(variables, kept, strict=True):
                variable.assign(state)


@dataclass(frozen=True)
class Subject:
    """The arguments of ``examine``, in one value.

    Attributes:
        model: the compiled model; read, never trained.
        images: (N, ...) array as given. labels: see :class:`Labels`.
        validation: (images, labels) or None.
        batch_size, validation_split, shuffle, augmentation, history: as for ``examine``.
        seed: of everything random in the examination.
        output_shape: of the model, first the batch; () where neither the model nor a copy of it can be built.
        own_steps: which of train_step and compute_loss the model has of its own: trainings here go without them.
    """

    model: keras.Model
    images: np.ndarray
    labels: Labels
    validation: tuple[np.ndarray, Labels] | None = None
    batch_size: int = 32
    validation_split: float = 0.0
    shuffle: bool = True
    augmentation: Callable | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    seed: int = 0
    output_shape: tuple = ()
    own_steps: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        model,
        x_train,
        y_train=None,
        validation_data=None,
        **options,
    ) -> "Subject":
        """Check and wrap what ``examine`` was given.

        Args:
            options: those of :func:`arguments.options`: batch_size, validation_split, shuffle, ...

        Raises:
            TypeError: not a Keras model, arrays that are none, an option that there is not or of another type.
            ValueError: not compiled, several inputs or outputs, no images, lengths that differ, an option out of
                range, another backend than TensorFlow.
        """
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"the Keras backend must be tensorflow, received {keras.backend.backend()}: set "
                "KERAS_BACKEND=tensorflow before Keras is imported"
            )
        if not isinstance(model, keras.Model):
            raise TypeError(f"model must be a keras.Model, received {type(model).__name__}")
        if not getattr(model, "compiled", False):
            raise ValueError(
                "model is not compiled: call model.compile(...) first, the optimizer and loss are part of "
                "what is examined"
            )
        inputs = getattr(model, "inputs", None)  # a subclassed model declares none
        if inputs is not None and len(inputs) != 1:
            raise ValueError(f"model must have one input, received {len(inputs)}: {[i.name for i in inputs]}")
        checked = arguments.options(**options)
        if isinstance(checked["augmentation"], keras.layers.Layer):
            checked["augmentation"] = LayerWithOwnDraws(checked["augmentation"])
        images, given = arguments.images(x_train, "x_train"), arguments.labels(y_train, "y_train")
        arguments.same_length(images, given, "x_train", "y_train")
        own_steps = _own_steps(model)
        if not model.built:
            with suppress(cloning.CannotRebuild):  # told where a copy is needed; the arrays can be looked at
                model = cloning.built_copy(model, images, checked["seed"])
        output_shape = _output_shape(model, images) if model.built else ()
        if model.built and not output_shape:
            raise ValueError(f"model must have one output, received outputs {getattr(model, 'output_shape', None)}")
        pair = arguments.validation(validation_data, images, _takes_any_size(model))
        validation = None if pair is None else (pair[0], Labels.of(pair[1]))
        return cls(
            model, images, Labels.of(given), validation, **checked, output_shape=output_shape, own_steps=own_steps
        )

    @property
    def units(self) -> int:
        """Number of values the model gives for an image."""
        return int(self.output_shape[-1] or 0) if self.output_shape else 0

    @property
    def classes(self) -> int:
        """Number of classes: outputs, or 2 for a single yes/no output."""
        return max(2, self.units)

    @property
    def channels_first(self) -> bool:
        """Whether images are (N, channels, height, width): what the first convolution takes."""
        kernels = (layer for layer in cloning.leaves(self.model) if layer.weights and hasattr(layer, "data_format"))
        return getattr(next(kernels, None), "data_format", "") == "channels_first"

    def training_part(self) -> tuple[np.ndarray, Labels]:
        """What ``fit`` trains on: everything but the tail that ``validation_split`` takes away."""
        count = self.training_count
        labels = self.labels
        return self.images[:count], Labels(labels.given[:count], labels.classes[:count], labels.one_hot)

    def validation_part(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Images and class numbers that ``fit`` validates on, given or split off; None without."""
        if self.validation is not None:
            return self.validation[0], self.validation[1].classes
        count = self.training_count
        return (self.images[count:], self.labels.classes[count:]) if count < len(self.images) else None

    @property
    def training_count(self) -> int:
        if self.validation is not None or not self.validation_split:
            return len(self.images)
        return max(1, int(len(self.images) * (1 - self.validation_split)))

    @property
    def step_images(self) -> int:
        """Images of a step of a probe."""
        return min(self.batch_size, PROBE_BATCH, self.training_count)

    def sample(self, count: int = SAMPLE) -> np.ndarray:
        """Positions of up to ``count`` training images, drawn without replacement from the seed."""
        available = self.training_count
        return np.sort(np.random.default_rng(self.seed).permutation(available)[:count])


def _own_steps(model) -> tuple[str, ...]:
    return tuple(
        name
        for name in ("train_step", "compute_loss")
        if name in vars(model) or getattr(type(model), name) is not getattr(keras.Model, name)
    )


def _output_shape(model, images: np.ndarray) -> tuple:
    shape = getattr(model, "output_shape", None)
    if shape is None:  # a subclassed model knows its shape only when asked about an image
        shape = getattr(model(images[:1].astype(np.float32), training=False), "shape", ())
    return (
        tuple(shape)
        if not isinstance(shape, dict) and all(side is None or isinstance(side, int) for side in shape)
        else ()
    )


def _takes_any_size(model) -> bool:
    """True when the model declares no fixed height and width, or nothing at all."""
    shape = getattr(model, "input_shape", None)
    return not isinstance(shape, tuple) or None in shape[1:3]
