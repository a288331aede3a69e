"""Pictures of counts: accuracy with its interval, the confusion matrix, scores per class."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.ticker import PercentFormatter

from vgg_lesson.metrics import most_confused, per_class, wilson_interval
from vgg_lesson.outputs import Outputs
from vgg_lesson.plots.marks import box_outline, name_places, readable
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure

MATRIX_COLOURS = "Blues"


def draw_interval_widths(share: float, sizes=(100, 300, 1_000, 3_000, 10_000)) -> Picture:
    """The same accuracy, measured on test sets of different sizes, with its 95% intervals.

    Args:
        share: accuracy in 0 .. 1.
        sizes: numbers of test images, ascending.
    """
    found = [wilson_interval(round(share * size), size) for size in sizes]
    made, axes = figure(6.8, 3.0)
    for row, (low, high) in enumerate(found):
        _bar(axes, row, 100 * share, 100 * low, 100 * high, CYCLE[0])
        _note(axes, f"{100 * low:.1f} to {100 * high:.1f}", 100 * high, row)
    axes.set_yticks(range(len(sizes)), [f"{size:,} images" for size in sizes])
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.set_xlabel("accuracy (%), 95% interval")
    images, narrower = sizes[-1] / sizes[0], found[0].half_width / found[-1].half_width
    axes.set_title(f"{images:.3g} times the images: an interval {narrower:.0f} times narrower")
    words = "; ".join(
        f"{size:,} images {100 * low:.1f}% to {100 * high:.1f}%" for size, (low, high) in zip(sizes, found, strict=True)
    )
    return Picture(made, f"95% intervals around an accuracy of {100 * share:.1f}%: {words}.")


def draw_three_counts(during: tuple[int, int], after: tuple[int, int], validation: tuple[int, int]) -> Picture:
    """One network's accuracy on its training images, counted twice, and on validation images.

    Only validation gets an interval: the training images are no sample of new images, the weights fit them.

    Args:
        during: (right answers, images) that were counted while it was trained.
        after: the same images, answered by the finished network.
        validation: images that the weights do not know.
    """
    counts = {"training, counted during\nthe last epoch": during, "training, answered by\nthe finished network": after}
    shares = {name: 100 * right / total for name, (right, total) in {**counts, "validation": validation}.items()}
    low, high = (100 * end for end in wilson_interval(*validation))
    made, axes = figure(6.8, 2.7)
    for row, (name, share) in enumerate(shares.items()):
        color = COLOURS["training" if name in counts else "validation"]
        axes.plot(share, row, "o", color=color, markersize=8)
        interval = "" if name in counts else f" (95% interval {low:.1f} to {high:.1f})"
        _note(axes, f"{share:.1f}%{interval}", share if name in counts else high, row)
    _bar(axes, 2, shares["validation"], low, high, COLOURS["validation"])
    axes.set_yticks(range(3), list(shares))
    axes.set_ylim(2.5, -0.5)
    values = [*shares.values(), low, high]
    axes.set_xlim(min(values) - 2, max(values) + 8)
    axes.set_xlabel("accuracy (%); guessing is far to the left" if min(values) > 20 else "accuracy (%)")
    one, two, three = shares.values()
    axes.set_title(f"Two counts of the same images: {one:.1f}% and {two:.1f}%")
    return Picture(
        made,
        f"Accuracy on the training images, counted during the last epoch {one:.1f}%, by the finished network "
        f"{two:.1f}%; on validation images {three:.1f}%, 95% interval {low:.1f}% to {high:.1f}%.",
    )


def draw_confusion(outputs: Outputs) -> Picture:
    """The confusion matrix with its counts: rows are the truth, columns the answers; errors are coloured."""
    matrix = outputs.confusion
    made, axes = figure(7.0, 5.2)
    shown = show_matrix(axes, matrix, outputs.class_names, numbers=True)
    if np.trace(matrix) < matrix.sum():
        bar = made.colorbar(shown, ax=axes, shrink=0.6, format=PercentFormatter(1))
        bar.set_label("errors: share of the row's images", fontsize=8.5)
        bar.ax.tick_params(labelsize=8.5)
        bar.outline.set_visible(False)
    title, text = _finding(outputs)
    axes.set_title(title)
    return Picture(made, text)


def show_matrix(axes, matrix: np.ndarray, names, *, numbers: bool):
    """Draw a confusion matrix into axes and return its image.

    An error's colour is its share of the row, so classes of any size compare; the diagonal is grey.
    """
    errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))
    most = max(float(errors.max()), 1e-12)
    shown = axes.imshow(errors, cmap=MATRIX_COLOURS, vmin=0, vmax=most)
    diagonal = [box_outline(place - 0.5, place - 0.5, 1, 1) for place in range(len(matrix))]
    axes.add_collection(PolyCollection(diagonal, color=COLOURS["grid"], linewidth=0))
    axes.grid(visible=False)
    name_places(axes, "x", names, turn=40, room=46)
    name_places(axes, "y", names, room=64)
    axes.set_xlabel("answer (an empty cell: no image)" if numbers else "answer")
    axes.set_ylabel("truth")
    if numbers:
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                right = row == column
                color = "white" if errors[row, column] > 0.55 * most else COLOURS["ink"]
                weight = "bold" if right else "normal"
                axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=color, fontweight=weight)
    return shown


def most_frequent_errors(outputs: Outputs) -> str:
    """The three largest cells off the diagonal in words."""
    names, worst = outputs.class_names, most_confused(outputs.confusion, 3)
    pairs = "; ".join(f"{names[t]} taken for {names[p]} {n} times" for t, p, n in worst)
    return f"Most frequent errors: {pairs}." if pairs else "There is no error."


def _finding(outputs: Outputs) -> tuple[str, str]:
    names, matrix = outputs.class_names, outputs.confusion
    total, right = matrix.sum(), np.trace(matrix)
    head = f"Confusion matrix of {outputs.name}: {right:,} of {total:,} answers are on the diagonal. "
    answered = np.flatnonzero(matrix.sum(axis=0))
    if len(answered) == 1:
        name = names[answered[0]]
        return (
            f'One column: every answer is "{name}"',
            f'{head}Every image is answered "{name}", so {100 * right / total:.2f}% are right.',
        )
    worst = most_confused(matrix, 1)
    if not worst:
        return "No confusion: every answer is right", head + most_frequent_errors(outputs)
    true, predicted, count = worst[0]
    return f"Most frequent: {names[true]} taken for {names[predicted]} ({count}x)", head + most_frequent_errors(outputs)


def draw_class_scores(outputs: Outputs) -> Picture:
    """Recall of each class with its 95% interval, and precision; worst recall at the top, no images at the bottom."""
    scores, names = per_class(outputs.confusion), outputs.class_names
    hits = np.diag(outputs.confusion)
    order = np.argsort(scores.recall, kind="stable")  # NaN, of a class without images, comes last
    made, axes = figure(6.4, 4.3)
    ends = []
    for row, place in enumerate(order):
        if scores.images[place]:
            low, high = wilson_interval(int(hits[place]), int(scores.images[place]))
            ends.append(low)
            _bar(axes, row, 100 * scores.recall[place], 100 * low, 100 * high, CYCLE[0])
        if scores.answers[place]:
            axes.plot(
                100 * scores.precision[place],
                row + 0.28,  # below the dot, which it would hide
                "D",
                color=CYCLE[1],
                markersize=6,
                markerfacecolor="none",
                markeredgewidth=1.6,
            )
        else:
            axes.text(1, row, "never answered: no precision", fontsize=8.5, va="center", color=readable(CYCLE[1]))
    axes.plot(
        [], [], "o-", color=CYCLE[0], label="recall: share of the class's images that were found, with 95% interval"
    )
    axes.plot(
        [], [], "D", color=CYCLE[1], markerfacecolor="none", label="precision: share of these answers that are right"
    )
    axes.set_yticks(range(len(names)), [names[place] for place in order])
    axes.invert_yaxis()
    shown = 100 * np.array([*ends, *scores.precision[scores.answers > 0]])
    axes.set_xlim(0 if (scores.answers == 0).any() else max(0, 10 * np.floor(shown.min() / 10 - 1)), 101)
    axes.set_xlabel("share (%)")
    made.legend(loc="outside lower center", ncols=1, fontsize=8.5, frameon=False)
    present = [place for place in order if scores.images[place]]
    extremes = [f"{names[p]} ({100 * scores.recall[p]:.1f}%)" for p in (present[0], present[-1])]
    worst, best = (scores.recall[p] for p in (present[0], present[-1]))
    alike = f"{100 * best:.1f}% of each class are found"
    axes.set_title(alike if worst == best else f"Hardest to find: {extremes[0]}; easiest: {extremes[1]}")
    words = "; ".join(f"{names[p]} {_percent(scores.recall[p])} and {_percent(scores.precision[p])}" for p in order)
    return Picture(
        made,
        f"Recall and precision of {outputs.name} in percent, worst recall first: {words}.",
    )


def _percent(share: float) -> str:
    return "undefined" if np.isnan(share) else f"{100 * share:.1f}"


def _bar(axes, row: float, value: float, low: float, high: float, color: str) -> None:
    axes.plot([low, high], [row, row], color=color, linewidth=3, solid_capstyle="round", alpha=0.55)
    axes.plot(value, row, "o", color=color, markersize=7)


def _note(axes, text: str, x: float, y: float) -> None:
    paper = {"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 1.5}
    axes.annotate(text, (x, y), xytext=(9, 0), textcoords="offset points", va="center", fontsize=9, bbox=paper)
