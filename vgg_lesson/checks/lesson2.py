"""Checks of lesson 2: a convolution on paper, a block and its costs, how far a stack sees, a VGG within a budget."""

from collections.abc import Callable

import numpy as np

from vgg_lesson.checks.common import answer_of, equals, expect, hint_for

PIXELS = (((1, 0, 2), (3, 1, 0), (0, 2, 1)), ((0, 1, 2), (0, 2, 3), (1, 0, 3)))
"""On paper: the nine pixels under the filter, for each of two channels."""
WEIGHTS = (((0, 1, 0), (1, -1, 1), (0, 1, 0)), ((1, 0, -1), (1, 0, -1), (1, 0, -1)))
"""On paper: the filter, one kernel for each channel."""
BIAS = 1
"""On paper: what is added to the sum."""
BLOCK_INPUT = (8, 8, 128)
"""Exercise 1: what block 3 gets for an image of 32 x 32."""
LIMITS = {"parameters": (900_000, 1_000_000), "weight_layers": 16, "share_of_convolutions": 0.9}
"""Exercise 3: the budget."""


def check_on_paper(before, after) -> None:
    """Section 1: one output value of a filter over two channels, before and after ReLU."""
    first, second = (int(np.sum(np.multiply(p, w))) for p, w in zip(PIXELS, WEIGHTS, strict=True))
    right = first + second + BIAS
    hints = {
        first + second: "The products are right. What is added at the end?",
        first + BIAS: "A filter sums over all its channels: add the products of channel 2.",
        second + BIAS: "A filter sums over all its channels: add the products of channel 1.",
        first + second + 2 * BIAS: "One output value has one bias, not one for each channel.",
        max(right, 0): "That is the value after ReLU.",
    }
    next_step = hint_for(before, hints, "Sum row by row.")
    expect(equals(before, right), "one number: the sum of 18 products and the bias", before, next_step)
    expect(equals(after, max(right, 0)), "the same value after ReLU", after, "ReLU makes negative numbers 0.")


def check_block3_of_c(block, parameters, multiply_adds) -> None:
    """Exercise 1: block 3 of configuration C as a Keras model, and its costs counted by the learner."""
    import keras

    expect(isinstance(block, keras.Model), "a Keras model", block, "Set block3 to keras.Sequential([...]).")
    shape = getattr(block, "input_shape", None) if block.built else None
    expect(
        shape == (None, *BLOCK_INPUT),
        f"inputs of shape {BLOCK_INPUT}",
        f"a model with inputs {shape}",
        f"Begin with keras.Input({BLOCK_INPUT}).",
    )
    right = ["3 × 3 convolution"] * 2 + ["1 × 1 convolution", "2 × 2 max pooling"]
    layers = [layer for layer in block.layers if type(layer).__name__ != "InputLayer"]  # a functional model lists it
    names = [_layer_name(layer) for layer in layers]
    activated = any(type(layer).__name__ in ("ReLU", "Activation") for layer in layers)
    expect(
        names == right,
        ", ".join(right),
        ", ".join(names),
        'Let the convolutions have their ReLU themselves: activation="relu".'
        if activated
        else "Read the row of C in the table of section 3: three convolutions, then the pooling.",
    )
    for layer in layers[:-1]:
        activation = getattr(layer.activation, "__name__", type(layer.activation).__name__).lower()
        padding = "same" if layer.kernel_size == (1, 1) else layer.padding  # a single pixel has no neighbours to miss
        settings = (layer.filters, layer.strides, padding, activation, layer.use_bias)
        spread = (layer.dilation_rate, layer.groups)
        expect(
            settings == (256, (1, 1), "same", "relu", True),
            '256 filters with a bias, stride 1, padding="same", activation="relu"',
            f"{layer.name}: filters, stride, padding, activation, bias = {settings}",
            "Take the layers of by_hand as a pattern.",
        )
        expect(
            spread == ((1, 1), 1),
            "a filter over neighbouring pixels and all channels",
            f"{layer.name}: dilation_rate, groups = {spread}",
            "Leave dilation_rate and groups at their defaults.",
        )
    steps = layers[-1].strides
    expect(
        tuple(steps) == (2, 2),
        "a pooling with stride 2, which leaves maps of 4 × 4",
        f"stride {steps}: maps of {block.output_shape[1]} × {block.output_shape[2]}",
        "The pooling moves on as far as it is wide: leave its strides at the default.",
    )
    _check_costs(parameters, multiply_adds)


def _layer_name(layer) -> str:
    kind, size = type(layer).__name__, getattr(layer, "kernel_size", getattr(layer, "pool_size", ()))
    words = {"Conv2D": "convolution", "MaxPooling2D": "max pooling"}.get(kind, kind)
    return " ".join([" × ".join(map(str, size)), words]).strip()


def _check_costs(parameters, multiply_adds) -> None:
    for number in (parameters, multiply_adds):
        expect(not isinstance(number, tuple | str), "a number", number, "Python writes numbers without commas: 295168.")
    side, _, channels = BLOCK_INPUT
    weights = 9 * channels * 256 + 9 * 256 * 256 + 256 * 256
    hints = {
        weights: "The weights are right. What does each output channel add?",
        weights + 3: "How many biases: one for each layer, or one for each output channel?",
        weights + 8 * 256 * 256 + 3 * 256: "That is block 3 of D. In C the third kernel is 1 × 1.",
        2 * 9 * 256 * 256 + 256 * 256 + 3 * 256: "The first convolution gets 128 channels, not 256.",
        2 * 9 * channels * 256 + channels * 256 + 3 * 256: "The second and third convolution get 256 channels.",
    }
    expect(
        equals(parameters, weights + 3 * 256),
        "the parameters of all three convolutions",
        parameters,
        hint_for(parameters, hints, "For each layer: kernel x kernel x channels in x channels out, and one bias each."),
    )
    hints = {
        weights: f"That is the work at one place. A map of {side} × {side} has more.",
        weights * side: "A map has rows and columns.",
        (weights + 3 * 256) * side * side: "Nothing is multiplied for a bias: count the weights only.",
        2 * weights * side * side: "A multiplication with its addition counts as one.",
        weights * (side // 2) ** 2: "The pooling comes last: the convolutions work on maps of its input size.",
    }
    expect(
        equals(multiply_adds, weights * side * side),
        f"the multiply-adds of all three convolutions on maps of {side} × {side}",
        multiply_adds,
        hint_for(multiply_adds, hints, "Each weight is used once at every place of the map."),
    )


def check_receptive_field(function: Callable) -> None:
    """Exercise 2: ``function(layers) -> int`` for a list of (kernel, stride), first layer first."""
    steps = (
        ([], 1, "Without any layer a value is one pixel: start at 1."),
        ([(3, 1)], 3, "One 3 × 3 layer sees 3 × 3 pixels: each layer adds kernel − 1."),
        ([(3, 1)] * 3, 7, "Each layer adds kernel − 1 to what the one before it sees."),
        ([(2, 2)], 2, "The layer's own stride counts for the layers after it, not for itself."),
        (
            [(3, 1), (2, 2), (3, 1)],
            8,
            "After a stride of 2, neighbours lie 2 pixels apart: later layers add twice as much.",
        ),
        ([(2, 2), (2, 2), (3, 1)], 12, "Strides multiply: after two strides of 2, neighbours lie 4 pixels apart."),
        ([(3, 3), (5, 2), (1, 1), (3, 1)], 27, "Add (kernel − 1) × jump, then multiply the jump by the stride."),
    )
    for layers, field, next_step in steps:
        given = list(layers)
        asked = f"{field} for the layers {layers}"
        received = answer_of(function, (given,), asked, next_step)
        expect(
            given == layers, "the list left as it is", "a changed list", "Loop over the list without removing from it."
        )
        expect(equals(received, field), asked, received, next_step)


def check_small_vgg(model) -> None:
    """Exercise 3: a built VGG with 16 weight layers, 0.9 to 1 million parameters, 90% of them in convolutions."""
    import keras

    from vgg_lesson.architecture import layer_table

    expect(isinstance(model, keras.Model), "a Keras model", model, "Set small_vgg to what build_vgg(...) returns.")
    next_step = "Set small_vgg to what build_vgg(...) returns."
    expect(hasattr(model, "layers") and model.built, "a built Keras model", "one without shapes", next_step)
    try:
        rows = layer_table(model)
    except ValueError as error:
        expect(False, "a Keras model of layers with shapes", str(error), next_step)
    weighted = [row for row in rows if row.kind in ("Conv2D", "Dense")]
    low, high = LIMITS["parameters"]
    parameters = sum(row.parameters for row in rows)
    dense = sum(row.parameters for row in rows if row.kind == "Dense")
    share = sum(row.parameters for row in rows if row.kind == "Conv2D") / max(1, parameters)
    expect(
        len(weighted) == LIMITS["weight_layers"],
        f"{LIMITS['weight_layers']} layers with weights: convolutions and fully connected ones",
        f"{len(weighted)}: {sum(row.kind == 'Conv2D' for row in weighted)} convolutions and "
        f"{sum(row.kind == 'Dense' for row in weighted)} fully connected",
        "C and D have 13 convolutions; two layers in the head and the output make 16.",
    )
    expect(
        model.output_shape == (None, 10) and model.input_shape == (None, 32, 32, 3),
        "images of (32, 32, 3) in, 10 classes out",
        f"{model.input_shape[1:]} in, {model.output_shape[1:]} out",
        "Leave input_shape and classes at their defaults.",
    )
    size = (
        "Too few: widen the network or its head." if parameters < low else "Too many: narrow the network or its head."
    )
    expect(
        low <= parameters <= high,
        f"{low:,} to {high:,} parameters",
        f"{parameters:,}",
        f"{size} Halving the width divides the parameters of the convolutions by about four; then fit the head.",
    )
    expect(
        share >= LIMITS["share_of_convolutions"],
        f"at least {LIMITS['share_of_convolutions']:.0%} of the parameters in convolutions",
        f"{share:.1%} in convolutions, {dense:,} parameters in fully connected layers",
        "Make the convolutions wider and the head narrower.",
    )
