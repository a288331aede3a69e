"""Each exercise of lesson 2: the solution passes, plausible wrong answers fail and are told why."""

import numpy as np
import pytest
from refused_answers import failure

from vgg_lesson.checks.lesson2 import (
    BIAS,
    PIXELS,
    WEIGHTS,
    check_block3_of_c,
    check_on_paper,
    check_receptive_field,
    check_small_vgg,
)

# --- on paper


def test_on_paper_solution_is_what_keras_computes():
    import keras

    pixels, weights = (np.moveaxis(np.array(side, "float32"), 0, -1) for side in (PIXELS, WEIGHTS))
    outputs = keras.ops.conv(pixels[None], weights[..., None], padding="valid") + BIAS
    assert outputs.shape == (1, 1, 1, 1)
    before = float(outputs[0, 0, 0, 0])
    check_on_paper(before, max(before, 0))
    check_on_paper(-2, 0)
    check_on_paper(np.array(-2), np.array(0))  # arrays without axes


@pytest.mark.parametrize(
    "before, after, hint",
    [
        (-3, 0, "What is added at the end"),
        (5, 5, "products of channel 2"),
        (-6, 0, "products of channel 1"),
        (-1, 0, "not one for each channel"),
        (0, 0, "after ReLU"),
        (8, 8, "row by row"),
        (-2, -2, "negative numbers 0"),
        (-2, 2, "negative numbers 0"),
        (-2, ..., "negative numbers 0"),
        (..., ..., "row by row"),
        ([-2], 0, "one number"),
        (np.array([-2]), 0, "one number"),
        (np.array([-2, -2]), 0, "one number"),
        (-2, [0], "negative numbers 0"),
    ],
)
def test_on_paper_wrong(before, after, hint):
    assert hint in failure(check_on_paper, before, after)


# --- exercise 1

COSTS = (951_040, 60_817_408)


def block(inputs=(8, 8, 128), sizes=(3, 3, 1), filters=256, pool=2, step=None, **options):
    import keras

    options = {"padding": "same", "activation": "relu", **options}
    convolutions = [keras.layers.Conv2D(filters, size, **options) for size in sizes]
    poolings = [keras.layers.MaxPooling2D(pool, step)] if pool else []
    return keras.Sequential([keras.Input(inputs), *convolutions, *poolings])


def test_block_solution_agrees_with_the_package():
    from vgg_lesson.configurations import count_layers

    rows = [row for row in count_layers("C") if row.name.startswith("block3_conv")]
    assert (sum(row.parameters for row in rows), sum(row.multiply_adds for row in rows)) == COSTS
    assert block().count_params() == COSTS[0]
    check_block3_of_c(block(), *COSTS)
    check_block3_of_c(block(), *(np.array(cost) for cost in COSTS))


def test_block_may_be_a_functional_model():
    import keras

    right, wrong = block(), block(sizes=(3, 3, 3))
    check_block3_of_c(keras.Model(right.inputs, right.outputs), *COSTS)
    assert "Read the row of C" in failure(check_block3_of_c, keras.Model(wrong.inputs, wrong.outputs), *COSTS)


@pytest.mark.parametrize(
    "options, hint",
    [
        ({"sizes": (3, 3, 3)}, "Read the row of C"),
        ({"sizes": (3, 3)}, "Read the row of C"),
        ({"sizes": (1, 3, 3)}, "Read the row of C"),
        ({"pool": 0}, "Read the row of C"),
        ({"pool": 3}, "Read the row of C"),
        ({"step": 1}, "as far as it is wide"),  # almost right: all sizes, and maps of 7 x 7
        ({"inputs": (16, 16, 128)}, "Begin with keras.Input"),
        ({"filters": 128}, "as a pattern"),
        ({"padding": "valid"}, "as a pattern"),
        ({"activation": None}, "as a pattern"),
        ({"use_bias": False}, "as a pattern"),
        ({"groups": 4}, "groups at their defaults"),
        ({"dilation_rate": 3}, "groups at their defaults"),
    ],
)
def test_block_wrong(options, hint):
    assert hint in failure(check_block3_of_c, block(**options), *COSTS)


def test_block_may_be_written_otherwise():
    import keras

    check_block3_of_c(block(activation=keras.layers.ReLU()), *COSTS)
    layers = list(block().layers)
    layers[2] = keras.layers.Conv2D(256, 1, activation="relu")  # no padding: a single pixel needs none
    check_block3_of_c(keras.Sequential([keras.Input((8, 8, 128)), *layers]), *COSTS)
    layers[2:3] = [keras.layers.Conv2D(256, 1), keras.layers.ReLU()]
    apart = keras.Sequential([keras.Input((8, 8, 128)), *layers])
    assert "have their ReLU themselves" in failure(check_block3_of_c, apart, *COSTS)


def test_a_model_of_a_class_of_ones_own_is_told_what_is_missing():
    import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inside = block()

        def call(self, images):
            return self.inside(images)

    own = Own()
    own(np.zeros((1, 8, 8, 128), np.float32))
    assert "Begin with keras.Input" in failure(check_block3_of_c, own, *COSTS)


def test_block_wants_a_built_model():
    import keras

    assert "keras.Sequential" in failure(check_block3_of_c, [3, 3, 1], *COSTS)
    unbuilt = keras.Sequential([keras.layers.Conv2D(256, 3, padding="same")])
    assert "Begin with keras.Input" in failure(check_block3_of_c, unbuilt, *COSTS)


@pytest.mark.parametrize(
    "parameters, multiply_adds, hint",
    [
        ((951, 40), COSTS[1], "without commas"),
        (COSTS[0], "60817408", "without commas"),
        (950_272, 0, "What does each output channel add"),
        (950_275, 0, "How many biases"),
        (1_475_328, 0, "block 3 of D"),
        (1_245_952, 0, "gets 128 channels, not 256"),
        (623_360, 0, "get 256 channels"),
        (..., ..., "one bias each"),
        (951_040, 950_272, "work at one place"),
        (951_040, 950_272 * 8, "rows and columns"),
        (951_040, 951_040 * 64, "count the weights only"),
        (951_040, 950_272 * 128, "counts as one"),
        (951_040, 950_272 * 16, "The pooling comes last"),
        (951_040, ..., "at every place"),
        ([951_040], 0, "one bias each"),
        (951_040, [60_817_408], "at every place"),
    ],
)
def test_block_costs_wrong(parameters, multiply_adds, hint):
    assert hint in failure(check_block3_of_c, block(), parameters, multiply_adds)


# --- exercise 2


def field(steps):
    sees, jump = 1, 1
    for kernel, stride in steps:
        sees += (kernel - 1) * jump
        jump *= stride
    return sees


def jump_first(steps):
    sees, jump = 1, 1
    for kernel, stride in steps:
        jump *= stride
        sees += (kernel - 1) * jump
    return sees


def jump_not_multiplied(steps):
    sees, jump = 1, 1
    for kernel, stride in steps:
        sees += (kernel - 1) * jump
        jump = stride
    return sees


def strides_added(steps):
    """Almost right: with a single pooling, 1 + 1 equals 1 x 2."""
    sees, jump = 1, 1
    for kernel, stride in steps:
        sees += (kernel - 1) * jump
        jump += stride - 1
    return sees


def emptied(steps):
    sees = field(steps)
    steps.clear()
    return sees


def test_receptive_field_solution():
    check_receptive_field(field)


@pytest.mark.parametrize(
    "wrong, hint",
    [
        (lambda steps: sum(kernel - 1 for kernel, _ in steps), "start at 1"),
        (lambda steps: max([1, *(kernel for kernel, _ in steps)]), "Each layer adds kernel"),
        (lambda steps: 1 + sum(kernel for kernel, _ in steps), "each layer adds kernel"),
        (lambda steps: 1 + sum(kernel - 1 for kernel, _ in steps), "2 pixels apart"),
        (jump_first, "not for itself"),
        (jump_not_multiplied, "Strides multiply"),
        (strides_added, "Strides multiply"),
        (emptied, "Loop over the list without removing"),
        (lambda steps: None, "start at 1"),
        (..., "nothing filled in"),
        (lambda steps: steps[0][0], "IndexError"),
    ],
)
def test_receptive_field_wrong(wrong, hint):
    assert hint in failure(check_receptive_field, wrong)


# --- exercise 3


@pytest.fixture(scope="module")
def build():
    from vgg_lesson.architecture import build_vgg

    return build_vgg


@pytest.mark.parametrize(
    "options",
    [
        {"configuration": "D", "width": 1 / 4, "head": (128, 128)},
        {"configuration": "C", "width": 0.3, "head": (64, 64)},
    ],
)
def test_small_vgg_solutions(build, options):
    check_small_vgg(build(**options))


@pytest.mark.parametrize(
    "options, hint",
    [
        ({"width": 1 / 4, "head": (512, 512)}, "Too many: narrow the network or its head. Halving the width"),
        ({"width": 1 / 8, "head": (128, 128)}, "Too few: widen the network or its head. Halving the width"),
        ({"width": 1 / 4, "head": ()}, "two layers in the head"),
        ({"configuration": "E", "width": 0.213, "head": ()}, "two layers in the head"),
        # Almost right: 16 layers, within the budget, but the parameters sit in the head.
        ({"width": 1 / 8, "head": (800, 800)}, "Make the convolutions wider"),
        ({"width": 1 / 4, "head": (128, 128), "input_shape": (64, 64, 3)}, "Leave input_shape"),
        ({"width": 1 / 4, "head": (128, 128), "classes": 12}, "Leave input_shape"),
    ],
)
def test_small_vgg_wrong(build, options, hint):
    assert hint in failure(check_small_vgg, build(**options))


def test_small_vgg_wants_a_model(build):
    import keras

    assert "what build_vgg(...) returns" in failure(check_small_vgg, build)
    assert "what build_vgg(...) returns" in failure(check_small_vgg, keras.Sequential([keras.layers.Dense(10)]))
    weightless = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
    assert "16 layers with weights" in failure(check_small_vgg, weightless)
    nested = keras.Sequential([keras.Input((32, 32, 3)), weightless, keras.layers.Dense(10)])
    assert "Next step" in failure(check_small_vgg, nested)
