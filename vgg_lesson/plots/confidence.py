"""Pictures of confidence: the reliability diagram, and what a threshold for "I don't know" does."""

import numpy as np

from vgg_lesson.calibration import brier_score, negative_log_likelihood, reliability, select, selection_curve
from vgg_lesson.outputs import Outputs
from vgg_lesson.plots.marks import capital, label_lines
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure

BINS = 15
FEW = 20
"""Points that stand for fewer images are hollow: what they say is mostly chance."""
CLOSE = 0.01
"""A mean gap below this (one percentage point) is called calibrated on average."""


def draw_reliability(outputs: Outputs, temperature: float = 1.0) -> Picture:
    """How often the network is right, by how sure it says it is; below, how often it is that sure.

    Args:
        outputs: probabilities and truth.
        temperature: logits are divided by this first; 1 leaves the outputs as they are.
    """
    shown = outputs if temperature == 1 else outputs.at_temperature(temperature)
    found = reliability(shown.probabilities, shown.labels, BINS)
    filled, centres = found.images > 0, (found.edges[1:] + found.edges[:-1]) / 2
    margins = {"left": 0.12, "right": 0.97, "bottom": 0.1, "top": 0.92, "hspace": 0.12}
    made, (upper, lower) = figure(6.4, 5.0, rows=2, sharex=True, height_ratios=(3, 1), margins=margins)
    upper.plot([0, 1], [0, 1], color=COLOURS["chance"], linestyle=(0, (4, 3)), linewidth=1.2)
    words = f"dashed: right as often as it says\norange: the distance from that\nhollow: fewer than {FEW} images"
    upper.text(0.02, 0.94, words, color=COLOURS["chance"], fontsize=8.5, va="top")
    upper.plot(found.confidence[filled], found.accuracy[filled], "-", color=CYCLE[0])
    for chosen, inside, strength in (
        (filled & (found.images >= FEW), CYCLE[0], 0.35),
        (filled & (found.images < FEW), "white", 0.12),
    ):
        said, was = found.confidence[chosen], found.accuracy[chosen]
        upper.vlines(said, said, was, color=COLOURS["bad"], linewidth=4, alpha=strength)
        upper.plot(said, was, "o", color=CYCLE[0], markerfacecolor=inside)
    upper.set_ylabel("share right")
    upper.set_ylim(0, 1.02)
    lower.bar(centres, found.images, width=0.9 / BINS, color=CYCLE[4])
    lower.set_xlim(0, 1.0)
    lower.set_ylabel("images")
    lower.set_xlabel("confidence: the largest probability")
    said, was = shown.confidence.mean(), shown.right.mean()
    lean = "calibrated on average" if abs(said - was) < CLOSE else "overconfident" if said > was else "underconfident"
    who = capital(outputs.name) if temperature == 1 else f"Temperature {temperature:.2f}"
    upper.set_title(f"{who}: {lean} (says {100 * said:.1f}%, right {100 * was:.1f}%)")
    nll, brier = (score(shown.probabilities, shown.labels) for score in (negative_log_likelihood, brier_score))
    return Picture(
        made,
        f"Reliability of {outputs.name} at temperature {temperature:.2f}: mean confidence {100 * said:.1f}%, "
        f"right {100 * was:.1f}%, so {lean}. Calibration error {100 * found.error:.1f} percentage "
        f"points, negative log likelihood {nll:.3f}, Brier score {brier:.3f}.",
    )


def draw_selection(outputs: Outputs, threshold: float) -> Picture:
    """Answers given and errors among them, at every threshold; one threshold is marked.

    Args:
        outputs: probabilities and truth.
        threshold: an answer is given from this confidence on, 0 .. 1.
    """
    curve = [step for step in selection_curve(outputs.probabilities, outputs.labels) if step.answered]
    thresholds = [step.threshold for step in curve]
    chosen = select(outputs.probabilities, outputs.labels, threshold)
    made, axes = figure(6.6, 3.9, margins={"left": 0.1, "right": 0.97, "bottom": 0.14, "top": 0.9})
    names = []
    for values, color, name in (
        ([100 * step.coverage for step in curve], CYCLE[0], "images answered"),
        ([100 * step.accuracy for step in curve], CYCLE[2], "answers right"),
    ):
        axes.plot(thresholds, values, color=color)
        names.append((max(values[-1], 3), thresholds[-1], name, color))
    axes.axvline(threshold, color=COLOURS["ink"], linewidth=1.2)
    axes.plot(threshold, 100 * chosen.coverage, "o", color=CYCLE[0], markersize=8)
    if chosen.answered:
        axes.plot(threshold, 100 * chosen.accuracy, "s", color=CYCLE[2], markersize=8)
    axes.set_xlim(0, 1.3)
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    axes.set_ylim(0, 103)
    label_lines(axes, names)
    axes.set_ylabel("share (%)")
    axes.set_xlabel("threshold: answer only when at least this confident")
    silent, wrong = chosen.images - chosen.answered, chosen.answered - chosen.right
    accuracy = f"{100 * chosen.accuracy:.1f}%" if chosen.answered else "none"
    axes.set_title(
        f"{100 * chosen.coverage:.0f}% answered, {accuracy} of these right"
        if chosen.answered
        else "It answers nothing at all"
    )
    everything = curve[0]
    return Picture(
        made,
        f"{capital(outputs.name)} at threshold {threshold:.2f}: of {chosen.images:,} images {chosen.answered:,} "
        f"are answered ({100 * chosen.coverage:.1f}%), {chosen.right:,} rightly and {wrong:,} wrongly "
        f'({accuracy} right); {silent:,} get "I don\'t know". '
        f"Without a threshold {100 * everything.accuracy:.1f}% are right.",
    )
