"""Pictures of one convolution at work, and of small kernels stacked against one large one."""

import numpy as np
from matplotlib.patches import Rectangle

from vgg_lesson.convolution import convolve, window
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure, headline

FRAME = CYCLE[1]
STACK_MARGINS = {"left": 0.01, "right": 0.99, "top": 0.78, "bottom": 0.05, "wspace": 0.34}
MARGINS = {"left": 0.01, "right": 0.99, "top": 0.82, "bottom": 0.08, "wspace": 0.05}


def draw_convolution(image: np.ndarray, kernel, row: int, column: int, relu: bool = False) -> Picture:
    """An image, the sum that gives one output value, and the map of all output values.

    Args:
        image: (H, W) float, 0 (black) to 1 (white).
        kernel: (3, 3) numbers.
        row, column: the output cell that is worked out.
        relu: set negative outputs to 0.
    """
    here, outputs = window(image, kernel, row, column), convolve(image, kernel)
    if relu:
        outputs = np.maximum(outputs, 0)
    made, (left, middle, right) = figure(9.2, 3.5, columns=3, margins=MARGINS)
    for axes in (left, middle, right):
        axes.set_axis_off()
    left.imshow(image, cmap="gray", vmin=0, vmax=1)
    _frame(left, column - 1, row - 1, 3)
    left.set_title("image", fontsize=10)
    _draw_sum(middle, here)
    # The padding's false edges are often the strongest outputs; they must not fade all others.
    inner = outputs[1:-1, 1:-1] if min(outputs.shape) > 2 else outputs
    limit = max(np.abs(inner).max(), 1e-9)
    right.imshow(outputs, cmap="RdBu_r", vmin=-limit, vmax=limit)
    _frame(right, column, row, 1)
    right.set_title("all outputs" + (" after ReLU" if relu else ""), fontsize=10)
    blue = "" if relu else f"blue {_number(-limit)} or less    "
    right.text(
        0.5, -0.02, f"{blue}white 0    red {_number(limit)} or more",
        transform=right.transAxes, ha="center", va="top", fontsize=8.5, color=COLOURS["muted"],
    )  # fmt: skip
    finding = f"One output value is a sum of nine products, here {_number(here.total)}"
    if relu:
        finding += f", and after ReLU {_number(max(here.total, 0))}"
    headline(made, finding)
    return Picture(made, _convolution_words(here, outputs, row, column, relu))


def _frame(axes, x: int, y: int, size: int) -> None:
    outer = {"facecolor": "none", "clip_on": False}
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), size, size, edgecolor="white", linewidth=4, **outer))
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), size, size, edgecolor=FRAME, linewidth=2, **outer))


def _draw_sum(axes, here) -> None:
    axes.imshow(here.values, cmap="gray", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(here.values):
        brightness = f"{value:.2f}" if here.inside[i, j] else "0 (edge)"
        text = f"{brightness}\n× {_number(here.kernel[i, j], 4)}"
        axes.text(j, i, text, ha="center", va="center", fontsize=11, color="black" if value > 0.5 else "white")
    _frame(axes, 0, 0, 3)
    axes.set_title("the nine products", fontsize=10)
    axes.text(
        0.5, -0.02, f"sum = {_number(here.total)}", transform=axes.transAxes, ha="center", va="top", fontsize=11,
        fontweight="bold",
    )  # fmt: skip


def _number(value: float, digits: int = 2) -> str:
    """At most so many decimals, six where they would all be 0, with a real minus sign: -1, 0.25, 0.0004, 0."""
    shown = round(float(value), digits) or round(float(value), 6)
    return np.format_float_positional(shown + 0.0, trim="-").replace("-", "\N{MINUS SIGN}")


def _convolution_words(here, outputs, row: int, column: int, relu: bool) -> str:
    weights = _number(here.kernel.sum(), 4)
    flat = (
        f"{weights}, so an area of one brightness v gives {weights} × v"
        if weights != "0"
        else ("0, so an area of one brightness gives 0")
    )
    terms = " + ".join(
        f"{value:.2f} × {_number(weight, 4)}" if weight >= 0 else f"{value:.2f} × ({_number(weight, 4)})"
        for value, weight in zip(here.values.flat, here.kernel.flat, strict=True)
        if weight
    )
    result = f"{terms or 'nothing'} = {_number(here.total)}"
    if relu:
        result += f", after ReLU {_number(max(here.total, 0))}"
    edge = (
        "" if here.inside.all() else f" {int((~here.inside).sum())} of the nine lie outside the image and count as 0."
    )
    strongest = np.unravel_index(np.abs(outputs).argmax(), outputs.shape)
    return (
        f"Output at row {row}, column {column}: {result} (weights of 0 left out).{edge} "
        f"The nine weights add up to {flat}. "
        f"The strongest output, {_number(outputs[strongest])}, is at row {strongest[0]}, column {strongest[1]}."
    )


def draw_stack(layers: int = 3, channels: int = 64) -> Picture:
    """A stack of 3 x 3 convolutions against the one convolution that sees as much.

    Args:
        layers: convolutions in the stack, 1 to 6; each has ``channels`` inputs and outputs.
        channels: channels of the maps.

    Raises:
        ValueError: no layers, or no channels.
    """
    if layers < 1 or channels < 1:
        raise ValueError(f"layers and channels must be at least 1, received {layers!r} and {channels!r}")
    side = 2 * layers + 1
    stack, single = layers * (9 * channels + 1) * channels, (side * side * channels + 1) * channels
    made, (left, right) = figure(9.2, 3.5, columns=2, margins=STACK_MARGINS)
    _draw_reach(left, layers, side)
    bars = right.barh([1, 0], [stack, single], color=[CYCLE[0], CYCLE[1]], height=0.5)
    right.bar_label(bars, [f" {stack:,}", f" {single:,}"], fontsize=10)
    right.set_yticks([1, 0], [f"{layers} × (3 × 3)", f"1 × ({side} × {side})"])
    right.set_xlim(0, 1.35 * max(stack, single))
    right.set_ylim(-0.6, 1.6)
    right.xaxis.set_visible(False)
    right.grid(False)
    right.spines["bottom"].set_visible(False)
    right.set_title(f"parameters, {channels} channels in and out", fontsize=10)
    saved = 1 - stack / single
    finding = "One 3 × 3 layer: both are the same"
    if layers > 1:
        finding = f"{_count_words(layers)} see as far as one {side} × {side} layer, with {saved:.0%} fewer parameters"
    headline(made, finding)
    size = f"{side} × {side}"
    words = (
        f"A value after {_count_words(layers).lower()} depends on {size} pixels, as after one {size} layer. "
        f"With {channels} channels in and out, the stack has {layers} × ({channels} × 3 × 3 × {channels} + {channels}) "
        f"= {stack:,} parameters and {layers} ReLU{'s' if layers > 1 else ''}; the single layer has "
        f"{channels} × {size} × {channels} + {channels} = {single:,} and one ReLU. "
    )
    return Picture(made, words + ("They are the same." if layers == 1 else f"The stack saves {saved:.0%}."))


def _count_words(layers: int) -> str:
    names = ("One", "Two", "Three", "Four", "Five", "Six")
    number = names[layers - 1] if layers <= len(names) else str(layers)
    return f"{number} 3 × 3 layer{'s' if layers > 1 else ''}"


def _draw_reach(axes, layers: int, side: int) -> None:
    """One row of the maps, from the side: which values each layer's middle value depends on."""
    for level in range(layers + 1):
        reach = side - 2 * level
        for cell in range(reach):
            x = level + cell
            colour = COLOURS["grid"] if level == 0 else CYCLE[0]
            axes.add_patch(
                Rectangle((x - 0.42, level - 0.22), 0.84, 0.44, facecolor=colour, edgecolor=COLOURS["muted"])
            )
        name = "input" if level == 0 else f"layer {level}"
        axes.text(-1.0, level, name, ha="right", va="center", fontsize=9)
        axes.text(side + 0.2, level, f"{reach} × {reach}", ha="left", va="center", fontsize=9, color=COLOURS["muted"])
        if level:  # from the first and the last value to the edges of what they depend on
            for cell, away in ((level - 0.42, -1), (side - level - 0.58, 1)):
                axes.plot([cell, cell + away], [level - 0.22, level - 0.78], color=CYCLE[1], linewidth=1.2)
    axes.set_xlim(-3.2, side + 2.2)
    axes.set_ylim(-0.5, layers + 0.5)
    axes.set_axis_off()
    axes.set_title("what one value depends on, seen from the side", fontsize=10)
