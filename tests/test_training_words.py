"""The words of the training panel: names and rows of runs, and what a click costs."""

import math

import pytest
from made_runs import made_run

from vgg_lesson.widgets.training_words import runs_table


@pytest.mark.parametrize(
    ("losses", "outcome"),
    [((), "no epoch finished, stopped"), ((2.0,), "learns, stopped"), ((math.nan,), "diverged, stopped")],
)
def test_the_table_says_how_a_run_ended(losses, outcome):
    assert outcome in runs_table([made_run(losses=losses, accuracies=(0.3,) * len(losses), stopped=True)])
