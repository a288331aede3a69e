"""Pictures of lesson 4: the words and what is drawn agree with counts made here by hand."""

import math
import re

import numpy as np
import pytest

from vgg_lesson.metrics import wilson_interval
from vgg_lesson.outputs import Outputs
from vgg_lesson.plots import answers, confidence, evaluation, explanation
from vgg_lesson.plots.style import Picture, to_png
from vgg_lesson.widgets.evaluation import TEMPERATURES

NAMES = ("ant", "bee", "cow")


def outputs(*, images=False, classes=3, rows=60, name="net"):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, rows)
    logits = rng.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[labels]
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    pictures = rng.integers(0, 256, (rows, 8, 8, 3), dtype=np.uint8) if images else None
    return Outputs(name, soft, labels, NAMES[:classes], pictures)


def drawn(picture: Picture) -> Picture:
    assert to_png(picture.figure)[:4] == b"\x89PNG"
    assert picture.text.endswith(".")
    assert "nan" not in picture.text
    return picture


def title(picture: Picture) -> str:
    return picture.figure.axes[0].get_title(loc="left")


def written(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_interval_widths():
    picture = drawn(evaluation.draw_interval_widths(0.84, (100, 10_000)))
    low, high = wilson_interval(84, 100)
    assert f"100 images {100 * low:.1f}% to {100 * high:.1f}%" in picture.text
    assert title(picture).startswith("100 times the images: an interval 10 times narrower")
    assert [tick.get_text() for tick in picture.figure.axes[0].get_yticklabels()] == ["100 images", "10,000 images"]


@pytest.mark.parametrize("share", [0.12, 0.68])
def test_three_counts_give_only_validation_an_interval(share):
    right = round(1000 * share)
    picture = drawn(evaluation.draw_three_counts((3 * right - 30, 3000), (3 * right, 3000), (right, 1000)))
    axes = picture.figure.axes[0]
    low, high = wilson_interval(right, 1000)
    assert f"{100 * share:.1f}%, 95% interval {100 * low:.1f}% to {100 * high:.1f}%" in picture.text
    assert title(picture) == f"Two counts of the same images: {100 * share - 1:.1f}% and {100 * share:.1f}%"
    assert sum("interval" in text for text in written(axes)) == 1
    assert axes.get_xlim()[0] < 100 * low < 100 * high < axes.get_xlim()[1]
    assert ("far to the left" in axes.get_xlabel()) == (share > 0.2), "chance is named where it is off the scale"


def test_confusion_matrix_shows_its_counts():
    shown = outputs()
    picture = drawn(evaluation.draw_confusion(shown))
    counts = [str(count) for count in shown.confusion.flat if count]
    assert written(picture.figure.axes[0]) == [*NAMES, *NAMES, *counts], "names of both sides, then the counts"
    colours = np.asarray(picture.figure.axes[0].images[0].get_array())
    shares = shown.confusion / shown.confusion.sum(axis=1, keepdims=True)
    assert colours == pytest.approx(np.where(np.eye(3), 0, shares)), "only errors have a colour: their share of the row"
    assert "share of the row" in picture.figure.axes[1].get_ylabel()
    worst = np.where(np.eye(3), 0, shown.confusion)
    true, predicted = np.unravel_index(worst.argmax(), worst.shape)
    assert f"{NAMES[true]} taken for {NAMES[predicted]} {worst.max()} times" in picture.text
    assert f"{np.trace(shown.confusion)} of 60" in picture.text
    assert str(worst.max()) in title(picture)


def test_one_column_and_no_error_are_said():
    labels = np.repeat(np.arange(3), 4)
    constant = Outputs("it", np.eye(3)[np.full(12, 1)], labels, NAMES)
    picture = drawn(evaluation.draw_confusion(constant))
    assert title(picture) == 'One column: every answer is "bee"'
    assert "33.33% are right" in picture.text
    perfect = Outputs("it", np.eye(3)[labels], labels, NAMES)
    assert title(drawn(evaluation.draw_confusion(perfect))) == "No confusion: every answer is right"


def test_class_scores_worst_first():
    shown = outputs()
    picture = drawn(evaluation.draw_class_scores(shown))
    recall = np.diag(shown.confusion) / shown.confusion.sum(axis=1)
    first = re.search(r"worst recall first: (\w+) ([\d.]+)", picture.text)
    assert first[1] == NAMES[recall.argmin()]
    assert float(first[2]) == pytest.approx(100 * recall.min(), abs=0.05)
    answers = np.repeat([0, 1, 1, 2, 1], [145, 55, 200, 29, 171])  # recall 72.5%, 100% and 14.5%
    shares = Outputs("it", np.eye(3)[answers], np.repeat([0, 1, 2], 200), NAMES)
    assert title(drawn(evaluation.draw_class_scores(shares))) == "Hardest to find: cow (14.5%); easiest: bee (100.0%)"
    constant = Outputs("it", np.eye(3)[np.ones(6, int)], np.arange(6) % 3, NAMES)
    assert "0.0 and undefined" in drawn(evaluation.draw_class_scores(constant)).text


def test_intervals_and_precisions_lie_within_the_axis():
    """15 of 30 right: the interval begins at 33%, recall and precision at 50%."""
    answers = np.where(np.arange(90) % 2, np.repeat([0, 1, 2], 30), np.repeat([1, 2, 0], 30))
    axes = evaluation.draw_class_scores(Outputs("it", np.eye(3)[answers], np.repeat([0, 1, 2], 30), NAMES)).figure.axes[
        0
    ]
    low = 100 * wilson_interval(15, 30).low
    assert 30 < low < 35 and 0 < axes.get_xlim()[0] < low


def test_a_class_without_images_is_neither_the_hardest_nor_the_easiest():
    answers = np.repeat([1, 0, 1, 2], [3, 1, 8, 1])  # no ant; bee 8 of 9, cow 1 of 4
    shown = Outputs("it", np.eye(3)[answers], np.repeat([2, 1, 1, 2], [3, 1, 8, 1]), NAMES)
    picture = drawn(evaluation.draw_class_scores(shown))
    assert title(picture) == "Hardest to find: cow (25.0%); easiest: bee (88.9%)"
    assert picture.text.endswith("ant undefined and 0.0.")


@pytest.mark.parametrize(("sharpness", "word"), [(0.3, "underconfident"), (3.0, "overconfident")])
def test_reliability_says_what_it_leans_to(sharpness, word):
    shown = outputs(rows=2000).at_temperature(1 / sharpness)
    picture = drawn(confidence.draw_reliability(shown))
    assert word in title(picture)
    assert word in picture.text
    assert f"right {100 * shown.right.mean():.1f}%" in picture.text
    bars = [bar.get_height() for bar in picture.figure.axes[1].patches]
    assert sum(bars) == 2000


def test_a_name_keeps_its_large_letters():
    shown = outputs(name="VGG16 with He", images=True)
    assert title(confidence.draw_reliability(shown)).startswith("VGG16 with He: ")
    cells = [answers.draw_cell(shown, 0, 0), answers.draw_cell(shown, 0, 1)]
    for picture in (confidence.draw_selection(shown, 0.5), *cells):
        assert picture.text.startswith("VGG16 with He ")
    assert answers.capital("your network") == "Your network"


def test_temperature_in_the_picture_is_applied():
    shown = outputs(rows=500)
    cooled = drawn(confidence.draw_reliability(shown, 2.0)).text
    assert title(confidence.draw_reliability(shown, 2.0)).startswith("Temperature 2.00: ")
    assert title(confidence.draw_reliability(shown)).startswith("Net: ")
    assert cooled == confidence.draw_reliability(shown.at_temperature(2.0)).text.replace("1.00:", "2.00:")
    assert cooled != confidence.draw_reliability(shown).text.replace("1.00:", "2.00:")


def test_selection_counts():
    shown = outputs(rows=200)
    given = shown.confidence >= 0.7
    picture = drawn(confidence.draw_selection(shown, 0.7))
    right = np.sum(given & shown.right)
    assert f"{given.sum()} are answered" in picture.text
    assert f"{right} rightly and {given.sum() - right} wrongly" in picture.text
    assert f"{200 - given.sum()} get" in picture.text
    assert title(drawn(confidence.draw_selection(outputs(rows=5), 1.0))) == "It answers nothing at all"


LONG = ("airplane", "automobile", "a class with quite a long name")


def test_titles_are_never_cut():
    """At every temperature of the lab, and with names as long as somebody may give them."""
    shown = outputs(name="a network with quite a long name")
    shown = shown._replace(class_names=LONG)
    pictures = [evaluation.draw_confusion(shown), evaluation.draw_class_scores(shown)]
    pictures += [confidence.draw_reliability(shown, temperature) for temperature in (1.0, *TEMPERATURES)]
    for picture in map(drawn, pictures):
        picture.figure.canvas.draw()  # at the resolution of its bounds
        place = picture.figure.axes[0].shown_title.get_window_extent()
        assert place.x1 <= picture.figure.bbox.x1, title(picture)


def test_a_dollar_is_no_formula():
    names = (r"$\foo$", "US$ and CA$", "a_b^c")
    shown = outputs(images=True)._replace(class_names=names)
    for picture in (
        evaluation.draw_confusion(shown),
        evaluation.draw_class_scores(shown),
        answers.draw_confident_errors(shown),
        answers.draw_cell(shown, 0, 1),
    ):
        drawn(picture)


def test_classes_that_are_found_alike_have_no_hardest_and_names_stay_whole():
    names = ("apple", "banana", "nanny")
    everything = Outputs("it", np.eye(3), np.arange(3), names)
    assert title(evaluation.draw_class_scores(everything)) == "100.0% of each class are found"
    never = Outputs("it", np.eye(3)[[0, 0, 0]], np.arange(3), names)
    text = evaluation.draw_class_scores(never).text
    assert "banana 0.0 and undefined" in text and "nanny 0.0 and undefined" in text


def test_a_perfect_network_has_no_scale_of_errors():
    assert len(drawn(evaluation.draw_confusion(Outputs("it", np.eye(3), np.arange(3), NAMES))).figure.axes) == 1
    scale = drawn(evaluation.draw_confusion(outputs())).figure.axes[1]
    assert all(tick.get_text().endswith("%") for tick in scale.get_yticklabels())


def test_a_cell_shows_its_images_or_its_outputs():
    for images in (True, False):
        shown = outputs(images=images)
        places = np.flatnonzero((shown.labels == 0) & (shown.predictions == 1))
        picture = drawn(answers.draw_cell(shown, 0, 1))
        assert title(picture) == f"ant taken for bee: {len(places)} of {np.sum(shown.labels == 0)}"
        back = np.sum((shown.labels == 1) & (shown.predictions == 0))
        assert f"bee for ant: {back}" in picture.text
        right = picture.figure.axes[1]
        assert len(right.images) == (len(places) if images else 1)
        if images:
            assert written(right) == [f"{100 * sure:.0f}%" for sure in np.sort(shown.confidence[places])[::-1]]
        if not images:
            order = places[np.argsort(-shown.confidence[places], kind="stable")]
            assert np.asarray(right.images[0].get_array()) == pytest.approx(shown.probabilities[order])


def test_an_empty_cell_and_the_diagonal():
    perfect = Outputs("it", np.eye(3)[[0, 1, 2]], np.arange(3), NAMES)
    assert "None of the 1 images of ant" in drawn(answers.draw_cell(perfect, 0, 2)).text
    assert "recognised 1 of 1 images of ant (100.0%)" in drawn(answers.draw_cell(perfect, 0, 0)).text
    assert "no wrong answer" in drawn(answers.draw_confident_errors(perfect)).text


@pytest.mark.parametrize("images", [True, False])
def test_confident_errors_are_the_most_confident(images):
    shown = outputs(images=images)
    picture = drawn(answers.draw_confident_errors(shown, 4))
    said = [float(share) for share in re.findall(r"([\d.]+)%", picture.text)]
    assert said == pytest.approx(np.sort(100 * shown.confidence[~shown.right])[::-1][:4], abs=0.06)
    assert title(picture) == f"Wrong, and at least {math.floor(min(said))}% sure"
    if images:
        first = np.flatnonzero(~shown.right)[shown.confidence[~shown.right].argmax()]
        truth, answer = NAMES[shown.labels[first]], NAMES[shown.predictions[first]]
        assert written(picture.figure.axes[0])[0] == f"true: {truth}\nsaid: {answer}\n{said[0]:.0f}%"


def test_grad_cam_picture_takes_any_heat():
    image = np.zeros((8, 8, 3), np.uint8)
    for heat in (np.zeros((8, 8)), np.arange(64.0).reshape(8, 8)):
        picture = explanation.draw_grad_cam(
            image, heat, [image, image], title="T", captions=tuple("abcd"), text="Words."
        )
        said = [axes.get_xlabel() for axes in drawn(picture).figure.axes]
        assert said == ["a", "b\nyellow: high, violet: low", "c", "d"]
        assert picture.figure._suptitle.get_text() == "T"


def test_feature_maps_picture_shows_the_strongest():
    maps = np.zeros((4, 4, 20), np.float32)
    maps[..., 7], maps[..., 3] = 5, 2
    picture = drawn(explanation.draw_feature_maps(np.zeros((8, 8, 3), np.uint8), maps, layer="block9", count=16))
    assert "20 maps of 4 × 4" in picture.text
    assert "18 of the 20 maps are zero everywhere" in picture.text
    below = explanation.draw_feature_maps(np.zeros((8, 8, 3), np.uint8), maps - (maps == 5) * 6, layer="block9")
    assert "18 of the 20 maps are zero everywhere" in below.text, "a map of negative values is alive"
    assert "yellow: high" in picture.figure.axes[1].get_xlabel()
    sheet = picture.figure.axes[1].images[0].get_array()
    assert (sheet[:4, :4] == 5).all(), "the strongest comes first"
    assert (sheet[:4, 5:9] == 2).all()
    drawn(explanation.draw_feature_maps(np.zeros((8, 8, 3), np.uint8), maps[:1, :1, :3], layer="block5_pool"))
