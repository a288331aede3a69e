"""Every choice of a training run as one frozen value, checked when it is made."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real

import numpy as np

from vgg_lesson.configurations import FILTERS, validated
from vgg_lesson.preprocessing import PREPROCESSINGS
from vgg_lesson.whole import is_whole

OPTIMIZERS = ("adam", "sgd", "muon")
SCHEDULES = ("constant", "linear", "cosine", "one_cycle")
NOT_DECAYED = ("bias", "gamma", "beta")
"""What weight decay leaves out: names of variables."""
DTYPE_POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
AUGMENTATIONS = ("flip", "shift", "cutout")
WHITENING = ("whitening", "whitening_layer")
"""Starts that look at training images; one of them at most."""
STARTS = (*WHITENING, "identity")
INITIALIZERS = (
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "normal", "one",
    "ones", "orthogonal", "random_normal", "random_uniform", "truncated_normal", "uniform", "variance_scaling", "zero",
    "zeros",
)  # fmt: skip
"""Keras's names of initialisers that can fill any kernel without further arguments."""


@dataclass(frozen=True)
class TrainingConfig:
    """What is trained and how. The defaults train in about a minute on two CPU cores.

    Attributes:
        configuration, width, head, initializer, batch_norm, dropout, blocks, filters: see
            :func:`vgg_lesson.architecture.build_vgg`; here ``initializer`` is a name from ``INITIALIZERS``.
        start: names from ``STARTS``, changes to the initial weights of convolutions: "whitening" gives the first layer
            the principal components of the training images' patches and freezes it, "whitening_layer" puts such a
            layer in front instead, "identity" lets each of the others begin by handing on its input
            (see :mod:`vgg_lesson.starting_weights`).
        batch_norm_momentum: share that batch norm's running statistics keep at each step.
        optimizer: "adam", or "sgd" with ``momentum`` (Nesterov's form when it is positive), or "muon" with that
            ``momentum`` for kernels of convolutions and AdamW at a tenth of the rate for the rest
            (see :mod:`vgg_lesson.optimizers.kernel_muon`).
        learning_rate: step size, positive; the peak where a schedule changes it.
        schedule: "constant", "linear" or "cosine" (down to zero), or "one_cycle" (linear warm-up over a quarter
            of the steps, then cosine down to zero).
        weight_decay: share of each kernel taken off per step, times the learning rate
            (decoupled: Loshchilov and Hutter, arXiv 1711.05101); biases and batch norm excluded.
        label_smoothing: share of the target spread evenly over the classes, 0 <= value < 1.
        augmentation: names from ``AUGMENTATIONS``, applied to training images only.
        preprocessing: name from ``PREPROCESSINGS``, see :mod:`vgg_lesson.preprocessing`.
        batch_size: images a step.
        epochs: passes over the training images.
        seed: of initial weights, order of images, augmentation and dropout.
        dtype_policy: Keras's, of all layers but the output, which stays in float32. "mixed_bfloat16" pays on a CPU that
            multiplies matrices of bfloat16 (``amx_bf16`` among its flags), "mixed_float16" on an NVIDIA GPU.

    NumPy's numbers are kept as Python's, so that every configuration can be written as JSON.

    Raises:
        ValueError: a value outside what is allowed; the message names both.
    """

    configuration: str = "D"
    width: float = 0.125
    head: tuple[int, ...] = (512, 512)
    initializer: str = "glorot_uniform"
    batch_norm: bool | str = False
    batch_norm_momentum: float = 0.99
    dropout: float = 0.0
    blocks: int = 5
    filters: tuple[int, ...] = FILTERS
    start: tuple[str, ...] = ()
    optimizer: str = "adam"
    momentum: float = 0.9
    learning_rate: float = 1e-3
    schedule: str = "constant"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augmentation: tuple[str, ...] = ()
    preprocessing: str = "unit"
    batch_size: int = 32
    epochs: int = 3
    seed: int = 0
    dtype_policy: str = "float32"

    def __post_init__(self):
        for name in ("head", "filters", "augmentation", "start"):
            if not isinstance(getattr(self, name), tuple | list):
                raise ValueError(f"{name} must be a tuple, received {getattr(self, name)!r}")
        for field in fields(self):
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))
        if set(WHITENING) <= set(self.start):
            raise ValueError(f"start may name 'whitening' or 'whitening_layer', received both in {self.start}")
        if "whitening_layer" in self.start and self.blocks == len(FILTERS):
            raise ValueError(
                f"blocks must be at most {len(FILTERS) - 1} with the start 'whitening_layer', which leaves maps of "
                f"31 x 31 pixels, received {self.blocks!r}"
            )
        network = (self.width, self.head, self.dropout, self.batch_norm, self.blocks, self.filters)
        validated(self.configuration, self.body_shape((32, 32, 3)), 10, *network)
        if self.whitening == "whitening" and round(self.filters[0] * self.width) < 2:
            raise ValueError(f"width must leave at least 2 filters in block 1 to whiten with, received {self.width!r}")
        self._require_number("learning_rate", lambda value: value > 0, "a finite number above 0")
        self._require_number("momentum", lambda value: 0 <= value < 1, "a number in [0, 1)")
        self._require_number("batch_norm_momentum", lambda value: 0 <= value < 1, "a number in [0, 1)")
        self._require_number("weight_decay", lambda value: value >= 0, "a finite number of at least 0")
        self._require_number("label_smoothing", lambda value: 0 <= value < 1, "a number in [0, 1)")
        for name, allowed in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("preprocessing", PREPROCESSINGS),
            ("initializer", INITIALIZERS),
            ("dtype_policy", DTYPE_POLICIES),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, received {getattr(self, name)!r}")
        for name, allowed in (("augmentation", AUGMENTATIONS), ("start", STARTS)):
            if unknown := [item for item in getattr(self, name) if item not in allowed]:
                raise ValueError(f"{name} must hold names from {allowed}, received {unknown}")
        for name, low, high in (("batch_size", 1, math.inf), ("epochs", 1, math.inf), ("seed", 0, 2**31 - 1)):
            value = getattr(self, name)
            if not is_whole(value, low) or value > high:
                limit = f"of at least {low}" if high == math.inf else f"from {low} to {high}"
                raise ValueError(f"{name} must be a whole number {limit}, received {value!r}")

    def _require_number(self, name: str, holds: Callable[[float], bool], allowed: str) -> None:
        value = getattr(self, name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and math.isfinite(value) and holds(value)):
            raise ValueError(f"{name} must be {allowed}, received {value!r}")
        object.__setattr__(self, name, float(value))  # Keras refuses a rate of 1 and a momentum of 0

    @classmethod
    def lecture(cls, **changes) -> "TrainingConfig":
        """The lecture's run: VGG16 at full width, Adam 1e-3, batches of 32, 10 epochs, inputs / 255.

        Its split, the last 20% of the training set for validation, is
        ``load_data(split="lecture")``. Keywords change single choices.
        """
        return cls(width=1.0, head=(4096, 4096), epochs=10).change(**changes)

    @property
    def whitening(self) -> str | None:
        """The start that whitens, if there is one."""
        return next((name for name in self.start if name in WHITENING), None)

    @property
    def ns_dtype(self) -> str:
        """Type that Muon's iteration computes in: float16's range would be too small for some gradients."""
        return "bfloat16" if self.dtype_policy == "mixed_bfloat16" else "float32"

    def steps_per_epoch(self, images: int) -> int:
        """Batches that an epoch of so many images has; the last one may be smaller."""
        return math.ceil(images / self.batch_size)

    def body_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(rows, columns, channels) that the VGG gets: the images', or what a whitening layer makes of them."""
        if self.whitening != "whitening_layer":
            return image_shape
        rows, columns, channels = image_shape
        return rows - 1, columns - 1, 8 * channels

    def change(self, **changes) -> "TrainingConfig":
        """Return a copy with some choices changed.

        Raises:
            ValueError: an unknown name, or a value that is not allowed.
        """
        return self.from_dict({**{field.name: getattr(self, field.name) for field in fields(self)}, **changes})

    def to_dict(self) -> dict:
        """All choices as JSON types."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict) -> "TrainingConfig":
        """Inverse of :meth:`to_dict`.

        Raises:
            ValueError: an unknown name, or a value that is not allowed.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown training choices {unknown}; known are {sorted(known)}")
        return cls(**values)


def _plain(value):
    """Lists as tuples, and NumPy's numbers as Python's; anything else as it is."""
    if isinstance(value, tuple | list):
        return tuple(_plain(item) for item in value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def short_rate(rate: float) -> str:
    """A rate as 1e-3 or 3.2e-4."""
    mantissa, exponent = f"{rate:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
