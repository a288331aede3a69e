"""Labs of lesson 2 on single convolutions: one worked out by hand, and small kernels in a stack."""

from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np

from vgg_lesson.convolution import KERNELS, grey
from vgg_lesson.plots.convolution import draw_convolution, draw_stack
from vgg_lesson.plots.style import Picture
from vgg_lesson.widgets.common import choice, hinted, int_slider, step_slider, switch
from vgg_lesson.widgets.explorer import Explorer

OWN = "your own"
PLACES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right")
"""Names of the nine weights, row by row."""


class ConvolutionByHand(Explorer):
    """Edit a 3 x 3 kernel and see the sum behind one output value, and all outputs.

    Args:
        images: (N, H, W, 3) uint8; they are shown in grey.
        names: what to call each image.

    Attributes:
        preset: the choice of a kernel to start from; it reads "your own" once a weight is edited.
        weights: the nine number fields, row by row.
    """

    def __init__(self, images: np.ndarray, names: Sequence[str]):
        self.maps = [grey(image) for image in images]
        high, wide = self.maps[0].shape
        start = next(iter(KERNELS))
        self.preset = choice("Kernel", [*KERNELS, OWN], start, "Nine weights to start from.")
        self.weights = [_weight(place, value) for place, value in zip(PLACES, np.ravel(KERNELS[start]), strict=True)]
        self._loading = False
        options = [(name, number) for number, name in enumerate(names)]
        cell = "of the output cell that is worked out, counted from 0 at the top left. Arrow keys move it."
        super().__init__(
            "Find nine weights that give 0 where the image has one brightness, and a strong output on slanted edges. "
            "(The border is different: there the weights also lie on the zeros of the padding.)",
            self._draw,
            {
                "number": choice("Image", options, 0, "One drawing of each class, in grey."),
                "row": int_slider("Row", high // 2, 0, high - 1, f"Row {cell}"),
                "column": int_slider("Column", wide // 2, 0, wide - 1, f"Column {cell}"),
                "relu": switch("ReLU", False, "Negative outputs become 0, as after each convolution of a VGG."),
            },
            height=350,
        )
        kernel = widgets.GridBox(self.weights, layout={"grid_template_columns": "repeat(3, 13.5em)", "grid_gap": "4px"})
        goal, message, panel = self.children[0], self.message, self.panel
        number, *others = self.controls.values()
        left = widgets.VBox([hinted(control) for control in (number, self.preset, *others)])
        self.children = [goal, widgets.HBox([left, kernel], layout={"flex_flow": "row wrap"}), message, panel]
        self.preset.observe(self._load, "value")
        for field in self.weights:
            field.observe(self._edited, "value")

    @property
    def values(self) -> dict:
        """The controls' values by name, with the kernel as nine numbers."""
        return {**super().values, "kernel": tuple(field.value for field in self.weights)}

    def _draw(self, number: int, row: int, column: int, relu: bool, kernel: tuple[float, ...]) -> Picture:
        return draw_convolution(self.maps[number], np.reshape(kernel, (3, 3)), row, column, relu)

    def _load(self, change) -> None:
        if change.new != OWN:
            self._loading = True  # nine fields change, one picture is drawn
            for field, value in zip(self.weights, np.ravel(KERNELS[change.new]), strict=True):
                field.value = float(value)
            self._loading = False
            self._request()

    def _edited(self, change) -> None:
        if not self._loading:
            kernel = tuple(field.value for field in self.weights)
            self.preset.value = next((name for name, known in KERNELS.items() if kernel == tuple(np.ravel(known))), OWN)
            self._request()


def _weight(place: str, value: float) -> widgets.FloatText:
    tip = f"Weight of the {'pixel itself' if place == 'middle' else place + ' neighbour'}."
    return widgets.FloatText(
        value=float(value), step=1, description=place, tooltip=tip,
        style={"description_width": "7em"}, layout={"width": "13em"},
    )  # fmt: skip


def stack_explorer() -> Explorer:
    """A lab: a stack of 3 x 3 convolutions against the one convolution that sees as much."""
    return Explorer(
        "Find the number of 3 × 3 layers that see 11 × 11 pixels. Does the share saved depend on the channels?",
        draw_stack,
        {
            "layers": int_slider("Layers in the stack", 3, 1, 6, "How many 3 × 3 convolutions follow each other."),
            "channels": step_slider(
                "Channels", (16, 32, 64, 128, 256, 512), 64, "Channels in and out of every layer; VGG has 64 to 512."
            ),
        },
        height=350,
    )
