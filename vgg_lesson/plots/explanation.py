"""Pictures of what a network looks at: Grad-CAM over an image, and feature maps."""

import numpy as np

from vgg_lesson.plots.images import bare
from vgg_lesson.plots.style import Picture, figure, headline

HEAT_COLOURS, COLOUR_WORDS = "viridis", "yellow: high, violet: low"


def draw_grad_cam(image, heat, covered, *, title: str, captions: tuple[str, str, str, str], text: str) -> Picture:
    """An image, its Grad-CAM map, and the image with the hottest and the coldest part covered.

    Args:
        image: (H, W, 3) uint8.
        heat: (H, W) map at the size of the image, at least 0.
        covered: two (H, W, 3) uint8 images.
        title, captions, text: the finding, a caption for each of the four pictures, the words.
    """
    made, axes = figure(9.2, 3.1, columns=4)
    for place, (ax, caption) in enumerate(zip(axes, captions, strict=True)):
        bare(ax)
        ax.set_xlabel(f"{caption}\n{COLOUR_WORDS}" if place == 1 else caption, fontsize=9)
        ax.imshow(image if place < 2 else covered[place - 2])
        if place == 1:
            ax.imshow(heat, cmap=HEAT_COLOURS, alpha=0.65, vmin=0, vmax=max(float(np.max(heat)), 1e-12))
    headline(made, title)
    return Picture(made, text)


def draw_feature_maps(image, maps, *, layer: str, count: int = 16) -> Picture:
    """An image and the strongest feature maps of one layer.

    Args:
        image: (H, W, 3) uint8.
        maps: (H', W', channels) the layer's output for it.
        layer: its name.
        count: how many maps to show, those with the largest mean.
    """
    height, width, channels = maps.shape
    order = np.argsort(-maps.mean(axis=(0, 1)), kind="stable")[:count]
    columns = min(8, len(order))
    rows = -(-len(order) // columns)
    gap = max(1, round(0.08 * width))
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for tile, channel in enumerate(order):
        y, x = (tile // columns) * (height + gap), (tile % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = maps[..., channel]
    made, (left, right) = figure(9.2, 3.2, columns=2, gridspec_kw={"width_ratios": [1, 3.4]})
    left.imshow(image)
    left.set_xlabel("the image")
    right.imshow(sheet, cmap=HEAT_COLOURS)
    right.set_xlabel(f"the {len(order)} strongest of {channels} maps ({COLOUR_WORDS})")
    for ax in (left, right):
        bare(ax)
    silent = int((maps == 0).all(axis=(0, 1)).sum())  # without a ReLU, maps may be negative and alive
    headline(made, f"{layer}: {channels} maps of {height} × {width}")
    return Picture(
        made,
        f"Layer {layer} gives {channels} maps of {height} × {width} values for this image; "
        f"the {len(order)} with the largest mean are shown. {silent} of the {channels} maps are zero everywhere.",
    )
