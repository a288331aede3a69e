"""Pictures of a diagnosis: the signal through the layers, and short trainings beside their control."""

import math

import numpy as np

from vgg_lesson.plots.marks import label_lines, level_line, readable
from vgg_lesson.plots.signals import change_of
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure


def signal_picture(layers, title: str = "") -> Picture:
    """Draw how much of the signal depends on the image, layer by layer (logarithmic).

    How to read it: a flat line keeps the signal; a falling one means that later layers see almost
    the same for every image.

    Args:
        layers: :class:`vgg_lesson.diagnosis.facts.vital_signs.LayerSigns`, in order; only those with weights are drawn.
        title: the finding; made from the numbers when empty.
    """
    shown = [layer for layer in layers if layer.weights]
    drawn, axes = figure(6.4, 3.6)
    spread = np.array([layer.spread for layer in shown], float)
    if not len(spread) or not np.isfinite(spread).any() or not (spread > 0).any():
        axes.text(
            0.5,
            0.5,
            "no signal in any layer",
            ha="center",
            va="center",
            transform=axes.transAxes,
            color=readable(COLOURS["bad"]),
        )
        return Picture(drawn, "No layer's output depends on the image.")
    floor = spread[spread > 0].min() / 10
    axes.semilogy(range(len(spread)), np.where(spread > 0, spread, floor), marker="o", color=COLOURS["training"])
    axes.set_xticks(range(len(shown)), [layer.name for layer in shown], rotation=60, ha="right", fontsize=7.5)
    axes.set_ylabel("spread over images")
    hidden = spread[:-1] if len(spread) > 1 else spread
    words = change_of(hidden)
    axes.set_title(title or f"The signal is {words} after {len(hidden)} layers")
    return Picture(
        drawn,
        f"Spread of the outputs over images: {hidden[0]:.2g} behind {shown[0].name}, {hidden[-1]:.2g} behind "
        f"{shown[len(hidden) - 1].name}: {words}.",
    )


def courses_picture(courses, chance_loss: float, title: str = "") -> Picture:
    """Draw the loss of short trainings, smoothed over 10 steps, on the same axes; the control is dashed.

    Args:
        courses: :class:`vgg_lesson.diagnosis.variation.Course`, the untouched control first.
        chance_loss: data loss of an answer that only knows how frequent the classes are.
        title: the finding; made from the numbers when empty.
    """
    shown = [course for course in courses if course.steps >= 2]
    drawn, axes = figure(6.4, 3.6)
    if math.isfinite(chance_loss):
        level_line(axes, chance_loss)
    texts, ends, colours = [], [], (CYCLE[0], *CYCLE[1:6], CYCLE[7])
    for number, course in enumerate(shown):
        loss = np.clip(np.array(course.loss, float), None, 3 * chance_loss if math.isfinite(chance_loss) else None)
        width = min(10, len(loss))
        smooth = np.convolve(loss, np.ones(width) / width, mode="valid")
        colour = colours[number % len(colours)]
        axes.plot(np.arange(len(smooth)) + width, smooth, color=colour, linestyle="-" if number else "--")
        name, end = course.variation.name, float(smooth[-1])
        if not math.isfinite(end):  # named at the upper edge, to which it went
            name, end = f"{name} (diverged)", math.inf
        ends.append((end, len(smooth) + width - 1, name, colour))
        texts.append(
            f"{course.variation.name}: loss {course.last_loss():.2f}, accuracy {course.last_accuracy():.2f} "
            f"after {course.steps} steps"
        )
    axes.set_xlabel("step")
    axes.set_ylabel("data loss")
    axes.margins(x=0.25)
    axes.set_xlim(left=0)
    axes.set_ylim(axes.get_ylim())  # as they are now: names move apart within them
    label_lines(axes, ends)
    best = min(
        shown, key=lambda course: course.last_loss() if math.isfinite(course.last_loss()) else math.inf, default=None
    )
    made = (
        f"Lowest loss: {best.variation.name} ({best.last_loss():.2f})"
        if best
        else "No training was long enough to draw"
    )
    axes.set_title(title or made)
    return Picture(drawn, "; ".join(texts) + f". Guessing gives {chance_loss:.2f}." if texts else made + ".")


def report_picture(report) -> Picture:
    """Draw a :class:`vgg_lesson.diagnosis.Report`: its trainings, or the signal through the layers."""
    if any(course.steps >= 2 for course in report.courses):
        return courses_picture(report.courses, report.chance_loss, f"Diagnosis: {report.cause.replace('_', ' ')}")
    return signal_picture(report.vital_signs, f"Diagnosis: {report.cause.replace('_', ' ')}")


def measurement_picture(measurement) -> Picture:
    """Draw one vital sign or probe (:class:`vgg_lesson.diagnosis.clinic.patient.Measurement`)."""
    if measurement.courses:
        return courses_picture(measurement.courses, measurement.chance_loss)
    if measurement.layers:
        return signal_picture(measurement.layers)
    drawn, axes = figure(6.4, 1.6)
    axes.axis("off")
    axes.text(0, 0.5, measurement.text, wrap=True, va="center", fontsize=9)
    return Picture(drawn, measurement.text)
