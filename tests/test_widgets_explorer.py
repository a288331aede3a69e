"""What a lab remembers and makes in advance, and that neither is ever shown in the wrong place."""

import threading

import pytest

from vgg_lesson.plots.style import Picture, figure
from vgg_lesson.widgets import explorer as module
from vgg_lesson.widgets.common import choice, int_slider, one_further, rate_slider, step_slider, switch
from vgg_lesson.widgets.explorer import Explorer


@pytest.fixture
def lab(monkeypatch):
    """A lab that notes for which points it was asked; it fails at 9, and never counts as slow."""
    monkeypatch.setattr(module, "AHEAD_SECONDS", 60.0)
    asked = []

    def compute(points, grid):
        asked.append(points)
        if points == 9:
            raise ValueError("points must not be 9")
        made, axes = figure(3, 2)
        axes.plot(range(points))
        return Picture(made, f"{points} points, call {len(asked)}")

    made = Explorer("g", compute, {"points": int_slider("P", 4, 1, 9, "t"), "grid": switch("G", True, "t")}, 200)
    made.asked = asked
    return made


def move(lab, **values):
    """Set controls and wait, also for what the lab does in advance."""
    for name, value in values.items():
        lab.controls[name].value = value
    lab.wait()
    settled = threading.Event()
    lab.worker.request(settled.set)
    assert settled.wait(30)
    return lab.text


def test_what_was_seen_is_shown_again_without_computing(lab):
    first, picture = lab.text, bytes(lab.panel.image.value)
    assert move(lab, grid=False) != first
    assert bytes(lab.panel.image.value) == picture, "this lab draws the same with and without a grid"
    assert move(lab, grid=True) == first and lab.asked == [4, 4]


def test_an_update_forgets_what_was_seen(lab):
    first = lab.text
    lab.update()
    lab.wait()
    assert lab.text != first and lab.asked == [4, 4]


def test_what_was_being_made_when_all_changed_is_not_remembered(lab):
    entered, go_on, ordinary = threading.Event(), threading.Event(), lab.compute

    def slow(points, grid):
        entered.set()
        assert go_on.wait(30)
        return ordinary(points, grid)

    lab.compute = slow
    lab.controls["grid"].value = False
    assert entered.wait(30)
    lab.update()
    go_on.set()
    lab.wait()
    assert lab.asked == [4, 4, 4], "the old picture was taken for the new one"


@pytest.mark.parametrize(("way", "then"), [([5], 6), ([3], 2), ([7], 8), ([5, 6], 7)])
def test_the_next_step_in_the_same_direction_is_made_in_advance(lab, way, then):
    for points in way:
        move(lab, points=points)
    asked = list(lab.asked)
    assert asked[-1] == then
    lab.controls["points"].value = then
    lab.wait()
    assert f"{then} points, call {len(asked)}" == lab.text


def test_an_error_in_advance_is_told_when_the_learner_gets_there(lab):
    move(lab, points=8)
    assert lab.asked[-1] == 9 and lab.error is None and not lab.message.value
    with pytest.raises(ValueError, match="must not be 9"):
        move(lab, points=9)
    assert "must not be 9" in lab.message.value


def test_a_slow_lab_does_not_look_ahead(lab, monkeypatch):
    monkeypatch.setattr(module, "AHEAD_SECONDS", 0.0)
    move(lab, points=5)
    assert lab.asked == [4, 5]


def test_the_picture_longest_unseen_is_forgotten_first(lab, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 2)
    monkeypatch.setattr(module, "AHEAD_SECONDS", 0.0)
    for points in (5, 4, 6, 4, 5):
        move(lab, points=points)
    assert lab.asked == [4, 5, 6, 5]


def test_a_lab_that_remembers_nothing_computes_each_time(lab, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 0)
    for points in (5, 4):
        move(lab, points=points)
    assert lab.asked == [4, 5, 4]


@pytest.mark.parametrize(
    ("control", "old", "new", "further"),
    [
        (int_slider("l", 0, -8, 8, "t", step=2), 0, 2, 4),
        (int_slider("l", 0, -8, 8, "t"), 8, -8, None),
        (step_slider("l", [11, 13, 16, 19], 16, "t"), 16, 13, 11),
        (step_slider("l", [("none", ()), ("two", (4096, 4096))], (), "t"), (), (4096, 4096), None),
        (choice("l", [("a", 7), ("b", 3), ("c", 5)], 7, "t"), 7, 3, 5),
        (rate_slider("l", 1e-3, 1e-5, 1e-1, "t"), 1e-3, 10**-2.5, 1e-2),
        (rate_slider("l", 1e-3, 1e-5, 1e-1, "t"), 1e-3, 10**-4.5, 1e-5),
        (rate_slider("l", 1e-3, 1e-5, 1e-1, "t"), 1e-2, 1e-1, None),
        (switch("l", True, "t"), True, False, None),
    ],
)
def test_one_step_further(control, old, new, further):
    assert one_further(control, old, new) == further
