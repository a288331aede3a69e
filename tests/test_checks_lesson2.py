"""Each exercise of lesson 2: the solution passes, plausible wrong answers fail and are told why."""

import pytest

from vgg_lesson.checks.lesson2 import check_convolution_cost, check_receptive_field, check_small_vgg


def failure(check, answer) -> str:
    with pytest.raises(AssertionError) as caught:
        check(answer)
    words = str(caught.value)
    assert all(part in words for part in ("Expected:", "Received:", "Next step:"))
    return words


# --- exercise 1


def cost(side, kernel, inputs, outputs):
    weights = kernel * kernel * inputs * outputs
    return weights + outputs, weights * side * side


def test_convolution_cost_solution():
    check_convolution_cost(cost)
    check_convolution_cost(lambda *a: list(cost(*a)))


@pytest.mark.parametrize(
    "wrong, hint",
    [
        (lambda s, k, i, o: (k * k * i * o, k * k * i * o * s * s), "each output channel add at the end"),
        (lambda s, k, i, o: (k * i * o + o, k * i * o * s * s), "A kernel has rows and columns"),
        (lambda s, k, i, o: (k * k * o + o, k * k * o * s * s), "for every input channel"),
        (lambda s, k, i, o: (k * k * i * o + 1, 0), "one for the layer, or one for each output channel"),
        (lambda s, k, i, o: (k * k * i + 1, 0), "How many are there"),
        (lambda s, k, i, o: (k * k * i * o + o, k * k * i * o), "How many places"),
        (lambda s, k, i, o: (k * k * i * o + o, k * k * i * o * s), "The map has rows and columns"),
        # Almost right: the bias is no multiplication.
        (lambda s, k, i, o: (k * k * i * o + o, (k * k * i * o + o) * s * s), "count the weights only"),
        (lambda s, k, i, o: (k * k * i * o + o, 2 * k * k * i * o * s * s), "counts as one"),
        # Right for a 1 x 1 and a 3 x 3 kernel on the first two cases only.
        (
            lambda s, k, i, o: ((9 if k > 1 else 1) * i * o + o, (9 if k > 1 else 1) * i * o * s * s),
            "Count the weights",
        ),
        (lambda s, k, i, o: (cost(s, k, i, o)[1], cost(s, k, i, o)[0]), "Count the weights"),
        (lambda s, k, i, o: k * k * i * o + o, "return parameters, multiply_adds"),
        (lambda s, k, i, o: None, "does the function return its result"),
    ],
)
def test_convolution_cost_wrong(wrong, hint):
    assert hint in failure(check_convolution_cost, wrong)


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
        ({"width": 1 / 4, "head": (512, 512)}, "Halving the width"),
        ({"width": 1 / 8, "head": (128, 128)}, "Halving the width"),
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
    assert "what build_vgg(...) returns" in failure(check_small_vgg, build)
