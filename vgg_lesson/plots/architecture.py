"""The picture of a network: its maps drawn to scale, and where its parameters and its work sit."""

from collections.abc import Sequence

from matplotlib.patches import Rectangle

from vgg_lesson.configurations import LayerRow
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure

COLOUR_OF_KIND = {"Conv2D": CYCLE[0], "MaxPooling2D": CYCLE[5], "Dense": CYCLE[2]}
NAME_OF_KIND = {"Conv2D": "convolution", "MaxPooling2D": "max pooling", "Dense": "fully connected"}
FIELDS = ("parameters", "multiply_adds")
MARGINS = {"left": 0.098, "right": 0.995, "top": 0.9, "bottom": 0.2, "hspace": 0.04}


def draw_network(rows: Sequence[LayerRow], title: str) -> Picture:
    """Draw a network's layers side by side, above the share of parameters and of work of each.

    A map is drawn as a box: its height is the map's side and its width the number of channels, both to
    scale. Fully connected layers have no rows and columns: they are flat bars with their number of units.

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
    made, (maps, shares) = figure(9.6, 5.0, rows=2, height_ratios=(1.1, 1), sharex=True, margins=MARGINS)
    _draw_maps(maps, drawn)
    _draw_shares(shares, drawn)
    parameters, work = total(rows, "parameters"), total(rows, "multiply_adds")
    head = sum(row.parameters for row in rows if row.kind == "Dense")
    made.suptitle(
        f"{title}: {_millions(parameters)} parameters, {head / parameters:.0%} in the fully connected layers",
        x=0.012, ha="left", fontsize=11.5, fontweight="bold",
    )  # fmt: skip
    return Picture(made, _words(rows, title, parameters, work, head))


def total(rows: Sequence[LayerRow], field: str) -> int:
    """Sum of one field over all rows."""
    return sum(getattr(row, field) for row in rows)


def _draw_maps(axes, drawn: list[LayerRow]) -> None:
    tallest = max((row.output_shape[0] for row in drawn if len(row.output_shape) == 3), default=1)
    widest = max((row.output_shape[-1] for row in drawn if len(row.output_shape) == 3), default=1)
    before = None
    for place, (row, following) in enumerate(zip(drawn, [*drawn[1:], None], strict=True)):
        spatial = len(row.output_shape) == 3
        high = row.output_shape[0] / tallest if spatial else 0.03
        wide = max(0.86 * row.output_shape[-1] / widest, 0.04) if spatial else 0.86
        axes.add_patch(Rectangle((place - wide / 2, 0), wide, high, facecolor=COLOUR_OF_KIND[row.kind], linewidth=0))
        # A pooling's size stands above the convolution that follows, where there is one: two labels would collide.
        named = row.kind != "MaxPooling2D" or following is None or following.kind != "Conv2D"
        if named and row.output_shape != before:
            size = "×".join(str(number) for number in row.output_shape[:2]) + "\n×" if spatial else ""
            axes.text(place, high + 0.02, f"{size}{row.output_shape[-1]}", ha="center", va="bottom", fontsize=8)
        before = row.output_shape if named else before
    axes.set_ylim(0, 1.28)
    axes.set_axis_off()
    kinds = [kind for kind in COLOUR_OF_KIND if any(row.kind == kind for row in drawn)]
    for line, kind in enumerate(kinds):
        y = 1.16 - 0.13 * line
        axes.add_patch(Rectangle((len(drawn) - 3.9, y), 0.4, 0.07, facecolor=COLOUR_OF_KIND[kind], linewidth=0))
        axes.text(len(drawn) - 3.3, y + 0.03, NAME_OF_KIND[kind], va="center", fontsize=8.5)


def _draw_shares(axes, drawn: list[LayerRow]) -> None:
    """Parameters upwards, multiply-adds downwards, in % of the network."""
    for field, sign, colour in (("parameters", 1, CYCLE[3]), ("multiply_adds", -1, CYCLE[4])):
        whole = max(total(drawn, field), 1)
        shares = [100 * getattr(row, field) / whole for row in drawn]
        axes.bar(range(len(drawn)), [sign * share for share in shares], width=0.8, color=colour)
        for place, share in enumerate(shares):
            if share >= 4.5:
                axes.text(
                    place,
                    sign * (share + 1),
                    f"{share:.0f}",
                    ha="center",
                    va="bottom" if sign > 0 else "top",
                    fontsize=8,
                )
    up, down = (max(100 * getattr(row, field) / max(total(drawn, field), 1) for row in drawn) for field in FIELDS)
    axes.set_ylim(-down - 8, up + 10)
    axes.axhline(0, color=COLOURS["ink"], linewidth=0.8)
    axes.set_xlim(-0.7, len(drawn) - 0.3)
    axes.set_xticks(range(len(drawn)), [row.name for row in drawn], rotation=90, fontsize=8)
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    beside = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center", "fontsize": 8.5}
    axes.text(-0.005, up / 2, "parameters,\n% of all", color="#9A4573", **beside)
    axes.text(-0.005, -down / 2 - 3, "multiply-adds,\n% of all", color="#1F6E9C", **beside)


def _millions(number: int) -> str:
    return f"{number / 1e6:.1f} million" if number >= 1e6 else f"{number:,}"


def _words(rows, title: str, parameters: int, work: int, head: int) -> str:
    most, busiest = (max(rows, key=lambda row: getattr(row, field)) for field in FIELDS)
    head_work = sum(row.multiply_adds for row in rows if row.kind == "Dense")
    sides = [row.output_shape[0] for row in rows if row.kind == "MaxPooling2D"]
    memory = total(rows, "activation_bytes") / 2**20
    fields = [row.receptive_field for row in rows if row.receptive_field is not None]
    return (
        f"{title}: {parameters:,} parameters, {work:,} multiply-adds and {memory:.1f} MiB of outputs for one image. "
        f"The fully connected layers hold {head / parameters:.0%} of the parameters and do {head_work / work:.0%} of "
        f"the multiply-adds. Most parameters: {most.name} ({most.parameters / parameters:.0%}); most work: "
        f"{busiest.name} ({busiest.multiply_adds / work:.0%}). The poolings leave maps of side "
        f"{', '.join(map(str, sides))}; a value after the last of them sees {fields[-1]} × {fields[-1]} pixels."
    )
