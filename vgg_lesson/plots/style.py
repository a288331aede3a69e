"""One look for every figure: colours, fonts, and the helpers that keep pictures honest.

Colours are those of Okabe and Ito (2008), which stay apart for all common kinds of colour
blindness. Figures are built without pyplot, whose global state is not safe when a training
thread and the notebook draw at the same time.
"""

import io
import math
import threading
from dataclasses import dataclass, field

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#000000")
COLOURS = {
    "training": "#0072B2",
    "validation": "#D55E00",
    "chance": "#6B6B6B",
    "good": "#009E73",
    "bad": "#D55E00",
    "ink": "#1A1A1A",
    "muted": "#6B6B6B",
    "grid": "#E3E3E3",
    "paper": "#FFFFFF",
}
# Pages are white on purpose: on JupyterLab's dark theme a figure reads like a printed card.
STYLE = {
    "figure.facecolor": COLOURS["paper"],
    "axes.facecolor": COLOURS["paper"],
    "savefig.facecolor": COLOURS["paper"],
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.hinting": "none",  # at this many pixels hinting changes nothing that one sees, and takes a fifth of the time
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": COLOURS["ink"],
    "axes.edgecolor": COLOURS["muted"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=CYCLE),
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "lines.markersize": 5,
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "legend.frameon": False,
    "image.interpolation": "nearest",
}
SCREEN_DPI = 100
PIXEL_RATIO = 2  # sharp on high-density screens

FEW_COLOURS = 4096
"""Drawings with smooth edges have up to so many; images of scenes have more."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# matplotlib's settings, its font and path caches are shared between figures and not thread-safe: two threads that
# leave rc_context in the other order than they entered it would keep this style for the notebook's own plots.
_DRAWING = threading.Lock()


@dataclass(frozen=True, repr=False)
class Picture:
    """A figure and the same finding in words.

    Attributes:
        figure: the matplotlib figure.
        text: one or two sentences with the numbers that the figure shows: the text equivalent.
    """

    figure: Figure = field(compare=False)
    text: str

    def __repr__(self) -> str:
        return f"Picture: {self.text}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        width = round(self.figure.get_figwidth() * SCREEN_DPI)
        data = {"image/png": to_png(self.figure), "text/plain": repr(self)}
        return data, {"image/png": {"width": width, "alt": self.text}}


class StyledAxes(Axes):
    """Axes whose title looks as ``STYLE`` says: matplotlib reads a title's settings when it is set."""

    def set_title(self, label, fontdict=None, loc=None, pad=None, **text):
        """As :meth:`matplotlib.axes.Axes.set_title`, with the style's place, size and weight as defaults.

        The height is fixed: looking for room above the ticks measures them all once more, and no axes here has
        its ticks on top.
        """
        text = {"y": 1.0, "fontsize": STYLE["axes.titlesize"], "fontweight": STYLE["axes.titleweight"], **text}
        place, gap = loc or STYLE["axes.titlelocation"], pad or STYLE["axes.titlepad"]
        return super().set_title(label, fontdict, place, gap, **text)

    def set_xscale(self, value, **scale):
        """As :meth:`matplotlib.axes.Axes.set_xscale`."""
        super().set_xscale(value, **scale)
        _plain_powers(self.xaxis)

    def set_yscale(self, value, **scale):
        """As :meth:`matplotlib.axes.Axes.set_yscale`."""
        super().set_yscale(value, **scale)
        _plain_powers(self.yaxis)


def _plain_powers(axis) -> None:
    """Label powers of ten with the font's own superscripts: parsing formulas takes longer than all other text."""
    if axis.get_scale() == "log":
        axis.set_major_formatter(lambda value, _: f"10{str(round(math.log10(value))).translate(_RAISED)}")


def figure(
    width: float = 6.4,
    height: float = 3.6,
    rows: int = 1,
    columns: int = 1,
    margins: dict[str, float] | None = None,
    **subplots,
):
    """Make a styled figure.

    Args:
        width, height: size in inches (100 screen pixels each).
        rows, columns: grid of axes; further keywords go to :meth:`matplotlib.figure.Figure.subplots`.
        margins: keywords of :meth:`matplotlib.figure.Figure.subplots_adjust`, for labs that must answer
            at once: measuring every text to place the axes takes about as long as drawing them.

    Returns:
        ``(Figure, axes)``: one Axes, or an array of them when rows or columns exceed 1.
    """
    with _DRAWING, matplotlib.rc_context(STYLE):
        made = Figure(figsize=(width, height), dpi=SCREEN_DPI, layout="none" if margins else "constrained")
        FigureCanvasAgg(made)
        if margins:
            made.subplots_adjust(**margins)
        subplots["subplot_kw"] = {"axes_class": StyledAxes, **subplots.get("subplot_kw", {})}
        return made, made.subplots(rows, columns, **subplots)


def to_png(made: Figure, *, quick: bool = False) -> bytes:
    """Render a figure as PNG bytes, at twice the screen's resolution.

    Args:
        made: the figure.
        quick: for a lab that has to answer at once: a bigger file in less time. Otherwise what has few colours, so
            no photographs, gets a palette of 256: half the size, and only the edges of letters change.
    """
    buffer = io.BytesIO()
    usual = made.dpi
    with _DRAWING, matplotlib.rc_context(STYLE):
        # Not savefig: it draws twice where a layout is computed, and keeps an alpha channel that is full everywhere.
        made.set_dpi(SCREEN_DPI * PIXEL_RATIO)
        try:
            made.canvas.draw()
            pixels = Image.fromarray(np.asarray(made.canvas.buffer_rgba())).convert("RGB")
        finally:
            made.set_dpi(usual)
    if not quick and pixels.getcolors(FEW_COLOURS):
        pixels = pixels.quantize(256, dither=Image.Dither.NONE)
    pixels.save(buffer, format="png", dpi=(SCREEN_DPI * PIXEL_RATIO,) * 2, compress_level=1 if quick else 6)
    return buffer.getvalue()


BEHIND_WORDS = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
"""Box that keeps words readable where they lie on a line."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))


def chance_line(axes: Axes, kind: str, classes: int = 10, *, at: float = 0.01, below: bool = False) -> None:
    """Draw and name what guessing gives: accuracy 1/classes, or cross-entropy ln(classes).

    Args:
        axes: where to draw.
        kind: "accuracy" (0 to 1) or "loss" (nats).
        classes: number of equally frequent classes.
        at: where the name begins, as a share of the width; at 1 it ends there.
        below: write the name below the line instead of above it.
    """
    if kind == "accuracy":
        level, name = 1 / classes, f"chance {100 / classes:g}%"
    elif kind == "loss":
        level, name = math.log(classes), f"chance ln {classes} = {math.log(classes):.3f}"
    else:
        raise ValueError(f"kind must be 'accuracy' or 'loss', received {kind!r}")
    axes.axhline(level, color=COLOURS["chance"], linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    axes.annotate(
        name, (at, level), xycoords=("axes fraction", "data"),
        xytext=(0, -5 if below else 3), textcoords="offset points", color=COLOURS["chance"], fontsize=8.5,
        va="top" if below else "bottom", ha="right" if at == 1 else "left",
    )  # fmt: skip


def label_line(axes: Axes, x: float, y: float, text: str, color: str) -> None:
    """Write a line's name beside its last point, instead of a legend."""
    axes.annotate(
        text, (x, y), xytext=(5, 0), textcoords="offset points", color=color, fontsize=9, fontweight="bold",
        va="center", ha="left", annotation_clip=False,
    )  # fmt: skip


def box_outline(left: float, low: float, width: float, height: float) -> list[tuple[float, float]]:
    """Corners of a box, for a PolyCollection: many boxes as one artist take a quarter of the time."""
    return [(left, low), (left + width, low), (left + width, low + height), (left, low + height)]


def name_places(axes: Axes, along: str, names, *, fontsize: float = 8.5, turn: float = 0, room: float = 0) -> None:
    """Write names at 0, 1, 2, ... along one side, instead of ticks.

    A tick with its label takes three times as long to make and to draw as a text.

    Args:
        axes: where to write; its limits are set by the caller.
        along: "x", below the axes, or "y", left of them.
        names: what to write, in order.
        turn: rotation in degrees; turned names end at their place.
        room: how far the axis label is from the axes, in points: no tick label tells it where to go.
    """
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_ticks([])
    axis.labelpad = room
    look = {"fontsize": fontsize, "rotation": turn, "color": COLOURS["ink"], "clip_on": False}
    for place, name in enumerate(names):
        if along == "x":
            axes.text(
                place, -0.02, name, ha="right" if turn else "center", va="top",
                transform=axes.get_xaxis_transform(), **look,
            )  # fmt: skip
        else:
            axes.text(-0.015, place, name, ha="right", va="center", transform=axes.get_yaxis_transform(), **look)
