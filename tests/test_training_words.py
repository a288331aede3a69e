"""The words of the training panel: names and rows of runs, and what a click costs."""

import math

import pytest
from made_runs import made_run

from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets.training_words import estimated_seconds, runs_table, short_name


@pytest.mark.parametrize(
    ("losses", "outcome"),
    [((), "no epoch finished, stopped"), ((2.0,), "learns, stopped"), ((math.nan,), "diverged, stopped")],
)
def test_the_table_says_how_a_run_ended(losses, outcome):
    assert outcome in runs_table([made_run(losses=losses, accuracies=(0.3,) * len(losses), stopped=True)])


@pytest.mark.parametrize(
    ("batch_norm", "name"), [(False, ""), (True, ", batch norm"), ("after_pooling", ", batch norm")]
)
def test_a_run_has_a_short_name(batch_norm, name):
    assert short_name(made_run(batch_norm=batch_norm), 2) == f"run 2: 16 layers, 1.0e-03{name}"


def test_the_table_names_a_start():
    assert "glorot_uniform, whitening" in runs_table([made_run(start=("whitening",))])


def test_blocks_that_are_left_out_cost_nothing():
    config = TrainingConfig(width=1.0)
    assert estimated_seconds(config.change(blocks=2), 5000) < 0.5 * estimated_seconds(config, 5000)
