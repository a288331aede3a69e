"""The lab of lesson 2 on whole networks: turn the paper's knobs and see shapes and costs."""

import html

import ipywidgets as widgets

from vgg_lesson.configurations import CONFIGURATIONS, LayerRow, count_layers, weight_layers
from vgg_lesson.plots.architecture import draw_network, total
from vgg_lesson.plots.style import Picture
from vgg_lesson.widgets.common import step_slider, switch
from vgg_lesson.widgets.explorer import Explorer

SIDES = {32: 10, 224: 1000}
"""Side of the images -> number of classes: CIFAR-10 and the paper's ImageNet."""
WIDTHS = {"1/8": 1 / 8, "1/4": 1 / 4, "1/2": 1 / 2, "1": 1.0}
HEADS = {"none": (), "2 × 128": (128, 128), "2 × 512": (512, 512), "2 × 4096": (4096, 4096)}


class ArchitectureExplorer(Explorer):
    """The six configurations, drawn to scale and counted layer by layer.

    The numbers come from arithmetic, not from a built network, so that each move is answered at once.

    Attributes:
        table: the layers as an HTML table, below the picture.
    """

    def __init__(self):
        self.table = widgets.HTML()
        super().__init__(
            "Find what halving the width does to the parameters and to the work when there is no head. "
            "Then find, at 32 × 32 pixels, for width 1 and for width 1/8, the smallest head that holds more than half "
            "of the parameters.",
            explore,
            {
                "configuration": step_slider(
                    "Configuration", list(CONFIGURATIONS), "D", "Column of the paper's table."
                ),
                "side": step_slider(
                    "Input",
                    [("32 × 32", 32), ("224 × 224", 224)],
                    32,
                    "CIFAR-10 with 10 classes, or ImageNet with 1000.",
                ),
                "width": step_slider("Width", list(WIDTHS.items()), 1.0, "Factor on the filters of every convolution."),
                "head": step_slider(
                    "Head", list(HEADS.items()), (4096, 4096), "Units of the fully connected layers before the output."
                ),
                "batch_norm": switch(
                    "Batch normalisation", False, "A normalisation between each convolution and its ReLU."
                ),
            },
            height=500,
        )
        self.children = [*self.children, self.table]

    def _refresh(self, values: dict) -> None:
        super()._refresh(values)
        self.table.value = table(network(**values))


def architecture_explorer() -> ArchitectureExplorer:
    """Return the lab."""
    return ArchitectureExplorer()


def network(configuration: str, side: int, width: float, head: tuple[int, ...], batch_norm: bool) -> list[LayerRow]:
    """Return the layers of the network that the lab's controls describe."""
    return count_layers(
        configuration, input_shape=(side, side, 3), classes=SIDES[side], width=width, head=head, batch_norm=batch_norm
    )


def explore(configuration: str, side: int, width: float, head: tuple[int, ...], batch_norm: bool) -> Picture:
    """Draw the network that the lab's controls describe."""
    narrow = "" if width == 1 else f", width {width:g}"
    title = f"VGG-{configuration}{narrow}, {side} × {side}, {weight_layers(configuration, head)} weight layers"
    return draw_network(network(configuration, side, width, head, batch_norm), title)


def table(rows: list[LayerRow]) -> str:
    """Return the layers as an HTML table that scrolls, by keyboard too, and names its columns."""
    columns = ("layer", "kind", "output", "parameters", "multiply-adds", "output memory (KiB)", "receptive field")
    head = "".join(
        f"<th scope='col' style='text-align:{_side(i)};padding:.2em .7em'>{name}</th>" for i, name in enumerate(columns)
    )
    lines = [_line(_cells(row)) for row in rows]
    memory = f"{total(rows, 'activation_bytes') / 1024:,.1f}"
    sums = ("all", "", "", f"{total(rows, 'parameters'):,}", f"{total(rows, 'multiply_adds'):,}", memory, "")
    return (
        "<div tabindex='0' role='region' aria-label='layers of the network' style='max-height:24em;overflow:auto'>"
        "<table style='border-collapse:collapse;line-height:1.5'>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}{_line(sums, bold=True)}</tbody></table></div>"
    )


def _cells(row: LayerRow) -> tuple[str, ...]:
    field = "whole image" if row.receptive_field is None else f"{row.receptive_field} × {row.receptive_field}"
    shape = " × ".join(map(str, row.output_shape))
    memory = f"{row.activation_bytes / 1024:,.1f}"
    return row.name, row.kind, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}", memory, field


def _line(cells: tuple[str, ...], bold: bool = False) -> str:
    style = "font-weight:bold;border-top:1px solid" if bold else ""
    first, *others = (html.escape(cell) for cell in cells)
    return (
        f"<tr style='{style}'><th scope='row' style='text-align:left;padding:0 .7em'>{first}</th>"
        + "".join(
            f"<td style='text-align:{_side(i)};padding:0 .7em'>{cell}</td>" for i, cell in enumerate(others, start=1)
        )
        + "</tr>"
    )


def _side(column: int) -> str:
    return "left" if column < 2 else "right"
