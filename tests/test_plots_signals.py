"""Pictures of signals: the words say what the numbers say, and odd values do not break a picture."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from vgg_lesson.diagnosis.variation import Course, Variation
from vgg_lesson.plots import diagnosis, signals
from vgg_lesson.plots.diagnosis import courses_picture
from vgg_lesson.plots.marks import apart
from vgg_lesson.plots.style import to_png

NAMES = ["block1_conv1", "block1_conv2", "fc1"]


def moment(spread=(1e-1, 1e-2, 1e-3), gradient=(1e-4, 1e-4, 1e-3), silent=(0.0, 0.25, 0.5), logits=1e-5):
    table = {"spread": list(spread), "gradient": list(gradient), "silent_units": list(silent)}
    return SimpleNamespace(
        layers=[SimpleNamespace(name=name) for name in NAMES], logit_spread=logits, values=table.__getitem__
    )


def run(losses, learned=False):
    return SimpleNamespace(losses=losses, learned=learned, chance=math.log(10))


def title(picture):
    drawn = picture.figure
    return drawn.get_suptitle() or drawn.axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    ("spread", "words"),
    [
        ((1e-1, 1e-3, 1.0), "100 times smaller"),
        ((1e-1, 0.0, 1.0), "gone"),
        ((1e-1, math.nan, 1.0), "no longer a number"),
        ((1e-1, 0.09, 1.0), "about the same"),
    ],
)
def test_a_diagnosis_says_what_became_of_the_signal_in_the_same_words(spread, words):
    layers = [SimpleNamespace(name=n, spread=s, weights=True) for n, s in zip(NAMES, spread, strict=True)]
    picture = diagnosis.signal_picture(layers)
    assert title(picture) == f"The signal is {words} after 2 layers"
    assert picture.text.endswith(f": {words}.")
    to_png(picture.figure)


def test_moments_on_fixed_axes():
    later = moment(spread=(1e-1, 1e-4, 1e-7), logits=3e-8)
    picture = signals.draw_moments({"before": moment(), "after 20 steps": later})
    found = "before 100 times smaller; after 20 steps 1,000,000 times smaller"
    assert title(picture) == f"Spread from first to last layer: {found}"
    assert "before by 1.0e-05, after 20 steps by 3.0e-08" in picture.text
    assert "Most silent units in a layer: before 50%" in picture.text
    assert picture.figure.axes[0].get_ylim() == signals.FORWARD_LIMITS
    assert picture.figure.axes[1].get_ylim() == signals.BACKWARD_LIMITS
    drawn = picture.figure.axes[0].get_lines()[1].get_ydata()
    assert list(drawn) == [1e-1, 1e-4, 1e-7]


def test_zero_and_not_a_number_stay_on_the_picture():
    broken = moment(spread=(1e-1, 0.0, math.nan), gradient=(0.0, math.inf, 1e9))
    picture = signals.draw_layers(NAMES, {"broken": broken.values("spread")}, {"broken": broken.values("gradient")})
    assert "no longer a number" in picture.text
    low, high = signals.FORWARD_LIMITS
    assert list(picture.figure.axes[0].get_lines()[0].get_ydata()) == [1e-1, low, high]
    assert to_png(picture.figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.29, 0.001], "290 times smaller"),
        ([1.0, 3.0], "3 times larger"),
        ([1.0, 1.2], "about the same"),
        ([1.0, 0.0], "gone"),
        ([0.0, 1.0], "grown from nothing"),
        ([1e-1, 1e-7], "1,000,000 times smaller"),
        ([1.0, math.inf], "no longer a number"),
    ],
)
def test_change_in_words(values, words):
    assert signals.change_of(values) == words


def test_fresh_networks():
    sizes = dict(zip(NAMES, (1.0, 0.1, 0.002), strict=True))
    layers = [SimpleNamespace(name=name, size=size) for name, size in sizes.items()]
    flat = [SimpleNamespace(name=name, size=0.8) for name in NAMES]
    picture = signals.draw_start({"Glorot": layers, "He": flat})
    assert title(picture) == "Glorot, first to last of 3 layers: 500 times smaller"
    assert "He 8.0e-01 to 8.0e-01 (about the same)" in picture.text


def test_runs_are_counted_over_seeds():
    flat, falling = [2.303] * 40, [2.303 - 0.01 * step for step in range(40)]
    picture = signals.draw_runs({"untouched": [run(flat), run(flat)], "He": [run(falling, True), run(flat)]})
    assert title(picture) == "He: 1 of 2 learn"
    tie = signals.draw_runs({"He": [run(falling, True)] * 3, "untouched": [run(flat)], "slower": [run(falling, True)]})
    assert title(tie) == "He: 3 of 3 learn, slower: 1 of 1 learn"
    assert "untouched 2.30, 0 of 2 seeds learn; He 2.13, 1 of 2 seeds learn" in picture.text
    labels = [text.get_text() for text in picture.figure.axes[0].texts]
    assert "untouched: 0 of 2 learn" in labels and "chance ln 10 = 2.303" in labels


def test_a_thin_line_leads_from_a_short_run_to_its_name():
    axes = signals.draw_runs({"short": [run([2.0] * 20)], "long": [run([2.303] * 80)]}).figure.axes[0]
    place = next(text.xy for text in axes.texts if text.get_text().startswith("short"))
    ends = [line.get_xydata() for line in axes.lines if line.get_linewidth() < 1]
    assert any(tuple(way[0]) == (20, 2.0) and tuple(way[-1]) == pytest.approx(place) for way in ends)
    assert len(ends) == 1, "the long run ends where its name begins"
    assert max(axes.get_xticks()) <= 80, "no step behind the last one has a mark"


def test_nothing_learned_and_a_loss_that_is_no_number():
    picture = signals.draw_runs({"untouched": [run([2.3, 2.3, math.nan])]})
    assert title(picture) == "No run learned"
    assert to_png(picture.figure).startswith(b"\x89PNG")


def story(spreads, dead):
    return [
        {"step": step, "logit_spread": spread, "layers": [{"dead_share": 0.0}, {"dead_share": share}]}
        for step, spread, share in zip((0, 10, 320), spreads, dead, strict=True)
    ]


def test_first_steps_of_recorded_runs():
    lecture, norm = story((3e-5, 1e-2, 0.0), (0.4, 0.9, 1.0)), story((0.1, 1.0, 2.0), (0.0, 0.0, 0.1))
    picture = signals.draw_first_steps({"as in the lecture": lecture, "batch norm": norm})
    assert title(picture) == "Still telling images apart at the end: batch norm"
    assert "differ by 3.0e-05 at the start and 0.0e+00 after 320 steps, when 100%" in picture.text
    only = signals.draw_first_steps({"as in the lecture": lecture})
    assert title(only) == "At the end every image gets the same answer"


def test_names_of_lines_that_end_together_stay_apart_and_inside():
    stuck = story((3e-5, 1e-2, 0.0), (0.4, 0.9, 1.0))
    picture = signals.draw_first_steps(dict.fromkeys(("a", "b", "c"), stuck))
    left, right = ([text.xy[1] for text in axes.texts] for axes in picture.figure.axes)
    for shares in ([math.log10(height / 1e-9) / 12 for height in left], right):
        lowest, middle, highest = sorted(shares)
        assert lowest > 0.03 and middle - lowest > 0.07 < highest - middle and highest < 1.001


def test_names_of_lines_that_end_together_lie_around_their_end():
    learns = story((3e-5, 1e-2, 1.0), (0.4, 0.5, 0.5))
    picture = signals.draw_first_steps(dict.fromkeys(("a", "b", "c"), learns))
    left, right = ([text.xy[1] for text in axes.texts] for axes in picture.figure.axes)
    assert np.mean(np.log10(left)) == pytest.approx(0) and np.mean(right) == pytest.approx(0.5)


def test_names_keep_the_order_of_lines_that_end_above_the_picture():
    highest, high, low = apart([30, 20, 2], (0, 3), log=False)
    assert highest > high > low
    assert apart([], (0, 1)) == [] and apart([math.nan, 0.5], (0, 1), log=False)[0] == 1


def test_a_change_that_made_most_seeds_learn_is_in_the_title_beside_the_best():
    learns, stays = run(np.linspace(2.3, 1.9, 80), True), run([2.303] * 80)
    picture = signals.draw_runs({"rate": [learns, learns, stays], "He": [learns] * 3, "no": [learns, stays, stays]})
    assert title(picture) == "rate: 2 of 3 learn, He: 3 of 3 learn"


def test_short_names():
    assert [signals.short_name(name) for name in ("block3_conv2", "fc1", "dense")] == ["3.2", "fc1", "dense"]


def test_names_of_courses_lie_apart_and_a_diverged_one_is_named_at_the_upper_edge():
    def course(name, losses):
        return Course(Variation(name), 32, list(losses), [3] * len(losses))

    flat = np.full(60, 2.3)
    drawn = courses_picture([course("control", flat), course("a", flat), course("b", [*flat[:40], 9.0, np.nan])], 2.3)
    drawn.figure.canvas.draw()
    names = {text.get_text(): text.get_window_extent() for text in drawn.figure.axes[0].texts}
    heights = sorted(names[name].y0 for name in ("control", "a"))
    assert heights[1] - heights[0] >= 0.8 * names["a"].height
    assert names["b (diverged)"].y1 > drawn.figure.axes[0].get_window_extent().y1 - 2


def test_guessing_on_uneven_classes_is_drawn_where_it_is():
    chance = 0.325  # 90 and 10 of 100
    losses = SimpleNamespace(losses=[0.33] * 30, learned=False, chance=chance)
    axes = signals.draw_runs({"a": [losses]}).figure.axes[0]
    assert any(list(line.get_ydata()) == [chance, chance] for line in axes.lines)
    assert "guessing 0.325" in [text.get_text() for text in axes.texts]
    axes = signals.draw_runs({"a": [run([2.3] * 30)]}).figure.axes[0]
    assert "chance ln 10 = 2.303" in [text.get_text() for text in axes.texts]
