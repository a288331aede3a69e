"""One builder that loops over the paper's table, and facts on each layer of a built network.

The table itself is data, in :mod:`vgg_lesson.configurations`.
"""

import math
import random

import keras

from vgg_lesson.configurations import (
    CONFIGURATIONS,
    DEPTHS,
    FILTERS,
    Configuration,
    LayerRow,
    configuration_of_depth,
    normalised_after_pooling,
    pooling_window,
    validated,
)
from vgg_lesson.whole import require_whole

__all__ = [
    "CONFIGURATIONS",
    "DEPTHS",
    "FILTERS",
    "Configuration",
    "LayerRow",
    "LocalResponseNormalization",
    "build_vgg",
    "configuration_of_depth",
    "layer_table",
]


@keras.saving.register_keras_serializable(package="vgg_lesson")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each channel by its neighbours' energy, as AlexNet and configuration A-LRN do.

    ``y = x / (2 + 1e-4 * sum of x**2 over 5 neighbouring channels) ** 0.75``; shape unchanged.
    Computed in float32 at least, as squares overflow float16.
    Source: Krizhevsky, Sutskever and Hinton (2012), section 3.3.
    """

    def call(self, inputs):
        channels = keras.ops.shape(inputs)[-1]
        values = keras.ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        padded = keras.ops.pad(keras.ops.square(values), ((0, 0), (0, 0), (0, 0), (2, 2)))
        energy = sum(padded[..., shift : shift + channels] for shift in range(5))
        return keras.ops.cast(values / keras.ops.power(2.0 + 1e-4 * energy, 0.75), inputs.dtype)


def build_vgg(
    configuration: str = "D",
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width: float = 1.0,
    head: tuple[int, ...] = (4096, 4096),
    initializer="glorot_uniform",
    batch_norm: bool | str = False,
    batch_norm_momentum: float = 0.99,
    dropout: float = 0.0,
    blocks: int = 5,
    filters: tuple[int, ...] = FILTERS,
    seed: int | None = None,
) -> keras.Model:
    """Build a VGG; the defaults are the network of the lecture.

    Args:
        configuration: the paper's letter, a key of ``CONFIGURATIONS``.
        input_shape: (height, width, channels); both sides at least 32, halved by each of five poolings (with fewer
            blocks at least 2**blocks).
        classes: units of the softmax output, at least 2.
        width: factor on the number of filters of every convolution (rounded).
        head: units of the fully connected layers before the output; ``()`` for none.
        initializer: Keras initialiser (name or object) of all kernels; biases start at zero. A seed in it
            is ignored, as it would give layers of equal shape equal weights: see ``seed``.
        batch_norm: True normalises between each convolution and its ReLU; "after_pooling" does so too, but at
            the end of a block only after the pooling, which leaves a quarter of the numbers to normalise.
        batch_norm_momentum: Keras's ``momentum`` of these layers: share that the running statistics keep at each step.
        dropout: share of units dropped after each layer of the head during training, 0 <= dropout < 1.
        blocks: build only the first so many; the last pooling's window grows so that the head gets maps of
            1/32 of the image's sides as ever.
        filters: of the convolutions in blocks 1 to 5, at width 1.
        seed: of the initial weights and of dropout, which then are those after ``keras.utils.set_random_seed(seed)``,
            but whatever other threads draw meanwhile. None: Keras draws them.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) float -> (N, classes) probabilities, with
        layers named as in the paper and in Keras: block3_conv2, block3_pool, fc1, predictions.

    Raises:
        ValueError: an argument outside these bounds; the message names it.
    """
    plan = validated(configuration, input_shape, classes, width, head, dropout, batch_norm, blocks, filters)
    if not 0 <= batch_norm_momentum < 1:
        raise ValueError(f"batch_norm_momentum must lie in [0, 1), received {batch_norm_momentum!r}")
    draw = _numbers(seed)
    layers = [keras.Input(input_shape, name="images")]
    for block, kernels in enumerate(plan.kernels[:blocks], start=1):
        for number, kernel in enumerate(kernels, start=1):
            layers.append(
                keras.layers.Conv2D(
                    round(filters[block - 1] * width),
                    kernel,
                    padding="same",
                    activation=None if batch_norm else "relu",
                    use_bias=not batch_norm,  # batch norm's own shift makes a bias redundant
                    kernel_initializer=_fresh(initializer, draw),
                    name=f"block{block}_conv{number}",
                )
            )
            if batch_norm and not normalised_after_pooling(batch_norm, number, kernels):
                layers += _batch_norm(block, number, batch_norm_momentum)
            if plan.normalise_responses and block == number == 1:
                layers.append(LocalResponseNormalization(name="block1_lrn1"))
        layers.append(
            keras.layers.MaxPooling2D(pooling_window(block, blocks, min(input_shape[:2])), name=f"block{block}_pool")
        )
        if normalised_after_pooling(batch_norm, len(kernels), kernels):
            layers += _batch_norm(block, len(kernels), batch_norm_momentum)
    layers.append(keras.layers.Flatten(name="flatten"))
    for number, units in enumerate(head, start=1):
        layers.append(
            keras.layers.Dense(
                int(units), activation="relu", kernel_initializer=_fresh(initializer, draw), name=f"fc{number}"
            )
        )
        if dropout:
            layers.append(keras.layers.Dropout(dropout, seed=draw(), name=f"fc{number}_dropout"))
    layers.append(
        keras.layers.Dense(
            int(classes),
            activation="softmax",
            kernel_initializer=_fresh(initializer, draw),
            dtype=keras.config.dtype_policy().variable_dtype,  # full precision under a mixed policy, too
            name="predictions",
        )
    )
    # At once: a Sequential that grows layer by layer calls all of them again for each.
    return keras.Sequential(layers, name=f"vgg_{plan.letter.lower().replace('-', '_')}")


def _batch_norm(block: int, number: int, momentum: float) -> list[keras.layers.Layer]:
    return [
        keras.layers.BatchNormalization(momentum=momentum, name=f"block{block}_bn{number}"),
        keras.layers.ReLU(name=f"block{block}_relu{number}"),
    ]


def _numbers(seed: int | None):
    """A function that gives the seeds that Keras draws after ``random.seed(seed)``, in turn; without a seed None."""
    if seed is None:
        return lambda: None
    require_whole("seed", seed, 0)
    own = random.Random(int(seed))
    return lambda: own.randint(1, 10**9)


def _fresh(initializer, draw):
    """One initialiser object a layer: a shared one would give layers of equal shape equal weights."""
    try:
        made = keras.initializers.get(initializer)
    except ValueError:  # an unknown name
        made = None
    if not isinstance(made, keras.initializers.Initializer):
        raise ValueError(
            "initializer must be the name of a Keras initialiser, such as 'glorot_uniform' or 'he_normal', or such an "
            f"object, received {initializer!r}"
        )
    config = made.get_config()
    if "seed" not in config:
        return made
    draw()  # Keras's own first draw was for ``made``
    return type(made).from_config({**config, "seed": draw()})


def layer_table(model: keras.Model) -> list[LayerRow]:
    """Return a :class:`LayerRow` for each layer of a chain of layers, in order.

    The receptive field grows by ``(kernel - 1) * jump`` at each layer, where the jump is the product
    of all strides before it (Dumoulin and Visin, arXiv 1603.07285). Kernels and strides are taken as
    square, as in every VGG.

    Raises:
        ValueError: ``model`` is not built, is no chain, or holds a layer with a window that is
            neither a Conv2D nor a 2D pooling, or one that resizes its maps.
    """
    if not (model.built and getattr(model, "inputs", None)):
        raise ValueError(f"model {model.name!r} has no shapes yet: give it a keras.Input or call it on a batch first")
    rows, field, jump, previous = [], 1, 1, model.inputs[0]
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if not isinstance(model, keras.Sequential) and layer.input is not previous:
            raise ValueError(
                f"layer_table needs a chain of layers, but {layer.name!r} does not follow the one before it"
            )
        previous = layer.output
        shape = tuple(layer.output.shape[1:])
        reach, stride = _window(layer)
        if field is not None:
            field, jump = field + (reach - 1) * jump, jump * stride
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


def _window(layer) -> tuple[int, int]:
    """Side of the square of inputs that one output of this layer sees, and its stride."""
    if isinstance(layer, keras.layers.Conv2D | keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        if isinstance(layer, keras.layers.Conv2D):
            sides = tuple((k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True))
        else:
            sides = layer.pool_size
        if len({*sides}) > 1 or len({*layer.strides}) > 1:
            raise ValueError(
                f"layer_table counts square windows only, layer {layer.name!r} has {sides} with strides {layer.strides}"
            )
        return sides[0], layer.strides[0]
    before, after = layer.input.shape[1:-1], layer.output.shape[1:-1]
    edges = isinstance(layer, keras.layers.ZeroPadding2D | keras.layers.Cropping2D)  # they move the window only
    resizes = len(before) == len(after) == 2 and before != after and not edges
    if hasattr(layer, "kernel_size") or hasattr(layer, "pool_size") or isinstance(layer, keras.Model) or resizes:
        raise ValueError(f"layer_table cannot count layer {layer.name!r} of class {type(layer).__name__}")
    return 1, 1


def _multiply_adds(layer, output_shape) -> int:
    if isinstance(layer, keras.layers.Conv2D):
        return math.prod(layer.kernel.shape[:3]) * math.prod(output_shape)
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.kernel.shape) * math.prod(output_shape[:-1])
    return 0
