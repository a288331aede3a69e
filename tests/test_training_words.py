"""The words of the training panel: names and rows of runs, and what a click costs."""

import math

import pytest
from made_runs import made_run

from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets.training_words import code_words, estimated_seconds, runs_table, short_name


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
    assert short_name(made_run(batch_norm=batch_norm), 2) == f"run 2: 16 layers, 1e-3{name}"


@pytest.mark.parametrize(("choices", "layers"), [({"head": ()}, 14), ({"blocks": 3}, 10), ({"head": (8, 8, 8)}, 17)])
def test_weight_layers_are_those_of_the_network_that_was_built(choices, layers):
    run = made_run(**choices)
    assert short_name(run, 1).startswith(f"run 1: {layers} layers")
    assert f"<td style='padding:2px 8px'>{layers}</td>" in runs_table([run])


@pytest.mark.parametrize(("source", "same"), [("cifar10", True), ("sketches", False)])
def test_the_code_is_called_the_same_run_only_where_the_images_are(source, same):
    words = code_words("import keras", source)
    assert ("The same run" in words) == same and ("drawn images" in words) == (not same)
    assert "<pre tabindex='0' role='region' aria-label=" in words, "a name alone means nothing to a screen reader"


def test_the_table_names_a_start():
    assert "glorot_uniform, whitening" in runs_table([made_run(start=("whitening",))])


def test_blocks_that_are_left_out_cost_nothing():
    config = TrainingConfig(width=1.0)
    assert estimated_seconds(config.change(blocks=2), 5000) < 0.5 * estimated_seconds(config, 5000)


def test_fewer_filters_cost_less():
    config = TrainingConfig(width=1.0, head=())
    assert estimated_seconds(config.change(filters=(16,) * 5), 5000) < 0.1 * estimated_seconds(config, 5000)
