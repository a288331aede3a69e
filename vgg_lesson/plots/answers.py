"""Pictures of single answers: the images, or without images the outputs, behind a number."""

import math

from matplotlib.patches import Rectangle

from vgg_lesson.calibration import confident_errors
from vgg_lesson.outputs import Outputs
from vgg_lesson.plots.evaluation import most_frequent_errors, show_matrix
from vgg_lesson.plots.marks import capital, name_places
from vgg_lesson.plots.style import COLOURS, Picture, figure

SHOWN = 12
COLUMNS = 4
MARGINS = {"left": 0.12, "right": 0.985, "bottom": 0.2, "top": 0.93, "wspace": 0.3}
_GAP = 0.12  # between tiles, as share of a tile


def draw_cell(outputs: Outputs, true: int, predicted: int) -> Picture:
    """One cell of the confusion matrix, and the images in it, most confident first.

    Args:
        outputs: probabilities and truth, with or without images.
        true, predicted: class numbers.
    """
    names, matrix = outputs.class_names, outputs.confusion
    places = outputs.cell(true, predicted)
    made, (left, right) = figure(9.2, 4.6, columns=2, width_ratios=(1, 1.15), margins=MARGINS)
    show_matrix(left, matrix, names, numbers=False)
    left.add_patch(_frame(predicted, true))
    total = int(matrix[true].sum())
    share = 100 * len(places) / total if total else 0.0
    what = f"{names[true]}, recognised" if true == predicted else f"{names[true]} taken for {names[predicted]}"
    left.set_title(f"{what}: {len(places)} of {total}")
    _show_answers(right, outputs, places[:SHOWN], named=False)
    back = int(matrix[predicted, true])
    if not len(places):
        text = f"None of the {total} images of {names[true]} was answered {names[predicted]!r} by {outputs.name}."
    elif true == predicted:
        text = f"{capital(outputs.name)} recognised {len(places)} of {total} images of {names[true]} ({share:.1f}%)."
    else:
        sure = 100 * outputs.confidence[places].mean()
        text = (
            f"{capital(outputs.name)} took {len(places)} of {total} images of {names[true]} for {names[predicted]} "
            f"({share:.1f}%), with a mean confidence of {sure:.1f}%; the other way round, "
            f"{names[predicted]} for {names[true]}: {back}."
        )
    return Picture(made, f"{text} {most_frequent_errors(outputs)}")


def draw_confident_errors(outputs: Outputs, count: int = 8) -> Picture:
    """The wrong answers of which the network was most sure."""
    places = confident_errors(outputs.probabilities, outputs.labels, count)
    made, axes = figure(6.8, 3.7)
    _show_answers(axes, outputs, places, named=True)
    if not len(places):
        axes.set_title("No wrong answer")
        return Picture(made, f"{capital(outputs.name)} gave no wrong answer.")
    low = 100 * outputs.confidence[places].min()
    axes.set_title(f"Wrong, and at least {math.floor(low)}% sure")
    words = "; ".join(_words(outputs, place) for place in places)
    return Picture(made, f"Most confident errors of {outputs.name} (truth, answer, confidence): {words}.")


def _show_answers(axes, outputs: Outputs, places, *, named: bool) -> None:
    """``named``: truth and answer stand below each image; where all are alike the title says them once."""
    if not len(places):
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no image here", ha="center", va="center", color=COLOURS["muted"], transform=axes.transAxes)
    elif outputs.images is None:
        _show_outputs(axes, outputs, places)
    else:
        _show_images(axes, outputs, places, named)


def _show_images(axes, outputs: Outputs, places, named: bool) -> None:
    """All tiles as one picture: many small axes would take several times as long to draw."""
    columns, label = COLUMNS, 0.52 if named else 0.2
    axes.set_axis_off()
    for tile, place in enumerate(places):
        x, y = (tile % columns) * (1 + _GAP), (tile // columns) * (1 + _GAP + label)
        axes.imshow(outputs.images[place], extent=(x, x + 1, y + 1, y), cmap="gray", vmin=0, vmax=255)
        truth, answer = outputs.class_names[outputs.labels[place]], outputs.class_names[outputs.predictions[place]]
        words = f"true: {truth}\nsaid: {answer}\n" if named else ""
        axes.text(
            x + 0.5,
            y + 1.05,
            f"{words}{100 * outputs.confidence[place]:.0f}%",
            ha="center",
            va="top",
            fontsize=7.5,
            linespacing=1.05,
        )
    rows = -(-len(places) // columns)
    axes.set_xlim(0, columns * (1 + _GAP) - _GAP)
    axes.set_ylim(rows * (1 + _GAP + label), 0)
    axes.set_aspect("equal")


def _show_outputs(axes, outputs: Outputs, places) -> None:
    """One row an image: its ten probabilities, the truth framed."""
    axes.imshow(outputs.probabilities[places], cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    for row, place in enumerate(places):
        answer = int(outputs.predictions[place])
        color = "white" if outputs.confidence[place] > 0.55 else COLOURS["ink"]
        axes.text(
            answer, row, f"{100 * outputs.confidence[place]:.0f}", ha="center", va="center", fontsize=8, color=color
        )
        axes.add_patch(_frame(int(outputs.labels[place]), row))
    name_places(axes, "x", outputs.class_names, turn=40, room=46)
    name_places(axes, "y", [f"image {place}" for place in places], fontsize=8)
    axes.set_xlabel("probabilities: frame = truth, number = answer (%)", fontsize=8.5)


def _frame(column: int, row: int):
    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=COLOURS["bad"], linewidth=2.4)


def _words(outputs: Outputs, place: int) -> str:
    names = outputs.class_names
    truth, answer = names[outputs.labels[place]], names[outputs.predictions[place]]
    return f"{truth}, {answer}, {100 * outputs.confidence[place]:.1f}%"
