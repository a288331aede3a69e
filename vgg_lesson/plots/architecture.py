"""The picture of a network: its maps drawn to scale, and where its parameters and its work sit."""

from collections.abc import Sequence

from matplotlib.collections import PolyCollection

from vgg_lesson.configurations import LayerRow
from vgg_lesson.plots.marks import box_outline, name_places
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure, headline

COLOUR_OF_KIND = {"Conv2D": CYCLE[0], "MaxPooling2D": CYCLE[5], "Dense": CYCLE[2]}
NAME_OF_KIND = {"Conv2D": "convolution", "MaxPooling2D": "max pooling", "Dense": "fully connected (not to scale)"}
FIELDS = ("parameters", "multiply_adds")
COLUMNS = ("map, to scale (length: side, thickness: channels)", "parameters, % of all", "multiply-adds, % of all")
MARGINS = {"left": 0.105, "right": 0.99, "top": 0.82, "bottom": 0.012, "wspace": 0.06}
THICK = 0.86
"""Thickness of the box with the most channels, in rows."""


def draw_network(rows: Sequence[LayerRow], title: str) -> Picture:
    """Draw a network's layers below each other: the map of each, its share of the parameters and of the work.

    A map is drawn as a box: its length is the map's side and its thickness the number of channels, both to
    scale. Fully connected layers have no rows and columns: they are hatched boxes, not to scale.

    Args:
        rows: of :func:`vgg_lesson.architecture.layer_table` or
            :func:`vgg_lesson.configurations.count_layers`.
        title: how to call the network, for example "VGG-D, 32 × 32".

    Raises:
        ValueError: no convolution, pooling or dense layer among ``rows``.
    """
    drawn = [row for row in rows if row.kind in COLOUR_OF_KIND]
    if not drawn:
        raise ValueError(
            f"rows must hold at least one of {list(COLOUR_OF_KIND)}, received {len(rows)} rows without any"
        )
    made, columns = figure(9.6, 5.0, columns=3, width_ratios=(1.5, 1, 1), margins=MARGINS)
    for axes, heading in zip(columns, COLUMNS, strict=True):
        axes.set_title(heading, fontsize=9, fontweight="normal", color=COLOURS["muted"], pad=5)
        axes.set_axis_off()
        axes.set_ylim(len(drawn) - 0.5, -0.5)
    _draw_maps(columns[0], drawn)
    for axes, field in zip(columns[1:], FIELDS, strict=True):
        _draw_shares(axes, drawn, field, total(rows, field))
    parameters, work = total(rows, "parameters"), total(rows, "multiply_adds")
    dense, worked = (sum(getattr(row, field) for row in rows if row.kind == "Dense") for field in FIELDS)
    finding = f"hold {_share(dense, parameters)} of the parameters and do {_share(worked, work)} of the work"
    headline(made, f"Fully connected layers {finding}")
    made.text(
        0.012, 0.905, f"{title}: {_in_words(parameters)} parameters, {_in_words(work)} multiply-adds for one image",
        fontsize=9.5, va="center",
    )  # fmt: skip
    return Picture(made, _words(rows, title, parameters, work, dense))


def total(rows: Sequence[LayerRow], field: str) -> int:
    """Sum of one field over all rows."""
    return sum(getattr(row, field) for row in rows)


def _draw_maps(axes, drawn: list[LayerRow]) -> None:
    spatial = [row.output_shape for row in drawn if len(row.output_shape) == 3]
    longest, thickest = max((shape[0] for shape in spatial), default=1), max((s[-1] for s in spatial), default=1)
    boxes = []
    for place, row in enumerate(drawn):
        length, thickness = 0.12, 0.6
        if len(row.output_shape) == 3:
            length, thickness = row.output_shape[0] / longest, THICK * row.output_shape[-1] / thickest
        boxes.append((row.kind, 0, place, length, thickness))
        size = " × ".join(str(number) for number in row.output_shape)
        axes.text(length + 0.025, place, size, va="center", fontsize=7.5)
    axes.set_xlim(0, 1.42)
    name_places(axes, "y", [row.name for row in drawn], fontsize=8)
    kinds = [kind for kind in COLOUR_OF_KIND if any(row.kind == kind for row in drawn)]
    # What the colours mean, where the boxes are short: in the lower right corner.
    for line, kind in enumerate(kinds):
        y = len(drawn) - 1 - 1.25 * (len(kinds) - 1 - line)
        boxes.append((kind, 0.62, y, 0.05, 0.6))
        axes.text(0.7, y, NAME_OF_KIND[kind], va="center", fontsize=8, color=COLOURS["muted"])
    _draw_boxes(axes, boxes)


def _draw_shares(axes, drawn: list[LayerRow], field: str, whole: int) -> None:
    """One bar a layer, in % of the network, with its number; poolings have neither parameters nor work."""
    shares = [100 * getattr(row, field) / max(whole, 1) for row in drawn]
    boxes = [(row.kind, 0, place, share, 0.72) for place, (row, share) in enumerate(zip(drawn, shares, strict=True))]
    _draw_boxes(axes, boxes, hatched=())
    axes.axvline(0, color=COLOURS["muted"], linewidth=0.8)
    for place, share in enumerate(shares):
        if share:
            axes.text(share + 0.015 * max(shares), place, _number(share), va="center", fontsize=7.5)
    axes.set_xlim(0, 1.2 * max(shares) or 1)


def _draw_boxes(axes, boxes, hatched=("Dense",)) -> None:
    """Boxes (kind, left, middle, length, thickness), one artist a kind."""
    for kind in COLOUR_OF_KIND:
        corners = [box_outline(x, y - t / 2, length, t) for each, x, y, length, t in boxes if each == kind]
        if corners:
            hatch = {"hatch": "/////", "edgecolor": "white"} if kind in hatched else {}
            axes.add_collection(PolyCollection(corners, facecolor=COLOUR_OF_KIND[kind], linewidth=0, **hatch))


def _share(part: int, whole: int) -> str:
    share = 100 * part / max(whole, 1)  # poolings alone have neither parameters nor work
    return f"{share:.0f}%" if share >= 0.95 or not part else f"{_number(share)}%"


def _number(share: float) -> str:
    return f"{share:.0f}" if share >= 9.95 else f"{share:.1f}" if share >= 0.05 else "under 0.1"


def _in_words(number: int) -> str:
    if number >= 1e9:
        return f"{number / 1e9:.1f} billion"
    return f"{number / 1e6:.1f} million" if number >= 1e6 else f"{number:,}"


def _words(rows, title: str, parameters: int, work: int, dense: int) -> str:
    most, busiest = (max(rows, key=lambda row: getattr(row, field)) for field in FIELDS)
    equals = sum(row.multiply_adds == busiest.multiply_adds for row in rows) - 1
    as_much = f", and {equals} more as much" if equals else ""
    dense_work = sum(row.multiply_adds for row in rows if row.kind == "Dense")
    pools = [row for row in rows if row.kind == "MaxPooling2D"]
    memory = total(rows, "activation_bytes") / 2**20
    pooled = ""
    if pools:
        field = pools[-1].receptive_field
        pooled = f" The poolings leave maps of side {', '.join(str(row.output_shape[0]) for row in pools)}"
        pooled += f"; a value after the last of them sees {field} × {field} pixels." if field else "."
    return (
        f"{title}: {parameters:,} parameters, {work:,} multiply-adds and {memory:.1f} MiB of outputs for one image. "
        f"The fully connected layers hold {_share(dense, parameters)} of the parameters and do "
        f"{_share(dense_work, work)} of the multiply-adds. Most parameters: {most.name} "
        f"({_share(most.parameters, parameters)}); most work: {busiest.name} "
        f"({_share(busiest.multiply_adds, work)}{as_much}).{pooled}"
    )
