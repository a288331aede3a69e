"""The signal explorer: every control changes the picture, and the picture tells what the network did."""

import re

import pytest

from vgg_lesson.data import load_data
from vgg_lesson.widgets.signals import signal_explorer


@pytest.fixture(scope="module")
def explorer():
    made = signal_explorer(load_data("sketches").subset(train=64))
    made.controls["steps"].value = 1
    made.wait(300)
    return made


def test_the_lecture_starts_faint(explorer):
    assert "before" in explorer.text and "after 1 step" in explorer.text
    assert "times smaller" in explorer.text and "The logits differ between images" in explorer.text


def test_another_initialiser_rate_and_number_of_steps_are_another_picture(explorer):
    seen = {explorer.text}
    for name, value in (("initializer", "he_normal"), ("rate", 1e-5), ("steps", 5)):
        explorer.controls[name].value = value
        explorer.wait(300)
        seen.add(explorer.text)
    assert len(seen) == 4
    assert "after 5 steps" in explorer.text
    assert bytes(explorer.panel.image.value).startswith(b"\xff\xd8")


def test_controls_have_labels_and_tooltips(explorer):
    for control in explorer.controls.values():
        assert control.description and control.tooltip


def test_batch_norm_at_another_depth_keeps_the_signal(explorer):
    explorer.controls["depth"].value = 11
    explorer.controls["batch_norm"].value = True
    explorer.wait(300)
    assert len(explorer.compute(**explorer.values).figure.axes[0].get_xticks()) == 8 + 2
    faded = re.search(r"before ([\d,.]+) times smaller", explorer.text)
    assert faded is None or float(faded[1].replace(",", "")) < 20, explorer.text
