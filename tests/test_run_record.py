"""The record of a run: one line of JSON and back, refused when changed, verdicts by a stated rule."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from made_runs import made_run

from vgg_lesson import recordings
from vgg_lesson.run_record import POINTS, Run, judge, thinned


def test_one_line_there_and_back():
    run = made_run(losses=(2.3, math.nan), stopped=True)
    line = run.to_json()
    assert "\n" not in line and json.loads(line)["epochs"][1]["loss"] == "float:nan"
    again = Run.from_json(line)
    assert math.isnan(again.epochs[1]["loss"]) and again.to_json() == line
    assert Run.from_json(made_run().to_json()) == made_run()


def test_infinite_losses_survive():
    run = replace(made_run(), step_loss=((1, 2.3), (2, math.inf), (3, -math.inf)))
    assert Run.from_json(run.to_json()) == run


@pytest.mark.parametrize("text", ["float:x", "float:nan", "text:float:nan", "text:", "float:", "float:inf"])
def test_texts_that_look_like_encoded_numbers_survive(text):
    run = made_run(text).named(text, text, words=[text])
    assert Run.from_json(run.to_json()) == run


def test_numbers_in_records_from_before_are_read_as_ever():
    line = made_run(losses=(2.3, math.inf)).to_json()
    assert '"float:inf"' in line and Run.from_json(line).epochs[1]["loss"] == math.inf


def test_a_bare_nan_is_refused_with_the_records_name():
    body = json.loads(made_run("some/name").to_json())
    with pytest.raises(ValueError, match="'some/name' .*NaN"):
        Run.from_json(json.dumps({**body, "seconds": math.nan}))


@pytest.mark.parametrize("line", ["", "{", "null", "3", '"text"', "{}", '{"schema": 1}'])
def test_what_is_no_record_is_refused(line):
    with pytest.raises(ValueError, match="record"):
        Run.from_json(line)


def test_every_field_is_under_the_checksum():
    body = json.loads(made_run("some/name").to_json())
    for field in set(body) - {"schema", "sha256"}:
        changed = {**body, field: [] if isinstance(body[field], dict) else "changed"}
        with pytest.raises(ValueError, match="changed after it was written"):
            Run.from_json(json.dumps(changed))


def test_an_unknown_verdict_is_refused_even_with_a_fitting_checksum():
    with pytest.raises(ValueError, match="'some/name'.*'fine'"):
        Run.from_json(replace(made_run("some/name"), verdict="fine").to_json())


def test_curves_by_name():
    run = made_run(accuracies=(0.2, 0.4), losses=(2.2, 1.9))
    assert run.curve("val_accuracy") == [0.2, 0.4]
    with pytest.raises(ValueError, match="'top5'"):
        run.curve("top5")


def test_naming_adds_the_command_and_measurements():
    run = made_run().named("plan/1", "make it", parameters=10)
    assert (run.name, run.command) == ("plan/1", "make it")
    assert run.measurements == {"test_accuracy": 0.5, "parameters": 10}


@pytest.mark.parametrize(
    ("losses", "accuracy", "verdict"),
    [
        ([2.303, 2.302], 0.10, "stuck"),
        ([2.303, 2.302], 0.149, "stuck"),
        ([2.303, 2.2], 0.151, "learning"),
        ([2.3, math.nan], 0.5, "diverged"),
        ([math.inf, 2.3], 0.5, "diverged"),
        ([], 0.0, "stuck"),
        ([], None, "unfinished"),  # stopped before its first step
        ([2.3, 1.5], None, "unfinished"),  # stopped in its first epoch
        ([2.3, math.nan], None, "diverged"),
    ],
)
def test_the_rule_of_the_verdict(losses, accuracy, verdict):
    assert judge(losses, accuracy, 0.1) == verdict


@pytest.mark.parametrize(
    ("majority", "accuracy", "verdict"),
    [
        (0.5, 0.74, "stuck"),
        (0.5, 0.75, "learning"),
        (0.8, 0.89, "stuck"),
        (0.8, 0.91, "learning"),
        (0.99, 1.0, "learning"),
        (1.0, 1.0, "stuck"),  # one class: a constant answer is all there is
    ],
)
def test_a_large_majority_leaves_room_for_learning(majority, accuracy, verdict):
    assert judge([0.5], accuracy, majority) == verdict


def test_the_committed_records_have_the_verdict_of_the_rule():
    runs = recordings.filter()
    assert len(runs) > 400
    for run in runs:
        losses = [loss for _, loss in run.step_loss]
        assert judge(losses, run.epochs[-1]["accuracy"], 0.1) == run.verdict, run.name


@pytest.mark.parametrize("count", [2, 9, 10, 11, 12, 100, 101])
def test_a_thinned_loss_has_few_points_and_the_same_mean(count):
    rng = np.random.default_rng(count)
    steps = np.cumsum(np.append(1, rng.integers(1, 9, count - 1)))
    full = list(zip(steps.tolist(), rng.normal(size=count).tolist(), strict=True))
    few = thinned(full, points=10)
    assert len(few) == min(count, len(few)) <= 10
    assert few[0] == full[0] and few[-1][0] == full[-1][0]
    assert {step for step, _ in few} <= set(steps.tolist())
    for pairs in (full, few):
        at, losses = zip(*pairs, strict=True)
        assert np.average(losses, weights=np.diff(at, prepend=0)) == pytest.approx(
            np.average([loss for _, loss in full], weights=np.diff(steps, prepend=0))
        )


def test_a_short_loss_is_kept_point_by_point():
    full = tuple((step, 2.3) for step in range(1, POINTS + 1))
    assert thinned(full) == full
    assert 1000 < len(thinned([*full, (POINTS + 1, 2.0)])) <= POINTS


@pytest.mark.parametrize("points", [1, 0, 2.5])
def test_a_loss_cannot_be_thinned_to_one_point(points):
    with pytest.raises(ValueError, match=f"points must be a whole number of at least 2, received {points}"):
        thinned([(1, 2.0), (2, 1.0)], points=points)
