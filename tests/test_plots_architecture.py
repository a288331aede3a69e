"""The pictures of lesson 2 and their words, against the arrays behind them."""

import re

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from vgg_lesson.configurations import CONFIGURATIONS, LayerRow, count_layers
from vgg_lesson.convolution import KERNELS, convolve, grey, window
from vgg_lesson.plots.architecture import COLOUR_OF_KIND, draw_network, total
from vgg_lesson.plots.convolution import draw_convolution, draw_stack
from vgg_lesson.plots.style import to_png

IMAGE = np.random.default_rng(0).random((9, 12))


# --- the convolution itself


def by_loops(image, kernel):
    """The definition, without a shortcut."""
    high, wide = image.shape
    outputs = np.zeros((high, wide))
    for row in range(high):
        for column in range(wide):
            for i in range(3):
                for j in range(3):
                    y, x = row + i - 1, column + j - 1
                    if 0 <= y < high and 0 <= x < wide:
                        outputs[row, column] += image[y, x] * kernel[i][j]
    return outputs


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_convolve_is_the_definition(kernel):
    np.testing.assert_allclose(convolve(IMAGE, kernel), by_loops(IMAGE, kernel), atol=1e-12)


def test_convolve_is_not_flipped():
    kernel = np.arange(9.0).reshape(3, 3)
    point = np.zeros((3, 3))
    point[0, 0] = 1
    assert convolve(point, kernel)[1, 1] == kernel[0, 0]


@pytest.mark.parametrize("row, column", [(0, 0), (8, 11), (4, 0), (4, 5)])
def test_window_is_what_the_output_is_made_of(row, column):
    kernel = np.random.default_rng(1).normal(size=(3, 3))
    here = window(IMAGE, kernel, row, column)
    assert here.total == pytest.approx(convolve(IMAGE, kernel)[row, column])
    assert here.products.shape == (3, 3)
    assert np.all(here.values[~here.inside] == 0)
    assert here.inside.sum() == (3 - (row in (0, 8))) * (3 - (column in (0, 11)))


def test_grey_is_the_mean_over_colours():
    np.testing.assert_allclose(grey(np.array([[[0, 255, 51]]], np.uint8)), [[0.4]])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: convolve(np.zeros((4, 4, 3)), np.ones((3, 3))), r"image must .*received shape \(4, 4, 3\)"),
        (lambda: convolve(IMAGE, np.ones((5, 5))), r"kernel must .*received shape \(5, 5\)"),
        (lambda: window(IMAGE, np.ones((3, 3)), 9, 0), r"image of \(9, 12\), received row 9, column 0"),
        (lambda: window(IMAGE, np.ones((3, 3)), 0, -1), "received row 0, column -1"),
        (lambda: draw_stack(0), "received 0 and 64"),
        (lambda: draw_stack(2, 0), "received 2 and 0"),
        (lambda: draw_network([], "nothing"), "received 0 rows without any"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- its picture


def texts(axes):
    return [text.get_text() for text in axes.texts]


def number(words):
    return float(words.replace("\N{MINUS SIGN}", "-"))


@pytest.mark.parametrize("row, column, relu", [(4, 5, False), (0, 11, False), (2, 3, True)])
def test_convolution_picture_shows_the_numbers(row, column, relu):
    kernel = np.round(np.random.default_rng(2).normal(size=(3, 3)), 1)
    picture = draw_convolution(IMAGE, kernel, row, column, relu)
    image, products, outputs = picture.figure.axes
    expected = convolve(IMAGE, kernel)
    np.testing.assert_array_equal(image.images[0].get_array(), IMAGE)
    shown = np.maximum(expected, 0) if relu else expected
    np.testing.assert_allclose(outputs.images[0].get_array(), shown)
    assert outputs.images[0].norm.vmin == -outputs.images[0].norm.vmax  # white is 0
    assert texts(products)[-1].removeprefix("sum = ") in picture.figure.get_suptitle()
    assert number(texts(products)[-1].removeprefix("sum = ")) == pytest.approx(expected[row, column], abs=0.006)
    frames = [(p.get_xy(), p.get_width()) for p in image.patches if isinstance(p, Rectangle)]
    assert ((column - 1.5, row - 1.5), 3) in frames
    assert any(p.get_xy() == (column - 0.5, row - 0.5) for p in outputs.patches)


@pytest.mark.parametrize("row, column, outside", [(4, 5, 0), (0, 5, 3), (0, 0, 5)])
def test_convolution_words_are_true(row, column, outside):
    kernel = np.array([[-1, 0.5, 0], [2, 1, -3], [0, 0, 1.5]])
    text = draw_convolution(IMAGE, kernel, row, column).text
    terms = re.findall(r"(\d\.\d\d) × \(?([\N{MINUS SIGN}\d.]+)\)?", text)
    assert len(terms) == np.count_nonzero(kernel)
    total_of_terms = sum(float(value) * number(weight) for value, weight in terms)
    assert total_of_terms == pytest.approx(convolve(IMAGE, kernel)[row, column], abs=0.06)
    assert ("lie outside" in text) == bool(outside)
    assert f"{outside} of the nine" in text or not outside
    strongest = re.search(r"strongest output, (\S+), is at row (\d+), column (\d+)", text)
    outputs = convolve(IMAGE, kernel)
    assert abs(outputs[int(strongest[2]), int(strongest[3])]) == np.abs(outputs).max()
    assert number(strongest[1]) == pytest.approx(outputs[int(strongest[2]), int(strongest[3])], abs=0.006)


@pytest.mark.parametrize(
    "kernel, words",
    [
        (KERNELS["vertical edges"], "add up to 0, so an area of one brightness gives 0."),
        (KERNELS["blur"], "add up to 9, so an area of one brightness v gives 9 × v."),
        (np.full((3, 3), 1 / 9), "add up to 1, so"),
        (np.array([[0.1, 0.2, -0.3], [0, 0, 0], [0, 0, 0]]), "add up to 0, so"),
        (np.zeros((3, 3)), "nothing = 0"),
        (np.full((3, 3), 0.125), " × 0.125 + "),
        (np.full((3, 3), 0.0004), "add up to 0.0036, so an area of one brightness v gives 0.0036 × v."),
        (np.full((3, 3), 0.0004), " × 0.0004 + "),
    ],
)
def test_words_on_flat_areas(kernel, words):
    text = draw_convolution(IMAGE, kernel, 4, 4).text
    assert words in text
    assert "-0" not in text and "\N{MINUS SIGN}0 " not in text


# --- stacks


@pytest.mark.parametrize("layers, side, saved", [(1, 3, None), (2, 5, 28), (3, 7, 45), (5, 11, 63)])
def test_stack(layers, side, saved):
    picture = draw_stack(layers, channels=512)
    reach, bars = picture.figure.axes
    stack, single = (round(bar.get_width()) for bar in bars.patches)
    assert stack == layers * (9 * 512 * 512 + 512)
    assert single == side * side * 512 * 512 + 512
    assert f"{stack:,}" in picture.text and f"{single:,}" in picture.text and f"{side} × {side} pixels" in picture.text
    cells = [patch for patch in reach.patches if isinstance(patch, Rectangle)]
    assert len(cells) == sum(range(1, side + 1, 2))
    assert ("They are the same." if saved is None else f"saves {saved}%") in picture.text
    title = picture.figure.get_suptitle()
    assert ("both are the same" if saved is None else f"one {side} × {side} layer, with {saved}% fewer") in title
    first, last = reach.lines[-2].get_xdata(), reach.lines[-1].get_xdata()  # of the top value's cone
    assert len(reach.lines) == 2 * layers and last[-1] - first[-1] == pytest.approx(2 + last[0] - first[0])


# --- networks


def colour_of(group):
    return to_hex(group.get_facecolor()[0]).upper()


def boxes_of(axes, drawn):
    """The box of each row: those of one kind are one artist, the key's come after the rows'."""
    groups = {colour_of(group): iter(group.get_paths()) for group in axes.collections}
    boxes = [next(groups[COLOUR_OF_KIND[row.kind]]).get_extents() for row in drawn]
    middles = [(box.y0 + box.y1) / 2 for box in boxes]
    np.testing.assert_allclose(middles, np.arange(len(drawn)), atol=1e-9)
    return boxes


@pytest.mark.parametrize("letter", CONFIGURATIONS)
@pytest.mark.parametrize("options", [{}, {"batch_norm": True, "dropout": 0.5, "head": (), "width": 1 / 8}])
def test_network_is_drawn_to_scale(letter, options):
    rows = count_layers(letter, **options)
    maps, *shares = draw_network(rows, "Net").figure.axes
    drawn = [row for row in rows if row.kind in COLOUR_OF_KIND]
    boxes = boxes_of(maps, drawn)
    spatial = [(box, row) for box, row in zip(boxes, drawn, strict=True) if len(row.output_shape) == 3]
    lengths = [box.width / row.output_shape[0] for box, row in spatial]
    thicknesses = [box.height / row.output_shape[2] for box, row in spatial]
    assert np.ptp(lengths) == pytest.approx(0) and np.ptp(thicknesses) == pytest.approx(0)
    hatched = {colour_of(group) for group in maps.collections if group.get_hatch()}
    assert hatched == {COLOUR_OF_KIND["Dense"]}  # not to scale
    assert texts(maps)[: len(drawn)] == [" × ".join(map(str, row.output_shape)) for row in drawn]
    assert texts(maps)[len(drawn) : 2 * len(drawn)] == [row.name for row in drawn]
    for axes, field in zip(shares, ("parameters", "multiply_adds"), strict=True):
        bars = [box.width for box in boxes_of(axes, drawn)]
        # Of all rows, as in the words: batch norm has parameters, too, and is not drawn.
        assert np.allclose(bars, [100 * getattr(row, field) / total(rows, field) for row in drawn])
        assert drawn[int(np.argmax(bars))] == max(drawn, key=lambda row: getattr(row, field))
        numbers = [bar for bar in bars if bar]
        for bar, shown in zip(numbers, texts(axes), strict=True):
            assert (
                bar < 0.05
                if shown == "under 0.1"
                else float(shown) == pytest.approx(bar, abs=0.51 if bar > 9 else 0.051)
            )


def test_network_words_are_true():
    rows = count_layers("D")
    picture = draw_network(rows, "The lecture's network")
    assert "33,638,218 parameters, 332,111,872 multiply-adds" in picture.text
    assert "hold 56% of the parameters and do 6% of the multiply-adds" in picture.text
    assert "Most parameters: fc2 (50%); most work: block1_conv2 (11%, and 5 more as much)" in picture.text
    assert "side 16, 8, 4, 2, 1; a value after the last of them sees 212 × 212" in picture.text
    memory = 4 * sum(np.prod(row.output_shape) for row in rows) / 2**20
    assert f"{memory:.1f} MiB" in picture.text
    title = "Fully connected layers hold 56% of the parameters and do 6% of the work"
    assert picture.figure.get_suptitle() == title
    assert (
        picture.figure.texts[-1].get_text().startswith("The lecture's network: 33.6 million parameters, 332.1 million")
    )


def row(kind, shape, parameters=0, multiply_adds=0, field=None):
    return LayerRow(kind.lower(), kind, shape, parameters, multiply_adds, 4, field)


CONVOLUTION, POOLING = row("Conv2D", (8, 8, 4), 112, 6912, 3), row("MaxPooling2D", (4, 4, 4), field=4)


@pytest.mark.parametrize(
    "rows, end",
    [
        ([row("Flatten", (192,)), row("Dense", (10,), 1930, 1920)], "most work: dense (100%)."),
        ([CONVOLUTION, row("Dense", (10,), 1930, 1920)], "most work: conv2d (78%)."),
        ([POOLING], "maps of side 4; a value after the last of them sees 4 × 4 pixels."),
        ([POOLING, CONVOLUTION], "maps of side 4; a value after the last of them sees 4 × 4 pixels."),
        ([row("MaxPooling2D", (4, 4, 4))], "The poolings leave maps of side 4."),
    ],
    ids=["MLP", "no pooling", "poolings only", "convolution after the last pooling", "pooling after a reshape"],
)
@pytest.mark.filterwarnings("error")
def test_other_networks_are_drawn_too(rows, end):
    picture = draw_network(rows, "Net")
    assert picture.text.endswith(end)
    to_png(picture.figure)


def test_batch_norms_parameters_are_counted_in_the_words():
    rows = count_layers("A", batch_norm=True)
    assert f"{total(rows, 'parameters'):,} parameters" in draw_network(rows, "Net").text


@pytest.mark.parametrize(
    "picture",
    [
        lambda: draw_convolution(IMAGE, KERNELS["blur"], 0, 0),
        lambda: draw_stack(6, 512),
        lambda: draw_network(count_layers("E", input_shape=(224, 224, 3), classes=1000), "E"),
    ],
)
def test_same_picture_same_bytes_and_nothing_overflows(picture):
    made = picture()
    assert to_png(made.figure) == to_png(picture().figure)
    renderer = made.figure.canvas.get_renderer()
    for axes in made.figure.axes:
        shown = [axis for axis in (axes.xaxis, axes.yaxis) if axes.axison and axis.get_visible()]
        ticks = [label for axis in shown for label in axis.get_ticklabels()]
        for text in [*axes.texts, axes.title, *ticks]:
            box = text.get_window_extent(renderer)
            wide, high = made.figure.canvas.get_width_height()
            if text.get_text() and text.get_visible():
                assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= wide + 1 and box.y1 <= high + 1, text
