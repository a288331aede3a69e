"""Pictures of signals: forward and backward through the layers, and how they fare in the first steps."""

import math

import numpy as np

from vgg_lesson.baselines import Guessing
from vgg_lesson.plots.marks import apart, chance_line, label_line, level_line
from vgg_lesson.plots.style import CYCLE, Picture, figure, headline

FORWARD_LIMITS, BACKWARD_LIMITS = (1e-9, 1e2), (1e-11, 1e3)
"""Fixed axes: whatever the learner changes, pictures before and after can be laid over each other."""
MARGINS = {"left": 0.06, "right": 0.995, "top": 0.82, "bottom": 0.12, "wspace": 0.15}
_MARKS = ("o-", "s--", "^:", "D-.")


def draw_layers(names, forward: dict, backward: dict, finding: str = "") -> Picture:
    """What of the signal depends on the image, layer by layer, and what comes back of the loss.

    Both axes are logarithmic and always the same. On the left a falling line says that images look more and
    more alike to the later layers; on the right one at the lower edge, that the loss hardly depends on those kernels.

    Args:
        names: of the layers, first layer first.
        forward: label -> spread of the outputs over the images, one a layer.
        backward: label -> norm of the kernel's gradient, one a layer; the same labels, or none.
        finding: title; without it the change from first to last layer.
    """
    drawn, axes = figure(9.6, 3.7, columns=2, margins=MARGINS)
    titles = ("Forward: spread over the images", "Backward: gradient of each kernel")
    at = np.arange(len(names))
    bounds = (FORWARD_LIMITS, BACKWARD_LIMITS)
    for axis, lines, limits, title in zip(axes, (forward, backward), bounds, titles, strict=True):
        axis.set_yscale("log")
        ends = []
        for number, (label, values) in enumerate(lines.items()):
            shown = _within(values, limits)
            axis.plot(at, shown, _MARKS[number % 4], color=CYCLE[number % 6])
            ends.append((shown[-1], label, CYCLE[number % 6]))
        for height, (_, label, colour) in zip(apart([end[0] for end in ends], limits), ends, strict=True):
            label_line(axis, at[-1], height, label, colour)
        axis.set(ylim=limits, xlim=(-0.6, len(names) * 1.38))
        axis.set_xticks(at, [short_name(name) for name in names], rotation=90, fontsize=7.5)
        axis.set_title(title, fontsize=9.5, fontweight="normal")
    parts = [f"{label}: {_journey(values)}" for label, values in forward.items()]
    parts += [f"gradients {label}: {_range(values)}" for label, values in backward.items()]
    headline(drawn, finding or _first_finding(forward))
    spreads = f"Spread over the images from first to last layer, {'; '.join(parts)}."
    return Picture(drawn, f"{finding}. {spreads}" if finding else spreads)


def draw_moments(moments: dict) -> Picture:
    """Signals at some moments of a run, see :func:`draw_layers`; the title says how each falls on its way.

    Args:
        moments: label -> :class:`vgg_lesson.watched_step.Moment`.
    """
    spreads = {label: moment.values("spread") for label, moment in moments.items()}
    found = "; ".join(f"{label} {change_of(values)}" for label, values in spreads.items())
    picture = draw_layers(
        [layer.name for layer in next(iter(moments.values())).layers],
        spreads,
        {label: moment.values("gradient") for label, moment in moments.items()},
        f"Spread from first to last layer: {found}",
    )
    silent = ", ".join(f"{label} {max(moment.values('silent_units')):.0%}" for label, moment in moments.items())
    logits = ", ".join(f"{label} by {moment.logit_spread:.1e}" for label, moment in moments.items())
    return Picture(
        picture.figure,
        f"{picture.text} The logits differ between images {logits}. Most silent units in a layer: {silent}.",
    )


def draw_start(start: dict) -> Picture:
    """Size of the signal behind each layer of fresh networks.

    How to read it: logarithmic; a straight falling line loses the same factor at every layer.

    Args:
        start: label -> items with "name", "size" and "spread", one a layer
            (:class:`vgg_lesson.diagnosis.facts.vital_signs.LayerSigns`).
    """
    drawn, axes = figure(7.6, 3.7)
    axes.set_yscale("log")
    ends, words = [], []
    for number, (label, layers) in enumerate(start.items()):
        sizes = [layer.size for layer in layers]
        axes.plot(sizes, _MARKS[number % 4], color=CYCLE[number % 6])
        ends.append((sizes[-1], f"{label}: {change_of(sizes)}", CYCLE[number % 6]))
        words.append(f"{label} {_journey(sizes)}")
    names = [layer.name for layer in next(iter(start.values()))]
    limits = axes.get_ylim()
    for height, (_, label, colour) in zip(apart([end[0] for end in ends], limits), ends, strict=True):
        label_line(axes, len(names) - 1, height, label, colour)
    axes.set(xlim=(-0.6, len(names) * 1.42), ylabel="size (root mean square)", xlabel="convolution")
    axes.set_xticks(range(len(names)), [short_name(name) for name in names], fontsize=8)
    label, layers = next(iter(start.items()))
    axes.set_title(f"{label}, first to last of {len(names)} layers: {change_of([layer.size for layer in layers])}")
    return Picture(drawn, f"Size of the signal from {names[0]} to {names[-1]}: {'; '.join(words)}.")


def draw_runs(runs: dict, smooth: int = 10, title: str = "") -> Picture:
    """Training loss of several changes, several seeds each, on the same axes.

    How to read it: a line on the dashed level of guessing has learned nothing. The counts tell on how
    many of the seeds a change worked; one seed proves nothing. A thin line leads from a short run to its name.

    Args:
        runs: change -> list of :class:`vgg_lesson.signals.WatchedRun`.
        smooth: steps averaged for one point. title: by default, which changes made at least half of the seeds learn,
            or else most.
    """
    drawn, axes = figure(8.6, 3.8)
    ends, chance = [], next(iter(runs.values()))[0].chance
    learned = {label: sum(run.learned for run in group) for label, group in runs.items()}
    runs = {label: [run.losses for run in group] for label, group in runs.items()}
    for number, (label, losses) in enumerate(runs.items()):
        colour = CYCLE[number % 6]
        for curve in losses:
            axes.plot(*_means(curve, smooth), _MARKS[number % 4][1:], color=colour, linewidth=1.8, alpha=0.9)
        last = [_means(curve, smooth)[1][-1] for curve in losses]
        end = np.mean(last) if abs(np.mean(last) - chance) > 0.02 else chance + 0.05  # not onto the dashed line
        ends.append((end, f"{label}: {learned[label]} of {len(losses)} learn", colour))
    classes = round(math.exp(chance))
    even = math.isclose(chance, math.log(max(1, classes)), abs_tol=1e-3)
    if even:  # named right of the first, steep steps
        chance_line(axes, "loss", Guessing.among([1] * classes), at=0.15)
    else:
        level_line(axes, chance, at=0.15)
    drawn_means = [value for curves in runs.values() for curve in curves for value in _means(curve, smooth)[1]]
    finite = [value for value in drawn_means if math.isfinite(value)]
    top = min(max([*finite, chance]) * 1.02, chance + 0.6)
    bottom = min(chance - 0.5, min([*finite, chance]) * 0.97)
    longest = max(len(curve) for curves in runs.values() for curve in curves)
    heights = apart([end[0] for end in ends], (bottom, top), log=False)
    for height, (end, label, colour), curves in zip(heights, ends, runs.values(), strict=True):
        if (steps := max(map(len, curves))) < longest:
            axes.plot([steps, longest], [end, height], color=colour, linewidth=0.6)  # to its name
        label_line(axes, longest, height, label, colour)
    axes.set(xlabel="step", xlim=(0, longest * 1.45), ylim=(bottom, top))
    axes.set_ylabel(f"training loss (nats)\nmeans of {smooth} steps")
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= longest])
    shares = {label: learned[label] / len(runs[label]) for label in runs}
    enough = min(0.5, max(shares.values()))
    best = [end[1] for end, share in zip(ends, shares.values(), strict=True) if 0 < share >= enough]
    axes.set_title(title or ", ".join(best) or "No run learned")
    words = "; ".join(
        f"{label} {np.mean([_means(curve, smooth)[1][-1] for curve in losses]):.2f}, "
        f"{learned[label]} of {len(losses)} seeds learn"
        for label, losses in runs.items()
    )
    return Picture(drawn, f"Mean loss at the end against {chance:.3f} for guessing: {words}.")


def draw_first_steps(stories: dict) -> Picture:
    """How the answer's dependence on the image, and the silent units, developed in recorded runs.

    How to read it: on the left, 0.1 and more is a network that tells images apart, 1e-7 is one that
    says the same to all of them. On the right, 100% means that a whole layer is silent for every image.

    Args:
        stories: label -> the record's vital signs: a list of dicts with "step", "logit_spread" and
            "layers", whose items have "dead_share".
    """
    drawn, (left, right) = figure(9.6, 3.7, columns=2)
    limits, ends, words = (1e-9, 1e3), {"left": [], "right": []}, []
    for number, (label, signs) in enumerate(stories.items()):
        colour, mark = CYCLE[number % 6], _MARKS[number % 4]
        steps = [moment["step"] for moment in signs]
        spread = [moment["logit_spread"] for moment in signs]
        silent = [max(layer["dead_share"] for layer in moment["layers"]) for moment in signs]
        left.plot(steps, _within(spread, limits), mark, color=colour)
        right.plot(steps, silent, mark, color=colour)
        ends["left"].append((_within(spread, limits)[-1], label, colour))
        ends["right"].append((silent[-1], label, colour))
        words.append(f"{label}: logits differ by {spread[0]:.1e} at the start and {spread[-1]:.1e} after {steps[-1]} "
                     f"steps, when {silent[-1]:.0%} of the units of the most silent layer are silent")  # fmt: skip
    last = max(signs[-1]["step"] for signs in stories.values())
    for axes in (left, right):
        axes.set_xscale("symlog", linthresh=1)
        ticks = [step for step in (0, 1, 3, 10, 30, 100, 300, 1000) if step <= last]
        axes.set_xticks(ticks, ticks)
        axes.set(xlabel="step", xlim=(-0.1, last * 8))
    left.set_yscale("log")
    left.set_ylim(limits)
    left.set_title("Logits: spread over the images", fontsize=9.5, fontweight="normal")
    right.set_ylim(-0.03, 1.05)
    right.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    right.set_title("Silent units in the most silent layer", fontsize=9.5, fontweight="normal")
    for axes, side, bounds, log in ((left, "left", limits, True), (right, "right", (0, 1), False)):
        heights = apart([end[0] for end in ends[side]], bounds, log=log)
        for height, (_, label, colour) in zip(heights, ends[side], strict=True):
            label_line(axes, last, height, label, colour)
    alive = [label for label, signs in stories.items() if signs[-1]["logit_spread"] > 1e-2]
    finding = "At the end every image gets the same answer"
    if alive:
        finding = f"Still telling images apart at the end: {', '.join(alive)}"
    headline(drawn, finding)
    return Picture(drawn, "; ".join(words) + ".")


def short_name(name: str) -> str:
    """block3_conv2 -> 3.2; other names stay."""
    block, _, rest = name.partition("_conv")
    return f"{block.removeprefix('block')}.{rest}" if block.startswith("block") and rest else name


def _within(values, limits):
    """Values that a logarithmic axis can show: zero lies on the lower edge, what is not finite on the upper."""
    return [min(max(value, limits[0]), limits[1]) if math.isfinite(value) else limits[1] for value in values]


def _means(curve, smooth: int):
    """Means of consecutive steps, placed in their middle."""
    parts = [curve[start : start + smooth] for start in range(0, len(curve), smooth)]
    middles = [number * smooth + len(part) / 2 for number, part in enumerate(parts)]
    return middles, [float(np.mean(part)) for part in parts]


def _journey(values) -> str:
    """From the first to the last value, and the factor."""
    return f"{values[0]:.1e} to {values[-1]:.1e} ({change_of(values)})"


def change_of(values) -> str:
    """Words for the way from the first to the last value, as in "290 times smaller"."""
    first, last = values[0], values[-1]
    if not (math.isfinite(first) and math.isfinite(last)):
        return "no longer a number"
    if last == 0 or first == 0:
        return "gone" if last == 0 else "grown from nothing"
    factor = max(first / last, last / first)
    if factor < 1.5:
        return "about the same"
    digits = f"{factor:.2g}" if factor < 99.5 else f"{float(f'{factor:.2g}'):,.0f}"
    return f"{digits} times {'smaller' if last < first else 'larger'}"


def _range(values) -> str:
    return f"{min(values):.1e} to {max(values):.1e}"


def _first_finding(forward: dict) -> str:
    label, values = next(iter(forward.items()))
    return f"{label}: {change_of(values)} after {len(values)} layers"
