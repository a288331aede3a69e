"""The VGG networks of the paper: their table as data, one builder that loops over it, and facts per layer.

Source: K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", arXiv 1409.1556, Table 1 (configurations) and Table 2 (parameters).
"""

import math
from dataclasses import dataclass

import keras

FILTERS = (64, 128, 256, 512, 512)
"""Filters of the convolutions in blocks 1 to 5, at width 1."""


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
        """Layers with weights: all convolutions and three fully connected ones; the 16 in VGG16."""
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


def configuration_of_depth(depth: int) -> str:
    """Return the letter of the configuration with ``depth`` weight layers (11, 13, 16 or 19).

    Raises:
        ValueError: no such configuration.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth must be one of {sorted(DEPTHS)} weight layers, received {depth!r}")
    return DEPTHS[depth]


@keras.saving.register_keras_serializable(package="vgg_lesson")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each channel by its neighbours' energy, as AlexNet and configuration A-LRN do.

    ``y = x / (2 + 1e-4 * sum of x**2 over 5 neighbouring channels) ** 0.75``; shape unchanged.
    Source: Krizhevsky, Sutskever and Hinton (2012), section 3.3.
    """

    def call(self, inputs):
        channels = keras.ops.shape(inputs)[-1]
        padded = keras.ops.pad(keras.ops.square(inputs), ((0, 0), (0, 0), (0, 0), (2, 2)))
        energy = sum(padded[..., shift : shift + channels] for shift in range(5))
        return inputs / keras.ops.power(2.0 + 1e-4 * energy, 0.75)


def build_vgg(
    configuration: str = "D",
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width: float = 1.0,
    head: tuple[int, ...] = (4096, 4096),
    initializer="glorot_uniform",
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> keras.Model:
    """Build a VGG; the defaults are the network of the lecture.

    Args:
        configuration: the paper's letter, a key of ``CONFIGURATIONS``.
        input_shape: (height, width, channels); both sides at least 32, halved by each of five poolings.
        classes: units of the softmax output, at least 2.
        width: factor on the number of filters of every convolution.
        head: units of the fully connected layers before the output; ``()`` for none.
        initializer: Keras initialiser (name or object) of all kernels; biases start at zero.
        batch_norm: normalise between each convolution and its ReLU.
        dropout: share of units dropped after each layer of the head during training, 0 <= dropout < 1.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) float -> (N, classes) probabilities, with
        layers named as in the paper and in Keras: block3_conv2, block3_pool, fc1, predictions.

    Raises:
        ValueError: an argument outside these bounds; the message names it.
    """
    plan = _validated(configuration, input_shape, classes, width, head, dropout)
    model = keras.Sequential([keras.Input(input_shape, name="images")], name=f"vgg_{plan.letter.lower().replace('-', '_')}")
    for block, (kernels, filters) in enumerate(zip(plan.kernels, FILTERS, strict=True), start=1):
        for number, kernel in enumerate(kernels, start=1):
            model.add(
                keras.layers.Conv2D(
                    round(filters * width),
                    kernel,
                    padding="same",
                    activation=None if batch_norm else "relu",
                    use_bias=not batch_norm,  # batch norm's own shift makes a bias redundant
                    kernel_initializer=_fresh(initializer),
                    name=f"block{block}_conv{number}",
                )
            )
            if batch_norm:
                model.add(keras.layers.BatchNormalization(name=f"block{block}_bn{number}"))
                model.add(keras.layers.ReLU(name=f"block{block}_relu{number}"))
            if plan.normalise_responses and block == number == 1:
                model.add(LocalResponseNormalization(name="block1_lrn1"))
        model.add(keras.layers.MaxPooling2D(2, name=f"block{block}_pool"))
    model.add(keras.layers.Flatten(name="flatten"))
    for number, units in enumerate(head, start=1):
        model.add(keras.layers.Dense(units, activation="relu", kernel_initializer=_fresh(initializer), name=f"fc{number}"))
        if dropout:
            model.add(keras.layers.Dropout(dropout, name=f"fc{number}_dropout"))
    model.add(keras.layers.Dense(classes, activation="softmax", kernel_initializer=_fresh(initializer), name="predictions"))
    return model


def _validated(configuration, input_shape, classes, width, head, dropout) -> Configuration:
    if configuration not in CONFIGURATIONS:
        raise ValueError(f"configuration must be one of {list(CONFIGURATIONS)}, received {configuration!r}")
    if len(input_shape) != 3 or min(input_shape[:2]) < 32 or input_shape[2] < 1:
        raise ValueError(f"input_shape must be (height >= 32, width >= 32, channels), received {input_shape!r}")
    if not (isinstance(classes, int) and classes >= 2):
        raise ValueError(f"classes must be a whole number of at least 2, received {classes!r}")
    if not (math.isfinite(width) and round(min(FILTERS) * width) >= 1):
        raise ValueError(f"width must leave at least 1 of the {min(FILTERS)} filters of block 1, received {width!r}")
    if not all(isinstance(units, int) and units >= 1 for units in head):
        raise ValueError(f"head must hold whole numbers of units, each at least 1, received {head!r}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), received {dropout!r}")
    return CONFIGURATIONS[configuration]


def _fresh(initializer):
    """One initialiser object a layer: a shared one would give layers of equal shape equal weights."""
    made = keras.initializers.get(initializer)
    config = made.get_config()
    return type(made).from_config({**config, "seed": None}) if "seed" in config else made


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
            included, so it may exceed the image; None where a layer sees the whole image.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    activation_bytes: int
    receptive_field: int | None


def layer_table(model: keras.Model) -> list[LayerRow]:
    """Return a :class:`LayerRow` for each layer of a chain of layers, in order.

    The receptive field grows by ``(kernel - 1) * jump`` at each layer, where the jump is the product
    of all strides before it (Dumoulin and Visin, arXiv 1603.07285).

    Raises:
        ValueError: ``model`` is not built.
    """
    if not model.built:
        raise ValueError(f"model {model.name!r} has no shapes yet: build it or call it on a batch first")
    rows, field, jump = [], 1, 1
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        shape = tuple(layer.output.shape[1:])
        if isinstance(layer, keras.layers.Conv2D):
            kernel, stride = layer.kernel_size[0], layer.strides[0]
        elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
            kernel, stride = layer.pool_size[0], layer.strides[0]
        else:
            kernel, stride = 1, 1
        if field is not None:
            field += (kernel - 1) * jump
            jump *= stride
            if len(shape) < 3:
                field = None
        rows.append(
            LayerRow(
                name=layer.name,
                kind=type(layer).__name__,
                output_shape=shape,
                parameters=layer.count_params(),
                multiply_adds=_multiply_adds(layer, shape),
                activation_bytes=4 * math.prod(shape),
                receptive_field=field,
            )
        )
    return rows


def _multiply_adds(layer, output_shape) -> int:
    if isinstance(layer, keras.layers.Conv2D):
        return math.prod(layer.kernel.shape[:3]) * math.prod(output_shape)
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.kernel.shape)
    return 0
