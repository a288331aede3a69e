"""Pictures of the recorded atlas: the map of success rates beside the curves of one of its cells."""

import math

from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from vgg_lesson.plots.marks import BEHIND_WORDS, DASHES, box_outline, capital, chance_line, label_lines, name_places
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure, headline
from vgg_lesson.training_config import short_rate

MARGINS = {"left": 0.055, "right": 0.995, "top": 0.9, "bottom": 0.135, "wspace": 0.17}
_OWN_DIFFER = "Their width, head, images or epochs may differ from those of the recorded runs."
_FILL = {"none": "#FFFFFF", "failed": "#F6D2BF", "mixed": "#FBEFC4", "learned": "#BFE6D9"}


def atlas_cell(counts, curves, chosen: tuple[int, float], remedy: str, own=()) -> Picture:
    """Map of success rates for one remedy, and the recorded curves at one of its places.

    How to read it: "2 of 3" says that two of three seeds learned. Green, yellow and orange stand for
    all, some and none; an empty cell was not run. Diamonds are the learner's own runs, full where
    they learned.

    Args:
        counts: (depth, rate) -> pair (learned, runs).
        curves: seed -> validation accuracies (0 to 1), one an epoch, of the chosen place.
        chosen: (depth, rate).
        remedy: in words.
        own: the learner's runs as (depth, rate, learned).
    """
    drawn, (left, right) = figure(10.4, 3.7, columns=2, width_ratios=(1.75, 1), margins=MARGINS)
    depths = sorted({depth for depth, _ in counts})
    rates = sorted({rate for _, rate in counts})
    _fill_map(left, counts, depths, rates)
    x, y = rates.index(chosen[1]), depths.index(chosen[0])
    left.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, fill=False, edgecolor=COLOURS["ink"], linewidth=2.2))
    for depth, rate, learned in own:
        if depth in depths and rates[0] / 2 <= rate <= rates[-1] * 2:
            left.plot(
                _position(rate, rates), depths.index(depth) - 0.33, "D", markersize=8, markeredgewidth=1.8,
                color=CYCLE[0], markerfacecolor=CYCLE[0] if learned else "white",
            )  # fmt: skip
    left.set(xlabel="learning rate", ylabel="weight layers")
    left.set_title(f"{capital(remedy)}: {_summary(counts)}")

    right.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 0.8))
    chance_line(right, "accuracy")
    right.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    longest = max([len(curve) for curve in curves.values()], default=1)
    ends = []
    for number, (seed, curve) in enumerate(sorted(curves.items(), key=lambda item: item[1][-1:])):
        colour = CYCLE[number % 6]
        right.plot(range(1, len(curve) + 1), curve, "o", color=colour, linestyle=DASHES[number % 4])
        if len(curve):
            ends.append((curve[-1], len(curve), f"seed {seed}", colour))
    for words in label_lines(right, ends):
        words.set_bbox(BEHIND_WORDS)
    right.set_xlim(0.5, max(2, longest) * 1.35)
    right.set_xticks(range(1, longest + 1))
    learned, runs = counts[chosen]
    here = f"{learned} of {runs} learned" if runs else "not run"
    right.set_title(f"{chosen[0]} layers at {short_rate(chosen[1])}: {here}")
    ends = ", ".join(f"seed {seed} {curve[-1]:.1%}" for seed, curve in sorted(curves.items()) if len(curve))
    mine = f" Your own runs with this remedy: {_own_words(own)}. {_OWN_DIFFER}" if own else ""
    return Picture(
        drawn,
        f"Recorded at {chosen[0]} weight layers, rate {short_rate(chosen[1])}, {remedy}: {here}"
        + (f" (last validation accuracy: {ends})" if ends else "")
        + f". Over the whole map: {_summary(counts)}.{mine}",
    )


def atlas_maps(maps: dict) -> Picture:
    """One map of success rates for each remedy, for readers without a kernel.

    How to read it: as :func:`atlas_cell`; a place without a record is white.

    Args:
        maps: remedy in words -> dict (depth, rate) -> pair (learned, runs); the same places in each.
    """
    rows = math.ceil(len(maps) / 2)
    drawn, grid = figure(10.4, 2.5 * rows + 0.7, rows=rows, columns=2, squeeze=False)
    for axes in grid.flat[len(maps) :]:
        axes.set_axis_off()
    for axes, (remedy, counts) in zip(grid.flat, maps.items(), strict=False):
        _fill_map(axes, counts, sorted({depth for depth, _ in counts}), sorted({rate for _, rate in counts}))
        axes.set_title(f"{capital(remedy)}: {_summary(counts)}", fontsize=10.5)
        axes.set_ylabel("weight layers")
    for axes in grid[-1]:
        axes.set_xlabel("learning rate")
    every = {(remedy, *place): count for remedy, counts in maps.items() for place, count in counts.items()}
    run = sum(1 for _, runs in every.values() if runs)
    places = f"all {run} places are recorded" if run == len(every) else f"{run} of {len(every)} places recorded so far"
    finding = f"{_summary(every)}; {places}"
    headline(drawn, finding)
    listed = "; ".join(f"{remedy}: {_places(counts)}" for remedy, counts in maps.items())
    return Picture(drawn, f"{finding}. By weight layers and learning rate, {listed}.")


def _fill_map(axes, counts, depths, rates):
    """The coloured places of a map, with their counts and the names of rows and columns."""
    squares, fills = [], []
    for (depth, rate), (learned, runs) in counts.items():
        kind = "none" if not runs else "failed" if not learned else "learned" if learned == runs else "mixed"
        x, y = rates.index(rate), depths.index(depth)
        squares.append(box_outline(x - 0.5, y - 0.5, 1, 1))
        fills.append(_FILL[kind])
        words = f"{learned} of {runs}" if runs else "not run"
        size = 8.5 if runs else 7.5
        axes.text(x, y, words, ha="center", va="center", fontsize=size, color=COLOURS["ink" if runs else "muted"])
    axes.set(xlim=(-0.55, len(rates) - 0.45), ylim=(-0.55, len(depths) - 0.45))
    axes.add_collection(PolyCollection(squares, facecolors=fills, edgecolor="white", linewidth=2))
    name_places(axes, "x", map(short_rate, rates), fontsize=10, room=20)
    name_places(axes, "y", depths, fontsize=10, room=22)
    axes.grid(False)


def _places(counts) -> str:
    """The recorded places of a map in words."""
    listed = [
        f"{depth} layers at {short_rate(rate)} {learned} of {runs}"
        for (depth, rate), (learned, runs) in sorted(counts.items())
        if runs
    ]
    return ", ".join(listed) or "nothing recorded"


def no_atlas() -> Picture:
    """What stands here when no atlas record is installed."""
    drawn, axes = figure(10.4, 1.2)
    axes.set_axis_off()
    axes.text(0, 0.5, "No recorded atlas is installed: nothing to show", fontsize=11, va="center")
    return Picture(drawn, "No atlas records are installed, so there is no map to show.")


def _position(rate: float, rates: list[float]) -> float:
    """Place of a rate between the columns, by its logarithm."""
    for index, (low, high) in enumerate(zip(rates, rates[1:], strict=False)):
        if low <= rate <= high:
            return index + math.log(rate / low) / math.log(high / low)
    return 0 if rate < rates[0] else len(rates) - 1


def _summary(counts) -> str:
    learned = sum(count[0] for count in counts.values())
    runs = sum(count[1] for count in counts.values())
    return f"{learned} of {runs} runs learned" if runs else "not run yet"


def _own_words(own) -> str:
    return "; ".join(
        f"{depth} layers at {short_rate(rate)} {'learned' if learned else 'did not learn'}"
        for depth, rate, learned in own
    )
