"""What many figures need on their axes: levels of guessing, names of lines and places, boxes."""

from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from vgg_lesson.baselines import AMONG_TEN, Guessing
from vgg_lesson.plots.style import COLOURS

BEHIND_WORDS = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
"""Box that keeps words readable where they lie on a line."""
CONTRAST = 4.5
"""Least contrast of words with the paper: WCAG 2, level AA, for text of this size."""
_LABEL = 0.075  # height of a line's name, as a share of the axes
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))


def chance_line(
    axes: Axes, kind: str, guessing: Guessing = AMONG_TEN, *, at: float = 0.01, below: bool = False
) -> None:
    """Draw and name what guessing gives: for equally frequent classes accuracy 1/classes, or cross-entropy ln(classes).

    Args:
        axes: where to draw.
        kind: "accuracy" (0 to 1) or "loss" (nats).
        guessing: among the classes that there are.
        at, below: as for :func:`level_line`.
    """
    if kind == "accuracy":
        name = f"chance {100 / guessing.classes:g}%" if guessing.even else f"guessing {guessing.accuracy:.0%}"
        level_line(axes, guessing.accuracy, name, at=at, below=below)
    elif kind == "loss":
        name = f"chance ln {guessing.classes} = {guessing.loss:.3f}" if guessing.even else None
        level_line(axes, guessing.loss, name, at=at, below=below)
    else:
        raise ValueError(f"kind must be 'accuracy' or 'loss', received {kind!r}")


def level_line(axes: Axes, level: float, name: str | None = None, *, at: float = 0.01, below: bool = False) -> None:
    """Draw and name a level that guessing gives.

    Args:
        axes: where to draw.
        level: in the units of the vertical axis.
        name: by default "guessing" and the number.
        at: where the name begins, as a share of the width; at 1 it ends there.
        below: write the name below the line instead of above it.
    """
    name = name or f"guessing {level:.3f}"
    axes.axhline(level, color=COLOURS["chance"], linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    axes.annotate(
        name, (at, level), xycoords=("axes fraction", "data"),
        xytext=(0, -5 if below else 3), textcoords="offset points", color=COLOURS["chance"], fontsize=8.5,
        va="top" if below else "bottom", ha="right" if at == 1 else "left",
    )  # fmt: skip


def label_line(axes: Axes, x: float, y: float, text: str, color: str):
    """Write a line's name beside its last point, instead of a legend, in a readable shade of ``color``; returned."""
    return axes.annotate(
        text, (x, y), xytext=(5, 0), textcoords="offset points", color=readable(color), fontsize=9, fontweight="bold",
        va="center", ha="left", annotation_clip=False,
        bbox={"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 0.5},  # no line runs through the words
    )  # fmt: skip


def apart(heights, limits, log: bool = True):
    """Heights for labels that cover neither each other nor the lower edge and, up to a dozen of them, stay inside."""
    low, high = np.log10(limits) if log else limits
    bounded = np.clip(np.nan_to_num(heights, nan=limits[1]), *limits)
    shares = ((np.log10(bounded) if log else bounded) - low) / (high - low)
    if not len(shares):
        return []
    order = np.argsort(heights, kind="stable")  # as they lie, also beyond the limits
    steps = _LABEL * np.arange(len(order))
    moved = np.empty(len(order))
    moved[order] = np.clip(_rising(shares[order] - steps), _LABEL / 2, max(_LABEL / 2, 1 - steps[-1])) + steps
    values = low + moved * (high - low)
    return (10**values if log else values).tolist()


def _rising(values) -> np.ndarray:
    """The nearest values of which none is below the one before it: neighbours that are take their mean."""
    groups: list[tuple[float, int]] = []
    for value in values:
        count = 1
        while groups and groups[-1][0] > value:
            before, number = groups.pop()
            value, count = (before * number + value * count) / (number + count), number + count
        groups.append((value, count))
    return np.repeat(*zip(*groups, strict=True))


def label_lines(axes: Axes, ends) -> list:
    """Write the names of several lines as ``label_line`` does, one above the other where they would overlap.

    Args:
        ends: (y, x, text, color) of each line; the axes' vertical limits must be set.

    Returns:
        The names as they were written.
    """
    heights = apart([end[0] for end in ends], axes.get_ylim(), log=False)
    return [label_line(axes, x, y, text, color) for y, (_, x, text, color) in zip(heights, ends, strict=True)]


@lru_cache
def readable(color: str) -> str:
    """The colour itself, or the first darker shade of it in which words on white have enough ``CONTRAST``."""
    shares = to_rgb(color)
    # WCAG 2: relative luminance of an sRGB colour, and its contrast with white.
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return color if 1.05 / (luminance + 0.05) >= CONTRAST else readable(to_hex([0.97 * share for share in shares]))


def capital(text: str) -> str:
    """A text with its first letter large and all others as they are: ``str.capitalize`` makes VGG16 Vgg16."""
    return text[:1].upper() + text[1:]


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
