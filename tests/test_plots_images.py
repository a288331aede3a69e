"""Pictures of images and labels: what they show and say is true to the arrays."""

import math
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from PIL import Image

from vgg_lesson.plots.images import PATCH, corner, draw_class_page, draw_seen, mosaic
from vgg_lesson.plots.labels import draw_cost, draw_shares
from vgg_lesson.plots.style import figure, to_jpeg, to_png
from vgg_lesson.sketches import CLASS_NAMES, draw_sketches

IMAGES, LABELS = draw_sketches(200, seed=9)


def shown(axes):
    return np.asarray(axes.get_images()[0].get_array())


def test_mosaic_keeps_every_pixel():
    sheet = mosaic(IMAGES[:7], 3, gap=2)
    assert sheet.shape == (3 * 34 + 2, 3 * 34 + 2, 3)
    for position in range(7):
        top, left = corner(position, 3, (32, 32), 2)
        assert np.array_equal(sheet[top : top + 32, left : left + 32], IMAGES[position])
    assert np.all(sheet[:2] == 255) and np.all(sheet[70:, 36:] == 255)  # gaps, and places without an image


def page(names=("cat", "dog", "cat"), distances=(30.2, 31.0, 40.6)):
    cats = IMAGES[LABELS == 3]
    return draw_class_page(cats, 4, "cat", (120, 100, 90.4), (125, 123, 114), IMAGES[:3], names, distances)


def test_class_page():
    picture = page()
    grid, strip, colours = picture.figure.axes
    cats = IMAGES[LABELS == 3]
    assert np.array_equal(shown(grid)[2:34, 2:34], cats[0])
    assert np.array_equal(shown(strip)[4:36, 4:36], cats[4])  # the framed image, then its neighbours
    assert np.array_equal(shown(strip)[4:36, 40:72], IMAGES[0])
    frame = grid.patches[0]
    top, left = corner(4, 10, (32, 32))
    assert frame.get_x() == left - 1.5 and frame.get_y() == top - 1.5
    assert "2 are cat" in grid.get_title("left") and colours.get_title("left") == "less blue than the average"
    for words in ("cat 30, dog 31, cat 41", "2 of 3", "blue 90 (114)", "20 validation images"):
        assert words in picture.text
    means = [line.get_xdata()[0] for line in colours.lines if line.get_marker() == "o"]
    assert means == [120, 100, 90.4]


def test_class_page_points_out_a_twin():
    assert "a twin? The nearest differs by 9, the next by 31" in page(distances=(9.0, 31.0, 40.0)).figure.axes[
        0
    ].get_title("left")
    assert "a twin? The nearest differs by 0" in page(distances=(0.0, 0.0, 40.0)).figure.axes[0].get_title("left")
    assert "twin" not in page(distances=(25.0, 31.0, 40.0)).figure.axes[0].get_title("left")
    assert "1 is cat" in page(names=("cat", "dog", "dog")).figure.axes[0].get_title("left")


def test_seen_writes_the_numbers_of_the_frame():
    seen = IMAGES[0] / np.float32(255)
    picture = draw_seen(IMAGES[0], seen, "unit", (10, 20), 1.05)
    image, numbers, histogram = picture.figure.axes
    written = [text.get_text() for text in numbers.texts]
    assert written == [f"{value:.2f}" for value in seen[10 : 10 + PATCH, 20 : 20 + PATCH, 0].ravel()]
    assert np.array_equal(shown(image), IMAGES[0])
    assert image.patches[0].get_x() == 19.5 and image.patches[0].get_y() == 9.5
    assert histogram.get_title("left") == f"mean {seen.mean():.2f}, spread {seen.std():.2f}"
    counts = [patch.get_data().values for patch in histogram.patches]
    assert [int(count.sum()) for count in counts] == [1024] * 3  # every number of each channel is in the histogram
    assert f"mean {seen.mean():.3f}" in picture.text and "3,072 numbers" in picture.text


def test_seen_writes_large_numbers_without_decimals():
    picture = draw_seen(IMAGES[0], IMAGES[0].astype(np.float32), "raw", (0, 0), 260)
    assert picture.figure.axes[1].texts[0].get_text() == str(IMAGES[0, 0, 0, 0])


def test_shares():
    counts = {"even": np.array([10, 10]), "uneven": np.array([30, 10])}
    picture = draw_shares(counts, ("cat", "dog"))
    (axes,) = picture.figure.axes
    points = [line.get_ydata() for line in axes.lines if line.get_marker() in list("os")]
    assert np.allclose(points, [[50, 50], [75, 25]])
    assert axes.get_title("left") == "Uneven: the share of a class varies from 25.0% to 75.0%"
    assert "even: 50.0% in every class; uneven: from 25.0% (dog) to 75.0% (cat)" in picture.text


def test_equal_shares_are_said_to_be_equal():
    title = draw_shares({"one": np.array([5, 5]), "all": np.array([10, 10])}, ("cat", "dog")).figure.axes[0]
    assert title.get_title("left") == "One: the share of every class is 50.0%"


def test_shares_of_many_sets_and_of_none():
    picture = draw_shares({f"set {number}": np.array([10, number]) for number in range(9)}, ("cat", "dog"))
    points = [line.get_xdata() for line in picture.figure.axes[0].lines if len(line.get_xdata()) == 2][1:]
    assert len(points) == 9 and max(x[0] for x in points) < 0.5 and min(x[1] for x in points) > 0.5
    with pytest.raises(ValueError, match=r"received none in 'empty': \[0, 0\]"):
        draw_shares({"empty": np.array([0, 0])}, ("cat", "dog"))


def test_cost():
    picture = draw_cost(classes=10, marks=(0.5,))
    (axes,) = picture.figure.axes
    points = {line.get_xdata()[0]: line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"}
    assert points == {10: pytest.approx(math.log(10)), 50: pytest.approx(math.log(2))}
    assert "10% costs 2.303" in picture.text and "50% costs 0.693" in picture.text
    assert "chance: 10% costs 2.303 = ln 10" in [text.get_text() for text in axes.texts]
    thousand = draw_cost(1000).figure.axes[0]
    assert thousand.get_ylim()[1] > math.log(1000), "the point of chance lies in the picture"
    assert "25% costs 1.386 = ln 4" in "".join(text.get_text() for text in draw_cost(4).figure.axes[0].texts)


PICTURES = {
    "page": page,
    "seen": lambda: draw_seen(IMAGES[0], IMAGES[0].astype(np.float32), "raw", (0, 0), 260),
    "shares": lambda: draw_shares({"all": np.bincount(LABELS), "half": np.bincount(LABELS[::2])}, CLASS_NAMES),
    "shares of five": lambda: draw_shares({f"set {n}": np.bincount(LABELS[n:]) for n in range(5)}, CLASS_NAMES),
    "cost": draw_cost,
}


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_cut_off(name):
    picture = PICTURES[name]()
    to_png(picture.figure)
    inside = picture.figure.bbox
    renderer = picture.figure.canvas.get_renderer()
    for axes in picture.figure.axes:
        for text in [
            *visible_labels(axes.xaxis),
            *visible_labels(axes.yaxis),
            axes._left_title,
            axes.xaxis.label,
            *axes.texts,
        ]:
            if text.get_text().strip():
                box = text.get_window_extent(renderer)
                ends = box.x0 - inside.x0, inside.x1 - box.x1, box.y0 - inside.y0, inside.y1 - box.y1
                assert min(ends) >= -1, (text.get_text(), box)


def visible_labels(axis):
    """Labels of the ticks within the view; matplotlib keeps one more on each side, and does not draw it."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def test_a_kept_drawing_gets_a_palette_and_a_kept_photograph_does_not():
    made, axes = figure(4, 3)
    axes.plot([0, 1], [0, 1])
    quick, kept = Image.open(BytesIO(to_jpeg(made))), Image.open(BytesIO(to_png(made)))
    assert [quick.mode, kept.mode, quick.size] == ["RGB", "P", kept.size]
    apart = np.abs(np.asarray(quick).astype(int) - np.asarray(kept.convert("RGB")))
    assert apart.mean() < 0.3
    axes.imshow(np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8))
    assert Image.open(BytesIO(to_png(made))).mode == "RGB"


def test_a_heat_map_keeps_its_rarest_colour():
    """A single hot pixel: a palette would give it the colour of the many others."""
    made, axes = figure(4, 3)
    heat = np.random.default_rng(0).uniform(0, 0.5, (24, 24))
    heat[3, 3] = 1
    axes.imshow(heat, cmap="plasma")
    kept = np.asarray(Image.open(BytesIO(to_png(made))).convert("RGB")).astype(int)
    yellow = np.array(matplotlib.colormaps["plasma"](1.0)[:3]) * 255
    assert np.abs(kept - yellow).max(axis=2).min() <= 1


def test_lines_and_images_look_as_the_style_says():
    _, axes = figure()
    (line,), (thin,) = axes.plot([0, 1]), axes.plot([0, 1], lw=0.5, ms=1)
    assert [line.get_linewidth(), line.get_markersize()] == [2, 5]
    assert [thin.get_linewidth(), thin.get_markersize()] == [0.5, 1]
    assert axes.imshow(np.eye(3)).get_interpolation() == "nearest"
