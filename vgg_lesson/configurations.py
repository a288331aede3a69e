"""The VGG networks of the paper: their table as data, and what each layer costs, by arithmetic alone.

Source: K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", arXiv 1409.1556, Table 1 (configurations) and Table 2 (parameters).
Nothing here needs Keras; :mod:`vgg_lesson.architecture` builds the networks.
"""

import math
from dataclasses import dataclass
from numbers import Real

from vgg_lesson.whole import is_whole

FILTERS = (64, 128, 256, 512, 512)
"""Filters of the convolutions in blocks 1 to 5 of the paper's networks, at width 1."""
BATCH_NORMS = (False, True, "after_pooling")
"""Where batch norm stands: nowhere, after every convolution, or there but after the pooling that ends a block."""


@dataclass(frozen=True)
class Configuration:
    """One column of the paper's Table 1.

    Attributes:
        letter: the paper's name, "A" to "E" or "A-LRN".
        kernels: for each of the five blocks, the kernel size of each of its convolutions.
        normalise_responses: True for A-LRN: local response normalisation after the first convolution.
    """

    letter: str
    kernels: tuple[tuple[int, ...], ...]
    normalise_responses: bool = False

    @property
    def weight_layers(self) -> int:
        """Layers with weights of the paper's network, with three fully connected ones; the 16 in VGG16."""
        return sum(len(block) for block in self.kernels) + 3


def _same_size(*convolutions: int) -> tuple[tuple[int, ...], ...]:
    return tuple((3,) * count for count in convolutions)


CONFIGURATIONS = {
    configuration.letter: configuration
    for configuration in (
        Configuration("A", _same_size(1, 1, 2, 2, 2)),
        Configuration("A-LRN", _same_size(1, 1, 2, 2, 2), normalise_responses=True),
        Configuration("B", _same_size(2, 2, 2, 2, 2)),
        Configuration("C", ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))),
        Configuration("D", _same_size(2, 2, 3, 3, 3)),
        Configuration("E", _same_size(2, 2, 4, 4, 4)),
    )
}
DEPTHS = {11: "A", 13: "B", 16: "D", 19: "E"}
"""Weight layers -> configuration; 16 is D ("VGG16"), not C, which has 16 as well."""
PAPER_ERRORS = {"A": 10.4, "A-LRN": 10.5, "B": 9.9, "C": 9.4, "D": 8.8, "E": 9.0}
"""Top-5 error in % on ImageNet's validation images, all trained and tested at one scale: the paper's Table 3, rows
with train (S) = test (Q) = 256, the pixels of an image's shorter side."""
PAPER_ERRORS_JITTERED = {"C": 8.8, "D": 8.1, "E": 8.0}
"""The same for S drawn from [256, 512] for each training image and Q = 384; A, A-LRN and B were not trained so.
They stand apart because the scales help by themselves: C to E may not be compared across the two tables."""


def configuration_of_depth(depth: int) -> str:
    """Return the letter of the configuration with ``depth`` weight layers (11, 13, 16 or 19).

    Raises:
        ValueError: no such configuration.
    """
    if not (is_whole(depth) and depth in DEPTHS):
        raise ValueError(f"depth must be one of {sorted(DEPTHS)} weight layers, received {depth!r}")
    return DEPTHS[depth]


def weight_layers(configuration: str, head: tuple[int, ...] = (4096, 4096), blocks: int = len(FILTERS)) -> int:
    """Layers with weights of a network as it is built: its convolutions, those of its head, and the output."""
    return sum(map(len, CONFIGURATIONS[configuration].kernels[:blocks])) + len(head) + 1


def validated(
    configuration, input_shape, classes, width, head, dropout, batch_norm=False, blocks=5, filters=FILTERS
) -> Configuration:
    """Return the configuration when the arguments describe a network that can be built.

    Raises:
        ValueError: an argument is out of bounds; the message names it, what is allowed and what came.
    """
    if not (isinstance(configuration, str) and configuration in CONFIGURATIONS):
        raise ValueError(f"configuration must be one of {list(CONFIGURATIONS)}, received {configuration!r}")
    if not (is_whole(blocks, 1) and blocks <= len(FILTERS)):
        raise ValueError(f"blocks must be a whole number from 1 to {len(FILTERS)}, received {blocks!r}")
    least = 2**blocks  # each pooling halves
    if not (_is_sizes(input_shape) and len(input_shape) == 3 and min(input_shape[:2]) >= least):
        raise ValueError(
            f"input_shape must be (height >= {least}, width >= {least}, channels), received {input_shape!r}"
        )
    if not (_is_sizes(filters) and len(filters) == len(FILTERS)):
        raise ValueError(f"filters must hold {len(FILTERS)} whole numbers of at least 1, received {filters!r}")
    if not is_whole(classes, 2):
        raise ValueError(f"classes must be a whole number of at least 2, received {classes!r}")
    if not (_is_number(width) and round(min(filters) * width) >= 1):
        raise ValueError(f"width must leave at least 1 of the {min(filters)} filters of a block, received {width!r}")
    if not _is_sizes(head):
        raise ValueError(f"head must hold whole numbers of units, each at least 1, received {head!r}")
    if not (_is_number(dropout) and 0 <= dropout < 1):
        raise ValueError(f"dropout must lie in [0, 1), received {dropout!r}")
    if not (isinstance(batch_norm, bool | str) and batch_norm in BATCH_NORMS):
        raise ValueError(f"batch_norm must be one of {BATCH_NORMS}, received {batch_norm!r}")
    return CONFIGURATIONS[configuration]


def pooling_window(block: int, blocks: int, side: int = 2 ** len(FILTERS)) -> int:
    """Side of the window of a block's pooling: 2, and the last one makes up for the blocks left out.

    So what reaches the head is always 1/32 of the image's height and width, or one place of it.

    Args:
        side: of the image, the smaller one.
    """
    here = side >> (block - 1)
    return min(here, 2 ** (len(FILTERS) - blocks + 1)) if block == blocks else 2


def normalised_after_pooling(batch_norm: bool | str, number: int, kernels: tuple[int, ...]) -> bool:
    """True for the last convolution of a block when its batch norm and ReLU follow the pooling."""
    return batch_norm == "after_pooling" and number == len(kernels)


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_sizes(value) -> bool:
    return isinstance(value, tuple | list) and all(is_whole(size, 1) for size in value)


@dataclass(frozen=True)
class LayerRow:
    """Facts on one layer, for one image.

    Attributes:
        name: the layer's name.
        kind: the layer's class, for example "Conv2D".
        output_shape: without the batch axis.
        parameters: weights and biases, with the moving statistics of batch norm.
        multiply_adds: multiplications with a following addition in the forward pass of convolutions
            and dense layers (others count 0).
        activation_bytes: memory of the output in float32.
        receptive_field: side of the square of input pixels that one output value sees, padding
            included, so it may exceed the image; None from the first layer on that has no rows and
            columns any more (each of its values sees the whole image).
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    activation_bytes: int
    receptive_field: int | None


def count_layers(
    configuration: str = "D",
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width: float = 1.0,
    head: tuple[int, ...] = (4096, 4096),
    batch_norm: bool | str = False,
    dropout: float = 0.0,
    blocks: int = 5,
    filters: tuple[int, ...] = FILTERS,
) -> list[LayerRow]:
    """Return what ``layer_table(build_vgg(...))`` returns for the same arguments, without building.

    Building 138 million weights to count them takes seconds; this takes a fraction of a millisecond.

    Raises:
        ValueError: as :func:`vgg_lesson.architecture.build_vgg`.
    """
    plan = validated(configuration, input_shape, classes, width, head, dropout, batch_norm, blocks, filters)
    rows, field, jump = [], 1, 1
    high, wide, channels = input_shape

    def add(name: str, kind: str, parameters: int = 0, multiply_adds: int = 0) -> None:
        shape = (high, wide, channels)
        rows.append(LayerRow(name, kind, shape, parameters, multiply_adds, 4 * math.prod(shape), field))

    def normalise(block: int, number: int) -> None:
        if batch_norm:  # scale, shift, moving mean and moving variance
            add(f"block{block}_bn{number}", "BatchNormalization", 4 * channels)
            add(f"block{block}_relu{number}", "ReLU")

    for block, kernels in enumerate(plan.kernels[:blocks], start=1):
        for number, kernel in enumerate(kernels, start=1):
            weights = kernel * kernel * channels * round(filters[block - 1] * width)
            channels = round(filters[block - 1] * width)
            field += (kernel - 1) * jump
            biases = 0 if batch_norm else channels
            add(f"block{block}_conv{number}", "Conv2D", weights + biases, weights * high * wide)
            if not normalised_after_pooling(batch_norm, number, kernels):
                normalise(block, number)
            if plan.normalise_responses and block == number == 1:
                add("block1_lrn1", "LocalResponseNormalization")
        window = pooling_window(block, blocks, min(input_shape[:2]))
        high, wide = high // window, wide // window
        field += (window - 1) * jump
        jump *= window
        add(f"block{block}_pool", "MaxPooling2D")
        if normalised_after_pooling(batch_norm, len(kernels), kernels):
            normalise(block, len(kernels))
    return rows + _flat_rows(high * wide * channels, head, classes, dropout)


def _flat_rows(inputs: int, head: tuple[int, ...], classes: int, dropout: float) -> list[LayerRow]:
    rows = [LayerRow("flatten", "Flatten", (inputs,), 0, 0, 4 * inputs, None)]
    names = [f"fc{number}" for number in range(1, len(head) + 1)] + ["predictions"]
    for name, units in zip(names, (*head, classes), strict=True):
        weights = inputs * units
        rows.append(LayerRow(name, "Dense", (units,), weights + units, weights, 4 * units, None))
        if dropout and name != "predictions":
            rows.append(LayerRow(f"{name}_dropout", "Dropout", (units,), 0, 0, 4 * units, None))
        inputs = units
    return rows
