"""Sheets of small images: some of each class, images with their nearest neighbours, and the class means."""

import numpy as np
from matplotlib.patches import Rectangle

from vgg_lesson.plots.images import bare, corner, mosaic
from vgg_lesson.plots.style import COLOURS, PIXEL_RATIO, SCREEN_DPI, Picture, figure

SOURCES = {"cifar10": "CIFAR-10", "sketches": "Drawn sketches"}
ZOOM = 3
"""Each pixel of an image becomes ZOOM x ZOOM pixels of the PNG: whole numbers keep it sharp, and its file small."""
_GAP, _CAPTION_GAP = 2, 14
_LEFT, _TOP, _MARGIN = 1.15, 0.42, 0.08


LESSON_1 = "a class has no fixed place or colour"


def draw_classes(
    images: np.ndarray, labels: np.ndarray, names, source: str, per_class: int = 8, title: str = LESSON_1
) -> Picture:
    """The first images of each class, one row a class.

    Args:
        images: (N, H, W, 3) uint8.
        labels: (N,) class numbers; each class needs ``per_class`` images.
        names: of the classes.
        source: of the images, "cifar10", "sketches" or any other name; the title says it.
        title: what there is to see.
    """
    rows = [np.flatnonzero(labels == number)[:per_class] for number in range(len(names))]
    short = [name for name, row in zip(names, rows, strict=True) if len(row) < per_class]
    if short:
        raise ValueError(f"each class needs {per_class} images, too few of {short}")
    made, axes = _sheet(mosaic(images[np.concatenate(rows)], per_class, _GAP), left=_LEFT)
    pitch = images.shape[1] + _GAP
    axes.set_yticks(pitch * (np.arange(len(names)) + 0.5), [f"{n}  {name}" for n, name in enumerate(names)])
    source, listed = SOURCES.get(source, source), ", ".join(names)
    _title(axes, f"{source}: {title}")
    return Picture(made, f"{source}: {per_class} images of each of {len(names)} classes, in rows: {listed}.")


def draw_nearest(asked: np.ndarray, labels, found: np.ndarray, found_labels: np.ndarray, names) -> Picture:
    """Images, each followed by those nearest to it; those of the same class are framed and written in bold.

    Args:
        asked: (Q, H, W, 3) uint8.
        labels: (Q,) their class numbers.
        found: (Q, K, H, W, 3) uint8, nearest first.
        found_labels: (Q, K) their class numbers.
        names: of the classes.
    """
    labels, found_labels = np.asarray(labels), np.asarray(found_labels)
    count, columns, size = found.shape[1], found.shape[1] + 1, asked.shape[1:3]
    shown = np.concatenate([asked[:, None], found], axis=1).reshape(-1, *asked.shape[1:])
    made, axes = _sheet(mosaic(shown, columns, _CAPTION_GAP))
    for row, (label, others) in enumerate(zip(labels, found_labels, strict=True)):
        _caption(axes, columns * row, columns, size, names[label])
        for column, other in enumerate(others, start=1):
            _caption(axes, columns * row + column, columns, size, names[other], same=other == label)
    for column, words in ((0, "image"), (1, "nearest training images, nearest first")):
        axes.text(corner(column, columns, size, _CAPTION_GAP)[1], 8, words, va="center", fontsize=8.5, style="italic")
    _title(axes, f"Nearest images: {(found_labels == labels[:, None]).sum()} of {found_labels.size} share the class")
    listed = (f"{names[n]}: {', '.join(names[o] for o in row)}" for n, row in zip(labels, found_labels, strict=True))
    return Picture(made, f"Classes of the {count} nearest training images. {'; '.join(listed)}.")


def draw_class_means(means: np.ndarray, names) -> Picture:
    """The average image of each class, in two rows.

    Args:
        means: (classes, H, W, 3), 0 to 255.
        names: of the classes.
    """
    columns = -(-len(names) // 2)
    made, axes = _sheet(mosaic(means.round().astype(np.uint8), columns, _CAPTION_GAP), cut=_CAPTION_GAP - _GAP)
    for number, name in enumerate(names):
        _caption(axes, number, columns, means.shape[1:3], name)
    _title(axes, "Class means: colour stays, shapes blur")
    colours = zip(names, means.mean(axis=(1, 2)), strict=True)
    listed = "; ".join(f"{name} {red:.0f}, {green:.0f}, {blue:.0f}" for name, (red, green, blue) in colours)
    return Picture(made, f"The average image of each class. Its mean red, green and blue: {listed}.")


def _sheet(pixels: np.ndarray, *, left: float = _MARGIN, cut: int = 0):
    """A figure around an array of pixels, each drawn ZOOM x ZOOM.

    Args:
        pixels: (H, W, 3) uint8.
        left: inches that stay free for names.
        cut: rows of pixels at the top that are not shown.
    """
    rows, columns = pixels.shape[:2]
    height, width = ((side * ZOOM) / (SCREEN_DPI * PIXEL_RATIO) for side in (rows - cut, columns))
    whole = left + width + _MARGIN, _MARGIN + height + _TOP
    made, axes = figure(*whole, margins={"left": 0})
    axes.set_position((left / whole[0], _MARGIN / whole[1], width / whole[0], height / whole[1]))
    axes.imshow(pixels[cut:], extent=(-0.5, columns - 0.5, rows - 0.5, cut - 0.5))
    bare(axes)
    return made, axes


def _title(axes, words: str) -> None:
    """The title at the left end of the figure, not of the axes."""
    left = axes.get_position().x0 * axes.figure.get_figwidth() - _MARGIN
    axes.set_title(words, x=-left / (axes.get_position().width * axes.figure.get_figwidth()))


def _caption(axes, position: int, columns: int, size, words: str, *, same: bool = False) -> None:
    top, left = corner(position, columns, size, _CAPTION_GAP)
    axes.text(left + size[1] / 2 - 0.5, top + size[0] + 1, words, ha="center", va="top", fontsize=7,
              fontweight="bold" if same else "normal")  # fmt: skip
    if same:
        frame = Rectangle((left - 1.5, top - 1.5), size[1] + 2, size[0] + 2, fill=False, lw=2, ec=COLOURS["good"])
        axes.add_patch(frame)
