"""The atlas explorer: moves through recorded runs, and draws the learner's own into the map."""

from types import SimpleNamespace

import pytest
from made_runs import made_atlas, made_run

from vgg_lesson.atlas import Atlas
from vgg_lesson.widgets.atlas import atlas_explorer


@pytest.fixture
def explorer():
    return atlas_explorer(atlas=Atlas(made_atlas()))


def test_moving_the_controls_shows_that_place(explorer):
    assert "16 weight layers, rate 1e-3, the lecture's settings: 0 of 2 learned" in explorer.text
    before = explorer.panel.image.value
    explorer.controls["depth"].value = 11
    explorer.wait()
    assert "11 weight layers, rate 1e-3, the lecture's settings: 1 of 2 learned" in explorer.text
    assert explorer.panel.image.value != before
    explorer.controls["remedy"].value = "batchnorm"
    explorer.controls["rate"].value = 1e-4
    explorer.wait()
    assert "11 weight layers, rate 1e-4, batch norm: not run" in explorer.text


def test_runs_of_the_panel_appear_when_they_end():
    calls = []
    panel = SimpleNamespace(runs=[], on_run=calls.append)
    explorer = atlas_explorer(panel, atlas=Atlas(made_atlas()))
    assert "Your own runs" not in explorer.text
    panel.runs.append(made_run(configuration="A", learning_rate=3e-4))
    panel.runs.append(made_run(configuration="A", learning_rate=3e-4, batch_norm=True))
    panel.runs.append(made_run(configuration="A", learning_rate=3e-4, accuracies=(), losses=()))
    calls[0]()
    explorer.wait()
    assert "Your own runs with this remedy: 11 layers at 3e-4 learned." in explorer.text
    explorer.controls["remedy"].value = "batchnorm"
    explorer.wait()
    assert "11 layers at 3e-4 learned." in explorer.text


def test_without_records_it_says_so():
    assert "No atlas records are installed" in atlas_explorer(atlas=Atlas([])).text
