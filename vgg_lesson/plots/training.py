"""Pictures of training: curves against chance, several runs together, the range test."""

import math

import numpy as np

from vgg_lesson.baselines import AMONG_TEN, Guessing
from vgg_lesson.plots.marks import BEHIND_WORDS, DASHES, capital, chance_line, label_line, label_lines, readable
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure, headline
from vgg_lesson.run_record import judge
from vgg_lesson.training_config import short_rate

DIVERGED = "no longer a number"


def learning_curves(step_loss, epochs, steps: int, planned_epochs: int, guessing: Guessing = AMONG_TEN) -> Picture:
    """Loss and accuracy of one training, finished or going on, with what guessing gives.

    How to read it: a training loss that stays on the dashed line has learned nothing; a validation
    curve that leaves the training curve shows what does not carry over to other images.

    Args:
        step_loss: pairs (step, training loss).
        epochs: dicts with "loss", "accuracy", "val_loss", "val_accuracy", one a finished epoch.
        steps: planned steps in all epochs.
        planned_epochs: planned epochs; the horizontal axis ends there.
        guessing: what it gives among the training images' classes.
    """
    drawn, (left, right) = figure(8.6, 3.3, columns=2)
    at = np.array([step for step, _ in step_loss]) / max(1, steps) * planned_epochs
    losses = np.array([loss for _, loss in step_loss], float)
    ends = np.arange(1, len(epochs) + 1)
    values = {
        name: np.array([epoch[name] for epoch in epochs], float) for name in ("val_loss", "accuracy", "val_accuracy")
    }

    left.plot(at, losses, color=COLOURS["training"], linewidth=1.6, marker="." if len(at) < 3 else None)
    left.plot(ends, values["val_loss"], "o--", color=COLOURS["validation"])
    right.plot(ends, values["accuracy"], "o-", color=COLOURS["training"])
    right.plot(ends, values["val_accuracy"], "o--", color=COLOURS["validation"])
    # At the right where the curve has fallen away or has not come yet, else at the left below the line.
    early = len(at) > 0 and at[-1] < planned_epochs / 2
    free = early or (len(losses) > 0 and losses[-1] < guessing.loss - 0.3)
    chance_line(left, "loss", guessing, at=1 if free else 0.01, below=not free)
    chance_line(right, "accuracy", guessing, at=1 if early else 0.01)
    highest = np.max([value for value in [*losses, *values["val_loss"]] if math.isfinite(value)], initial=guessing.loss)
    if highest > 3 * guessing.loss:
        left.set_yscale("log")  # one early jump to 100 must not flatten the rest
    else:
        left.set_ylim(0, 1.1 * highest)
    right.set_ylim(0, 1)
    right.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.set(xlim=(0, planned_epochs * 1.22), xlabel="epoch", xticks=_whole_ticks(planned_epochs))
        axes.set_ylabel(name)
    if len(losses):
        label_line(left, at[-1], losses[-1], "training", COLOURS["training"])
    if len(ends):
        _label_pair(left, ends[-1], losses[-1], values["val_loss"][-1], "validation")
        label_line(right, ends[-1], values["accuracy"][-1], "training", COLOURS["training"])
        _label_pair(right, ends[-1], values["accuracy"][-1], values["val_accuracy"][-1], "validation")
    for axes in (left, right):
        for name in axes.texts:
            name.set_bbox(BEHIND_WORDS)
    finding, text = _tell(losses, epochs, planned_epochs, guessing)
    headline(drawn, finding)
    return Picture(drawn, text)


def _whole_ticks(epochs: int) -> np.ndarray:
    return np.arange(0, epochs + 1, math.ceil(epochs / 6))


def _label_pair(axes, x, first, second, name):
    """Name the second line, moved away where the first line's name already stands."""
    low, high = axes.get_ylim()
    apart = (high - low) * 0.07
    if math.isfinite(first) and math.isfinite(second) and abs(second - first) < apart and axes.get_yscale() == "linear":
        second = first + math.copysign(apart, second - first or -1)
    label_line(axes, x, second, name, COLOURS["validation"])


def _tell(losses, epochs, planned_epochs, guessing) -> tuple[str, str]:
    classes, loss, accuracy = guessing
    chance = f"Guessing among {classes} classes gives loss {loss:.3f} and accuracy {accuracy:.0%}."
    if not len(losses):
        return "Nothing measured yet", f"No step has been made yet. {chance}"
    now = f"training loss {losses[0]:.3f} at first, {losses[-1]:.3f} now"
    if not epochs:
        return (
            f"Training loss {losses[-1]:.2f}, guessing gives {loss:.2f}",
            f"First epoch: {now}. {chance}",
        )
    last = epochs[-1]
    verdict = judge(losses, last["accuracy"], accuracy)
    head = {"learning": "It learns", "stuck": "Not above chance", "diverged": f"The loss is {DIVERGED}"}[verdict]
    shares = f"training accuracy {last['accuracy']:.0%}, validation {last['val_accuracy']:.0%}"
    title = f"{head}: {shares} after {len(epochs)} of {planned_epochs} epochs"
    text = (
        f"After {len(epochs)} of {planned_epochs} epochs: {now}; training accuracy {last['accuracy']:.1%}, "
        f"validation loss {last['val_loss']:.3f} and accuracy {last['val_accuracy']:.1%}. {chance}"
    )
    return title, text


def losses_together(curves: dict, epochs: int) -> Picture:
    """Training losses of several runs on the same axes, with what guessing gives.

    How to read it: a run that learns leaves the dashed line downwards; one that is stuck lies on it.

    Args:
        curves: name -> pairs (step, training loss), all over the same number of steps.
        epochs: epochs that the curves span.
    """
    drawn, axes = figure(7.6, 3.4)
    chance = AMONG_TEN.loss
    ends, out = [], False
    for number, (name, pairs) in enumerate(curves.items()):
        steps, losses = np.array(pairs, float).T
        axes.plot(steps / steps[-1] * epochs, losses, color=CYCLE[number % 6], linestyle=DASHES[number % 4])
        ends.append((float(np.mean(losses[-3:])), name, CYCLE[number % 6]))
        out = out or bool(np.any(losses > 1.5 * chance))
    low = min((end for end, _, _ in ends if math.isfinite(end)), default=chance)
    axes.set(ylim=(min(low - 0.2, 0.8 * chance), 1.5 * chance), xlim=(0, epochs * 1.4))
    axes.set(xlabel="epoch", xticks=_whole_ticks(epochs), ylabel="training loss")
    chance_line(axes, "loss", at=0.74, below=True)
    named = []
    for end, name, colour in ends:
        height = min(end if math.isfinite(end) else math.inf, 1.45 * chance)
        named.append((height + (0.06 * chance if abs(end - chance) < 0.05 * chance else 0), epochs, name, colour))
    label_lines(axes, named)
    axes.set_title(_who_left(ends, chance))
    listed = "; ".join(f"{name} {f'{end:.3f}' if math.isfinite(end) else DIVERGED}" for end, name, _ in ends)
    above = " Values above the picture's edge are not shown." if out else ""
    return Picture(
        drawn,
        f"Training loss at the end of {epochs} epochs, mean of the last 3 points: {listed}; "
        f"guessing gives {chance:.3f}.{above}",
    )


def _who_left(ends, chance) -> str:
    """Which of the runs do not end clearly below chance, as a title."""
    lost = [name for end, name, _ in ends if not math.isfinite(end)]
    away = [name for end, name, _ in ends if name not in lost and end < chance - 0.05]
    stay = [name for _, name, _ in ends if name not in lost + away]
    if not lost and not (away and stay):
        return "All leave chance" if away else "None leaves chance"
    those = stay[0] if len(stay) == 1 else f"{len(stay)} of {len(ends)}"
    found = [f"{those}: still at chance at the end"] if stay else []
    if away:
        found.append(f"{away[0] if len(away) == 1 else f'the other {len(away)}'} left {'it' if stay else 'chance'}")
    if lost:
        found.append(f"{' and '.join(lost)}: {DIVERGED}")
    return capital("; ".join(found))


def comparison(labels, curves, guessing: Guessing = AMONG_TEN) -> Picture:
    """One curve of the training accuracy a run, each named at its end.

    Args:
        labels: one name a run.
        curves: one sequence of accuracies (0 to 1) a run, a value an epoch; may be empty.
        guessing: what it gives among the training images' classes.
    """
    drawn, axes = figure(8.6, 3.4)
    longest = max([len(curve) for curve in curves], default=0)
    ends = []
    for number, (label, curve) in enumerate(zip(labels, curves, strict=True)):
        colour, dash = CYCLE[number % 6], DASHES[number % len(DASHES)]
        axes.plot(range(1, len(curve) + 1), curve, color=colour, linestyle=dash, marker="o")
        if len(curve):
            ends.append((curve[-1], len(curve), f"{label}: {curve[-1]:.0%}", colour))
    chance_line(axes, "accuracy", guessing)
    axes.set(xlim=(0.8, max(2, longest) * 1.75), ylim=(0, 1), xlabel="epoch", ylabel="training accuracy")
    axes.set_xticks(range(1, max(2, longest) + 1))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    for words in label_lines(axes, ends):
        words.set_bbox(BEHIND_WORDS)
    if not ends:
        axes.set_title("No run with a finished epoch yet")
        return Picture(drawn, "No run with a finished epoch to compare yet.")
    best = max(ends)
    axes.set_title(f"Best of {len(ends)}: {best[2]}" if len(ends) > 1 else best[2])
    listed = "; ".join(label for _, _, label, _ in sorted(ends, reverse=True))
    return Picture(drawn, f"Training accuracy after the last epoch: {listed}. Guessing gives {guessing.accuracy:.0%}.")


def range_test(found) -> Picture:
    """Loss against a learning rate that grows with every step.

    How to read it: too small a rate leaves the loss where it is, a good one makes it fall, too large
    a one throws it up or freezes it at chance.

    Args:
        found: a :class:`vgg_lesson.rate_finder.RangeTest`.
    """
    drawn, axes = figure(6.8, 3.4)
    rates, losses, smoothed, suggestion = found.rates, found.losses, found.smoothed, found.suggestion
    if not len(losses):
        axes.set_axis_off()
        axes.set_title("No suggestion: the first loss was not a number")
        return Picture(drawn, f"No loss that could be drawn. {found.reason}")
    top = 1.3 * max(found.guessing.loss, float(smoothed[0]))
    low = float(np.nanmin(smoothed))
    # An average that holds a step from above the edge would rise before the step itself does.
    half = found.window // 2
    reach = [np.max(losses[max(0, at - half) : at + half + 1]) for at in range(len(losses))]
    quiet = np.where(np.array(reach) <= top, smoothed, np.nan)
    axes.semilogx(rates, losses, color=COLOURS["training"], alpha=0.35, linewidth=1, label="each step")
    if not found.too_few:  # then nothing was averaged
        axes.semilogx(rates, quiet, color=COLOURS["training"], label=f"average over {found.window} steps")
    chance_line(axes, "loss", found.guessing, below=True)
    axes.texts[-1].set_bbox(BEHIND_WORDS)
    axes.set(xlabel="learning rate of the step", ylabel="loss", ylim=(max(0, low - 0.25), top))
    if suggestion is None:
        why = "too few steps to judge" if found.too_few else "the loss did not fall clearly"
        axes.set_title(f"No suggestion: {why}")
    else:
        axes.axvline(suggestion, color=COLOURS["good"], linestyle=(0, (2, 2)))
        axes.annotate(
            f" try {short_rate(suggestion)}",
            (suggestion, top),
            color=readable(COLOURS["good"]),
            fontsize=9,
            fontweight="bold",
            va="top",
        )
        decade = (rates >= suggestion / 10**0.5) & (rates <= suggestion * 10**0.5)
        if decade.sum() > 1:
            logs = np.log10(rates[decade])
            line = np.polyval(np.polyfit(logs, losses[decade], 1), logs)
            axes.plot(rates[decade], line, color=COLOURS["good"], linewidth=2.2, label="line through one decade")
        axes.set_title(f"Over one decade of rates, the loss falls most around {short_rate(suggestion)}")
    axes.legend(loc="lower left", fontsize=8.5, ncols=3, borderaxespad=0.1)
    what, (first, last) = "Loss" if found.too_few else "Smoothed loss", map(short_rate, (rates[0], rates[-1]))
    return Picture(
        drawn,
        f"{what} {smoothed[0]:.3f} at rate {first}, lowest {low:.3f}, {smoothed[-1]:.4g} at {last}. {found.reason}",
    )
