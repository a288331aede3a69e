"""Pictures of images for the labs: one class with an image's neighbours, and what a network sees."""

import numpy as np
from matplotlib.patches import Rectangle

from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure

CHANNELS = (("red", CYCLE[1], "-"), ("green", CYCLE[2], "--"), ("blue", CYCLE[0], ":"))
"""Name, colour and line style: channels stay apart without colour, too."""
PATCH = 4
"""Side of the square of pixels whose numbers are written out."""
COLUMNS = 10
"""Images in a row of the class browser."""
TWIN = 0.6
"""A nearest image at less than this share of the distance of the next one may be a near-duplicate."""
_PAPER = 255


def mosaic(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Put images side by side, row by row, on white.

    Args:
        images: (N, H, W, 3) uint8.
        columns: images in a row.
        gap: white pixels around each.

    Returns:
        (rows * (H + gap) + gap, columns * (W + gap) + gap, 3) uint8.
    """
    number, height, width, channels = images.shape
    rows = -(-number // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), _PAPER, np.uint8)
    for position, image in enumerate(images):
        top, left = corner(position, columns, (height, width), gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def corner(position: int, columns: int, size: tuple[int, int], gap: int = 2) -> tuple[int, int]:
    """Top and left pixel of an image within a :func:`mosaic`."""
    row, column = divmod(position, columns)
    return gap + row * (size[0] + gap), gap + column * (size[1] + gap)


def draw_class_page(
    images: np.ndarray,
    chosen: int,
    name: str,
    channel_means: np.ndarray,
    all_means: np.ndarray,
    neighbours: np.ndarray,
    neighbour_names,
    distances,
) -> Picture:
    """One class: some of its images, one of them with its nearest training images, and its mean colours.

    Args:
        images: (N, H, W, 3) uint8 images of the class, shown as a grid of 10 columns.
        chosen: which of them is compared.
        name: of the class.
        channel_means: (3,) mean of each channel over the class, 0 to 255.
        all_means: (3,) the same over all classes.
        neighbours: (K, H, W, 3) uint8, nearest first.
        neighbour_names: their classes.
        distances: root mean squared differences, 0 to 255.
    """
    columns, size = COLUMNS, images.shape[1:3]
    made, axes = figure(9.6, 4.2, 1, 3)
    grid, strip, colours = axes
    grid.imshow(mosaic(images, columns))
    top, left = corner(chosen, columns, size)
    grid.add_patch(Rectangle((left - 1.5, top - 1.5), size[1] + 2, size[0] + 2, fill=False, ec=COLOURS["bad"], lw=2.5))
    bare(grid)
    same = sum(other == name for other in neighbour_names)
    finding = f"of the {len(neighbours)} nearest training images, {same} {'is' if same == 1 else 'are'} {name}"
    if len(distances) > 1 and (distances[0] == 0 or distances[0] < TWIN * distances[1]):
        finding = f"a twin? The nearest differs by {distances[0]:.0f}, the next by {distances[1]:.0f}"
    grid.set_title(f"{name}: {finding}")

    strip.imshow(mosaic(np.concatenate([images[chosen : chosen + 1], neighbours]), 1 + len(neighbours), gap=4))
    labels = [f"no. {chosen}\n{name}"] + [f"{n}\n{d:.0f}" for n, d in zip(neighbour_names, distances, strict=True)]
    bare(strip)
    for position, label in enumerate(labels):
        _, left = corner(position, len(labels), size, 4)
        strip.text(left + size[1] / 2, size[0] + 9, label, ha="center", va="top", fontsize=9, linespacing=1.35)

    strip.set_title("the framed image, its nearest training images, and how far they differ (0 to 255)", fontsize=9.5)
    _show_means(colours, channel_means, all_means)
    _place(
        made,
        (grid, (0.01, 0.43, 0.66, 0.49)),
        (strip, (0.01, 0.09, 0.66, 0.24)),
        (colours, (0.745, 0.43, 0.24, 0.47)),
    )
    listed = ", ".join(f"{n} {d:.0f}" for n, d in zip(neighbour_names, distances, strict=True))
    means = ", ".join(
        f"{c} {m:.0f} ({a:.0f})" for (c, *_), m, a in zip(CHANNELS, channel_means, all_means, strict=True)
    )
    text = (
        f"{len(images)} validation images of class {name}. Nearest training images of no. {chosen}, with their "
        f"distances (0 to 255): {listed}; {same} of {len(neighbours)} belong to the same class. "
        f"Mean colour of the class (of all classes): {means}."
    )
    return Picture(made, text)


def draw_seen(image: np.ndarray, seen: np.ndarray, how: str, patch: tuple[int, int], whole: float) -> Picture:
    """An image as people see it, and the numbers that a network receives for it.

    Args:
        image: (H, W, 3) uint8, mirrored and shifted already.
        seen: (H, W, 3) float, the same image preprocessed.
        how: name of the preprocessing.
        patch: top and left pixel of the square of numbers that is written out.
        whole: the histogram's scale reaches from -whole to whole.
    """
    made, axes = figure(9.6, 3.4, 1, 3)
    shown, numbers, histogram = axes
    top, left = patch
    shown.imshow(image)
    shown.add_patch(Rectangle((left - 0.5, top - 0.5), PATCH, PATCH, fill=False, ec="white", lw=3.5))
    shown.add_patch(Rectangle((left - 0.5, top - 0.5), PATCH, PATCH, fill=False, ec=COLOURS["ink"], lw=1.5))
    bare(shown)
    shown.set_title("what you see")

    square = (slice(top, top + PATCH), slice(left, left + PATCH), 0)
    numbers.imshow(image[square], cmap="gray", vmin=0, vmax=255, alpha=0.55)
    for row, column in np.ndindex(PATCH, PATCH):
        value = seen[square][row, column]
        numbers.text(
            column,
            row,
            f"{value:.0f}" if abs(seen).max() > 10 else f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=9,
        )
    bare(numbers)
    numbers.set_title("the frame's red numbers")

    mean, spread = float(seen.mean()), float(seen.std())
    edges = np.linspace(-whole, whole, 61)
    for channel, (name, color, line) in enumerate(CHANNELS):
        counts, _ = np.histogram(seen[..., channel], edges)
        histogram.stairs(counts, edges, color=color, linestyle=line, linewidth=1.8, label=name)
    histogram.axvline(0, color=COLOURS["ink"], linewidth=0.8)
    histogram.set_xlabel("number that the network receives")
    histogram.set_yticks([])
    histogram.set_ylabel("how many numbers")
    histogram.legend(loc="upper left", fontsize=9, handlelength=1.8)
    histogram.set_title(f"mean {mean:.2f}, spread {spread:.2f}")
    _place(
        made,
        (shown, (0.01, 0.1, 0.29, 0.78)),
        (numbers, (0.33, 0.1, 0.29, 0.78)),
        (histogram, (0.66, 0.17, 0.32, 0.71)),
    )
    low, high = float(seen.min()), float(seen.max())
    text = (
        f"The {seen.size:,} numbers of this image under preprocessing {how!r}: mean {mean:.3f}, standard deviation "
        f"{spread:.3f}, from {low:.2f} to {high:.2f}. Top left red number in the frame: {seen[top, left, 0]:.2f}."
    )
    return Picture(made, text)


def _show_means(axes, means, all_means) -> None:
    for row, ((_channel, color, _line), mean, everywhere) in enumerate(zip(CHANNELS, means, all_means, strict=True)):
        axes.plot([everywhere, mean], [row, row], color=color, linewidth=3, solid_capstyle="round")
        axes.plot(everywhere, row, "|", color=COLOURS["ink"], markersize=14, markeredgewidth=1.5)
        axes.plot(mean, row, "o", color=color, markersize=9)
        axes.annotate(f"{mean:.0f}", (mean, row), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=9)
    axes.set_yticks(range(3), [channel for channel, *_ in CHANNELS])
    axes.set_ylim(2.6, -0.7)
    axes.set_xlim(60, 190)
    axes.set_xlabel("mean of the channel; stroke: all classes", fontsize=9)
    largest = int(np.argmax(np.abs(np.asarray(means) - all_means)))
    more = "more" if means[largest] > all_means[largest] else "less"
    axes.set_title(f"{more} {CHANNELS[largest][0]} than the average", fontsize=10)


def bare(axes) -> None:
    """Take grid, ticks and frame away from axes that show an image."""
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _place(made, *places) -> None:
    """Put axes where they belong: laying them out anew for each picture would take as long as drawing them."""
    made.set_layout_engine("none")
    for axes, place in places:
        axes.set_position(place)
        axes.set_anchor("NW")
