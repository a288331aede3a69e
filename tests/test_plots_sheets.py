"""Sheets of small images: every image in its place, in sharp pixels, with the right name under it."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from vgg_lesson.plots.images import corner
from vgg_lesson.plots.sheets import ZOOM, draw_class_means, draw_classes, draw_nearest
from vgg_lesson.plots.style import to_png
from vgg_lesson.sketches import CLASS_NAMES, draw_sketches

IMAGES, LABELS = draw_sketches(200, seed=9)
MEANS = np.stack([IMAGES[number == LABELS].mean(axis=0) for number in range(10)])


def shown(axes):
    return np.asarray(axes.get_images()[0].get_array())


def nearest():
    found = np.arange(10, 22).reshape(3, 4)
    labels = np.where(np.arange(12).reshape(3, 4) < 5, 3, 1)
    return draw_nearest(IMAGES[:3], [3, 3, 5], IMAGES[found], labels, CLASS_NAMES)


def test_classes_in_their_rows():
    picture = draw_classes(IMAGES, LABELS, CLASS_NAMES, "sketches", per_class=5)
    (axes,) = picture.figure.axes
    for number in range(10):
        first = np.flatnonzero(number == LABELS)[0]
        top, left = corner(5 * number, 5, (32, 32))
        assert np.array_equal(shown(axes)[top : top + 32, left : left + 32], IMAGES[first])
        assert axes.get_yticks()[number] == pytest.approx(top + 16, abs=2)
    assert [label.get_text() for label in axes.get_yticklabels()][3] == "3  cat"
    assert all(name in picture.text for name in CLASS_NAMES)


@pytest.mark.parametrize(
    ("source", "words"), [("sketches", "Drawn sketches"), ("cifar10", "CIFAR-10"), ("my leaves", "my leaves")]
)
def test_the_sheet_says_whose_images_they_are(source, words):
    picture = draw_classes(IMAGES, LABELS, CLASS_NAMES, source, per_class=5)
    assert picture.figure.axes[0].get_title("left").startswith(words)
    assert picture.text.startswith(words)


def test_classes_need_enough_images():
    with pytest.raises(ValueError, match="too few of .*'cat'"):
        draw_classes(IMAGES, np.where(LABELS == 3, 4, LABELS), CLASS_NAMES, "sketches")


def test_pixels_are_enlarged_by_a_whole_number():
    """Else they are blurred, and the PNG of lesson 1 has megabytes."""
    picture = draw_classes(IMAGES, LABELS, CLASS_NAMES, "sketches", per_class=5)
    png = (255 * imread(io.BytesIO(to_png(picture.figure)))[..., :3]).round().astype(np.uint8)
    sheet = shown(picture.figure.axes[0]).repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
    box = picture.figure.axes[0].get_window_extent()
    places = [(row, column) for row in range(-3, 4) for column in range(-3, 4)]
    top, left = round(len(png) - 2 * box.y1), round(2 * box.x0)
    height, width = sheet.shape[0] - 20, sheet.shape[1] - 20
    inner = sheet[10:-10, 10:-10]
    assert any(
        np.array_equal(png[top + r + 10 : top + r + 10 + height, left + c + 10 : left + c + 10 + width], inner)
        for r, c in places
    )


def test_nearest_images_beside_the_one_asked_about():
    picture = nearest()
    (axes,) = picture.figure.axes
    for position, row in ((0, 0), (1, 10), (6, 14), (14, 21)):
        top, left = corner(position, 5, (32, 32), 14)
        assert np.array_equal(shown(axes)[top : top + 32, left : left + 32], IMAGES[row])
    assert axes.get_title("left") == "Nearest images: 5 of 12 share the class"
    assert len(axes.patches) == 5, "those of the same class are framed"
    assert sum(text.get_fontweight() == "bold" for text in axes.texts) == 5
    assert "4 nearest" in picture.text
    assert "cat: cat, automobile, automobile, automobile; dog: automobile" in picture.text


def test_class_means():
    picture = draw_class_means(MEANS, CLASS_NAMES)
    (axes,) = picture.figure.axes
    top, left = corner(7, 5, (32, 32), 14)
    cut = 12
    assert np.array_equal(shown(axes)[top - cut : top - cut + 32, left : left + 32], MEANS[7].round().astype(np.uint8))
    assert [text.get_text() for text in axes.texts] == list(CLASS_NAMES)
    red, green, blue = MEANS[3].mean(axis=(0, 1))
    assert f"cat {red:.0f}, {green:.0f}, {blue:.0f}" in picture.text


PICTURES = {
    "classes": lambda: draw_classes(IMAGES, LABELS, CLASS_NAMES, "sketches", 8),
    "nearest": nearest,
    "means": lambda: draw_class_means(MEANS, CLASS_NAMES),
}


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_cut_off_or_overlaps(name):
    picture = PICTURES[name]()
    to_png(picture.figure)
    inside, renderer = picture.figure.bbox, picture.figure.canvas.get_renderer()
    (axes,) = picture.figure.axes
    texts = [*axes.get_yticklabels(), axes._left_title, *axes.texts]
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    for box in boxes:
        assert min(box.x0 - inside.x0, inside.x1 - box.x1, box.y0 - inside.y0, inside.y1 - box.y1) >= -1
    pairs = [(a, b) for n, a in enumerate(boxes) for b in boxes[:n]]
    assert not any(a.overlaps(b) for a, b in pairs)
