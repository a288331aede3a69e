"""Pictures of training: they draw what they are given, name chance, and say the same in words."""

import math

import numpy as np
import pytest
from made_runs import made_atlas
from matplotlib.colors import to_rgb

from vgg_lesson.atlas import Atlas
from vgg_lesson.baselines import Guessing
from vgg_lesson.plots import atlas as atlas_plots
from vgg_lesson.plots import first_steps, marks
from vgg_lesson.plots import training as plots
from vgg_lesson.plots.style import COLOURS, CYCLE, figure, to_png
from vgg_lesson.rate_finder import RangeTest, suggest

EPOCHS = [
    {"loss": 2.2, "accuracy": 0.18, "val_loss": 2.25, "val_accuracy": 0.14},
    {"loss": 1.9, "accuracy": 0.31, "val_loss": 1.8, "val_accuracy": 0.34},
]
CHANCE = {"accuracy": 0.1, "val_accuracy": 0.1}
STEPS = [(1, 2.31), (40, 2.1), (80, 1.85)]


def words_in(picture):
    return " | ".join(text.get_text() for axes in picture.figure.axes for text in axes.texts)


def test_curves_show_the_numbers_and_name_chance():
    picture = plots.learning_curves(STEPS, EPOCHS, steps=120, planned_epochs=3)
    left, right = picture.figure.axes
    np.testing.assert_allclose(left.lines[0].get_xdata(), [1 / 40, 1, 2])
    np.testing.assert_allclose(left.lines[0].get_ydata(), [2.31, 2.1, 1.85])
    np.testing.assert_allclose(right.lines[1].get_ydata(), [0.14, 0.34])
    assert "chance ln 10 = 2.303" in words_in(picture) and "chance 10%" in words_in(picture)
    assert {"training", "validation"} <= set(words_in(picture).split(" | "))
    assert "34.0%" in picture.text and "2.310 at first, 1.850 now" in picture.text
    title = picture.figure.get_suptitle()
    assert title == "It learns: training accuracy 31%, validation 34% after 2 of 3 epochs"
    assert left.lines[0].get_color() == COLOURS["training"] and left.lines[1].get_color() == COLOURS["validation"]


@pytest.mark.parametrize(
    ("steps", "epochs", "finding"),
    [
        ([], [], "Nothing measured yet"),
        ([(1, 2.31)], [], "Training loss 2.31"),
        ([(1, 2.303)], [dict.fromkeys(("loss", "val_loss"), 2.303) | CHANCE], "Not above chance"),
        ([(1, math.nan)], [dict.fromkeys(("loss", "val_loss"), math.nan) | CHANCE], "no longer"),
    ],
)
def test_the_title_says_the_finding(steps, epochs, finding):
    picture = plots.learning_curves(steps, epochs, steps=10, planned_epochs=1)
    assert finding in picture.figure.get_suptitle()
    to_png(picture.figure)


def test_a_jump_in_the_loss_gets_a_logarithmic_axis():
    picture = plots.learning_curves([(1, 2.4), (2, 104.0), (3, 2.3)], [], steps=3, planned_epochs=1)
    assert picture.figure.axes[0].get_yscale() == "log"
    assert plots.learning_curves(STEPS, [], 120, 3).figure.axes[0].get_yscale() == "linear"


def test_comparison_names_each_run_and_keeps_the_names_apart():
    picture = plots.comparison(["1", "2", "3"], [[0.1, 0.30], [0.1, 0.31], []])
    (axes,) = picture.figure.axes
    heights = [text.xy[1] for text in axes.texts if ":" in text.get_text()]
    assert abs(heights[0] - heights[1]) >= 0.069
    assert "2: 31%; 1: 30%" in picture.text
    assert "No run" in plots.comparison([], []).text


def test_losses_together_says_who_leaves_chance():
    away, flat = [(1, 2.31), (5, 2.0), (9, 1.5)], [(1, 2.31), (5, 40.0), (6, 2.3), (7, 2.3), (9, 2.31)]
    picture = plots.losses_together({"one": away, "other": flat}, epochs=3)
    (axes,) = picture.figure.axes
    assert axes.get_title(loc="left") == "Other: still at chance at the end; one left it"
    assert axes.lines[0].get_xdata()[-1] == axes.lines[1].get_xdata()[-1] == 3
    assert axes.get_ylim()[1] < 4 and "above the picture's edge" in picture.text
    assert {"one", "other", "chance ln 10 = 2.303"} == set(words_in(picture).split(" | "))
    assert "All leave" in plots.losses_together({"one": away}, 3).figure.axes[0].get_title(loc="left")
    assert "None leaves" in plots.losses_together({"other": flat}, 3).figure.axes[0].get_title(loc="left")


def test_twins_at_chance_are_counted_and_their_names_stay_apart():
    flat = [(1, 2.31), (9, 2.303)]
    runs = {"batch norm": [(1, 2.31), (9, 1.5)], "no batch norm, seed 0": flat, "no batch norm, seed 1": flat}
    (axes,) = plots.losses_together(runs, 3).figure.axes
    assert axes.get_title(loc="left") == "2 of 3: still at chance at the end; batch norm left it"
    low, high = axes.get_ylim()
    heights = sorted(text.xy[1] for text in axes.texts if "norm" in text.get_text())
    assert np.diff(heights).min() >= 0.069 * (high - low)


@pytest.mark.parametrize("first", ["one", "lost", "blown"])
def test_losses_together_tells_a_diverged_run_from_one_at_chance(first):
    runs = {
        "one": [(1, 2.31), (5, 2.0), (9, 1.5)],
        "lost": [(1, 2.3), (2, math.nan), (9, math.nan)],
        "blown": [(1, 2.3), (9, math.inf)],
    }
    picture = plots.losses_together({first: runs[first], **runs}, 3)
    names = "Lost and blown" if first != "blown" else "Blown and lost"
    lost = f"{names[0].lower()}{names[1:]}: no longer a number"
    assert picture.figure.axes[0].get_title(loc="left") == f"One left chance; {lost}"
    assert "lost no longer a number" in picture.text and "nan" not in picture.text and "inf" not in picture.text
    to_png(picture.figure)
    alone = plots.losses_together({"lost": runs["lost"]}, 3).figure.axes[0].get_title(loc="left")
    assert alone == "Lost: no longer a number"
    flat = {"other": [(1, 2.31), (9, 2.3)], **runs}
    title = plots.losses_together(flat, 3).figure.axes[0].get_title(loc="left")
    assert title == "Other: still at chance at the end; one left it; lost and blown: no longer a number"


def test_optimizer_steps_finds_the_one_that_ignores_size():
    picture = first_steps.optimizer_steps([1e-6, 1e-3, 1], {"SGD": [1e-9, 1e-6, 1e-3], "Adam": [9e-4, 1e-3, 1e-3]})
    title = picture.figure.axes[0].get_title(loc="left")
    assert title == "Adam: steps 11% apart for gradients 1,000,000-fold apart"
    assert "with SGD the steps are 1,000,000-fold apart; with Adam the steps are 11% apart" in picture.text


def test_range_test_shows_a_suggestion_or_says_why_not():
    rates = np.geomspace(1e-5, 1, 50)
    loss = 2.3 - 0.5 * np.exp(-((np.log10(rates) + 2) ** 2))
    picture = plots.range_test(RangeTest(rates, loss, loss, 1e-3, "because"))
    assert "try 1e-3" in words_in(picture) and picture.text.endswith("because")
    (line,) = (line for line in picture.figure.axes[0].lines if line.get_label() == "line through one decade")
    (left, right), fitted = line.get_xdata()[[0, -1]], line.get_ydata()
    assert 8 < right / left <= 10 and fitted[0] > fitted[-1]
    jump = np.where(np.arange(50) < 45, 2.303, 99.0)
    drawn = plots.range_test(RangeTest(rates, jump, jump, None, "up")).figure.axes[0]
    raw, smooth = (line.get_ydata() for line in drawn.lines[:2])
    assert raw.max() > drawn.get_ylim()[1] and np.isnan(smooth[42:]).all()  # leaves the picture: no false plateau
    level = np.full(50, 2.303)
    flat = plots.range_test(RangeTest(rates, level, level, None, "flat"))
    assert flat.figure.axes[0].get_title(loc="left") == "No suggestion: the loss did not fall clearly"


def test_a_range_test_that_was_stopped_at_once_does_not_judge_the_loss():
    found = suggest(np.geomspace(1e-6, 1e-5, 12), np.linspace(2.4, 2.3, 12))
    picture = plots.range_test(found)
    assert picture.figure.axes[0].get_title(loc="left") == "No suggestion: too few steps to judge"
    assert "Only 12 steps were made" in picture.text and picture.text.startswith("Loss")
    assert "average over 7 steps" not in [line.get_label() for line in picture.figure.axes[0].lines]


def test_a_range_test_without_one_loss_says_so():
    picture = plots.range_test(suggest([], []))
    assert picture.figure.axes[0].get_title(loc="left") == "No suggestion: the first loss was not a number"
    assert "Only 0 steps were made" in picture.text


@pytest.mark.parametrize("colour", CYCLE)
def test_names_in_a_lines_colour_can_be_read(colour):
    """WCAG 2 asks for a contrast of 4.5; relative luminance as it defines it."""
    _, axes = figure()
    marks.label_line(axes, 0, 0, "name", colour)
    shares = np.array(to_rgb(axes.texts[-1].get_color()))
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    contrast = 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    assert contrast >= 4.5
    assert contrast < 5 or axes.texts[-1].get_color() == colour, "no darker than needed"


def test_the_maps_show_every_remedy_and_what_is_missing():
    picture = atlas_plots.atlas_maps(Atlas(made_atlas()).maps())
    titles = [axes.get_title(loc="left") for axes in picture.figure.axes]
    assert titles[0] == "The lecture's settings: 3 of 6 runs learned" and titles[1] == "He initialiser: not run yet"
    assert picture.figure.get_suptitle() == "7 of 10 runs learned; 5 of 80 places recorded so far"
    assert "batch norm: 16 layers at 1e-4 2 of 2, 16 layers at 1e-3 2 of 2" in picture.text
    assert sum(text.get_text() == "not run" for axes in picture.figure.axes for text in axes.texts) == 75
    assert "not run yet; 0 of 80 places" in atlas_plots.atlas_maps(Atlas([]).maps()).text


@pytest.fixture
def cell():
    atlas = Atlas(made_atlas())
    curves = {run.config["seed"]: run.curve("val_accuracy") for run in atlas.runs(11, 1e-3, "lecture")}
    own = [(11, 3e-4, True), (16, 1e-3, False)]
    return atlas_plots.atlas_cell(atlas.counts("lecture"), curves, (11, 1e-3), "the lecture's settings", own)


def test_the_map_counts_and_says_what_was_not_run(cell):
    words = words_in(cell).replace("\n", " ")
    assert "2 of 2" in words and "1 of 2" in words and "0 of 2" in words and "not run" in words
    assert "1 of 2 learned" in cell.figure.axes[1].get_title(loc="left")
    assert "seed 0 30.0%, seed 1 10.0%" in cell.text
    assert "3 of 6 runs learned" in cell.text


def test_own_runs_are_drawn_between_the_columns(cell):
    first, second = [line for line in cell.figure.axes[0].lines if line.get_marker() == "D"]
    assert first.get_xdata()[0] == pytest.approx(math.log(3) / math.log(10))
    assert first.get_markerfacecolor() != second.get_markerfacecolor() == "white"
    assert "11 layers at 3e-4 learned; 16 layers at 1e-3 did not learn" in cell.text
    assert cell.text.endswith("Their width, head, images or epochs may differ from those of the recorded runs.")


def test_an_empty_cell_says_so():
    picture = atlas_plots.atlas_cell(Atlas(made_atlas()).counts("lecture"), {}, (16, 1e-4), "the lecture's settings")
    assert "not run" in picture.figure.axes[1].get_title(loc="left") and "not run" in picture.text
    assert "No atlas records" in atlas_plots.no_atlas().text


def test_unequal_classes_have_their_own_chance_and_verdict():
    """A constant answer is right for 80%: the loss fell to what that gives, and nothing was learned."""
    guessing = Guessing.among([80, 20])
    epochs = [{"loss": 0.5, "accuracy": 0.8, "val_loss": 0.5, "val_accuracy": 0.8}]
    picture = plots.learning_curves([(1, 0.693), (2, 0.5)], epochs, 2, 1, guessing)
    assert "Not above chance" in picture.figure._suptitle.get_text()
    assert {"guessing 0.500", "guessing 80%"} <= set(words_in(picture).split(" | "))
    assert "Guessing among 2 classes gives loss 0.500 and accuracy 80%" in picture.text
    assert "Guessing gives 80%" in plots.comparison(["one"], [[0.8]], guessing).text


@pytest.mark.parametrize("number", [1, 2, 3])
def test_maps_of_few_remedies(number):
    maps = {f"remedy {each}": {(16, 1e-3): (1, 3)} for each in range(number)}
    axes = atlas_plots.atlas_maps(maps).figure.axes
    assert sum(each.axison for each in axes) == number


def test_more_optimizers_than_dashes():
    picture = first_steps.optimizer_steps([1e-3, 1], {f"optimizer {each}": [1e-3, 1] for each in range(9)})
    assert len(picture.figure.axes[0].lines) == 9
