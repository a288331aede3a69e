"""Checks of lesson 2: what a convolution costs, how far a stack sees, and a VGG within a budget."""

from collections.abc import Callable

from vgg_lesson.checks.common import expect

LIMITS = {"parameters": (900_000, 1_000_000), "weight_layers": 16, "share_of_convolutions": 0.9}
"""Exercise 3: the budget."""


def check_convolution_cost(function: Callable) -> None:
    """Exercise 1: ``function(side, kernel, inputs, outputs) -> (parameters, multiply_adds)``.

    For a convolution with bias, stride 1 and "same" padding on a map of ``side`` x ``side``.
    """
    for side, kernel, inputs, outputs in ((5, 3, 7, 2), (32, 3, 3, 64), (8, 5, 4, 6), (4, 1, 5, 3)):
        weights = kernel * kernel * inputs * outputs
        parameters, work = _pair(function, side, kernel, inputs, outputs)
        case = f"function(side={side}, kernel={kernel}, inputs={inputs}, outputs={outputs})"
        expect(
            parameters == weights + outputs,
            f"{weights + outputs:,} parameters from {case}",
            parameters,
            _parameters_hint(parameters, kernel, inputs, outputs),
        )
        expect(
            work == weights * side * side,
            f"{weights * side * side:,} multiply-adds from {case}",
            work,
            _work_hint(work, side, weights, outputs),
        )


def _pair(function: Callable, *arguments):
    result = function(*arguments)
    good = isinstance(result, tuple | list) and len(result) == 2
    expect(good, "two numbers: (parameters, multiply_adds)", result, "End with: return parameters, multiply_adds")
    return result


def _parameters_hint(received, kernel: int, inputs: int, outputs: int) -> str:
    return {
        kernel * kernel * inputs * outputs: "The weights are right. What does each output channel add at the end?",
        kernel * inputs * outputs + outputs: "A kernel has rows and columns.",
        kernel * kernel * outputs + outputs: "Each kernel has one layer of weights for every input channel.",
        kernel * kernel * inputs + 1: "That is one output channel. How many are there?",
        kernel * kernel * inputs * outputs + 1: "How many biases: one for the layer, or one for each output channel?",
    }.get(
        received, "Count the weights of one output channel (rows × columns × input channels), then its bias, then all."
    )


def _work_hint(received, side: int, weights: int, outputs: int) -> str:
    return {
        weights: "That is the work for one place of the map. How many places does it have?",
        weights * side: "The map has rows and columns.",
        (weights + outputs)
        * side
        * side: "The bias is added, but nothing is multiplied for it: count the weights only.",
        2 * weights * side * side: "A multiplication with its addition counts as one.",
    }.get(received, "Each weight is used once at every place of the map.")


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
        received = function(given)
        expect(
            given == layers, "the list left as it is", "a changed list", "Loop over the list without removing from it."
        )
        expect(received == field, f"{field} for the layers {layers}", received, next_step)


def check_small_vgg(model) -> None:
    """Exercise 3: a built VGG with 16 weight layers, 0.9 to 1 million parameters, 90% of them in convolutions."""
    import keras

    from vgg_lesson.architecture import layer_table

    expect(isinstance(model, keras.Model), "a Keras model", model, "Set small_vgg to what build_vgg(...) returns.")
    rows = layer_table(model)
    weighted = [row for row in rows if row.kind in ("Conv2D", "Dense")]
    low, high = LIMITS["parameters"]
    parameters = sum(row.parameters for row in rows)
    share = sum(row.parameters for row in rows if row.kind == "Conv2D") / parameters
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
    expect(
        low <= parameters <= high,
        f"{low:,} to {high:,} parameters",
        f"{parameters:,}",
        "Halving the width divides the parameters of the convolutions by about four; then fit the head.",
    )
    expect(
        share >= LIMITS["share_of_convolutions"],
        f"at least {LIMITS['share_of_convolutions']:.0%} of the parameters in convolutions",
        f"{share:.1%} in convolutions: {sum(row.parameters for row in rows if row.kind == 'Dense'):,} in the head",
        "Make the convolutions wider and the head narrower.",
    )
