"""The labs of lesson 1, moved through their controls as a learner moves them."""

import subprocess
import sys

import numpy as np
import pytest

from vgg_lesson.data import Dataset, load_data
from vgg_lesson.preprocessing import PREPROCESSINGS, fit_statistics, preprocess
from vgg_lesson.widgets import dataset as labs


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data("sketches").subset(train=1500, validation=400)


@pytest.fixture(scope="module")
def browser(data):
    return labs.class_browser(data)


@pytest.fixture(scope="module")
def explorer(data):
    return labs.preprocessing_explorer(data)


def move(lab, **values):
    """Set controls, wait, and return the new picture's PNG and words."""
    for name, value in values.items():
        lab.controls[name].value = value
    lab.wait()
    return lab.panel.image.value, lab.text


def test_every_control_of_the_browser_changes_the_picture(browser):
    seen = {move(browser, number=0, chosen=0, closest=False)}
    for change in ({"number": 3}, {"chosen": 7}, {"closest": True}):
        seen.add(move(browser, **change))
    assert len({png for png, _ in seen}) == 4
    assert "class cat" in browser.text and "no. 7" in browser.text


def test_the_browser_finds_the_nearest_images(browser, data):
    _, text = move(browser, number=5, chosen=2, closest=False)
    image = data.x_val[data.y_val == 5][2].astype(float)
    distances = np.sqrt(((data.x_train - image) ** 2).mean(axis=(1, 2, 3)))
    nearest = np.argsort(distances)[: labs.NEIGHBOURS]
    listed = ", ".join(f"{data.class_names[data.y_train[row]]} {distances[row]:.0f}" for row in nearest)
    assert listed in text


def test_the_browser_finds_a_planted_twin(data):
    row = np.flatnonzero(data.y_val == 4)[25]
    planted = data.x_val.copy()
    planted[row] = data.x_train[11]
    changed = Dataset(
        data.x_train, data.y_train, planted, data.y_val, data.x_test, data.y_test,
        data.class_names, data.source, data.description,
    )  # fmt: skip
    lab = labs.class_browser(changed)
    _, text = move(lab, number=4, chosen=0, closest=True)
    assert f"{data.class_names[data.y_train[11]]} 0," in text
    assert "a twin?" in lab.compute(**lab.values).figure.axes[0].get_title("left")


def test_the_browser_refuses_too_few_images(data):
    with pytest.raises(ValueError, match="30 validation images"):
        labs.class_browser(data.subset(validation=200))


def test_the_explorer_shows_what_preprocessing_gives(explorer, data):
    statistics = fit_statistics(data.x_train)
    assert {how for _, how in labs.HOWS} == set(PREPROCESSINGS)
    for how in PREPROCESSINGS:
        _, text = move(explorer, row=8, how=how, mirror=False, right=0, down=0)
        seen = preprocess(data.x_train[8:9], how, statistics)
        assert f"mean {seen.mean():.3f}, standard deviation {seen.std():.3f}" in text, how
        drawn = explorer.compute(**explorer.values).figure.axes[2].patches
        counted = sum(patch.get_data().values.sum() for patch in drawn)
        assert counted == 3072, how  # the scale holds all numbers


def test_mirroring_moves_numbers_and_changes_none(explorer):
    png, text = move(explorer, row=5, how="unit", mirror=False, right=0, down=0)
    mirrored, words = move(explorer, mirror=True)
    assert png != mirrored
    assert text.partition(". Top left")[0] == words.partition(". Top left")[0]  # same mean, spread and ends


def test_every_control_of_the_explorer_changes_the_picture(explorer):
    seen = {move(explorer, row=1, how="unit", mirror=False, right=0, down=0)[0]}
    for change in ({"row": 2}, {"how": "raw"}, {"mirror": True}, {"right": 3}, {"down": -5}):
        seen.add(move(explorer, **change)[0])
    assert len(seen) == 6


@pytest.mark.parametrize("make", [labs.class_browser, labs.preprocessing_explorer])
def test_controls_can_be_read_and_have_a_goal(make, data):
    lab = make(data)
    assert "Goal." in lab.children[0].value
    for control in lab.controls.values():
        assert control.description and control.tooltip
    assert lab.text in lab.panel.words.value.replace("&#x27;", "'")


def test_a_failing_picture_is_said_in_words_and_raised(data, monkeypatch):
    lab = labs.preprocessing_explorer(data)

    def fails(**_values):
        raise RuntimeError("no such picture")

    monkeypatch.setattr(lab, "compute", fails)
    lab.controls["row"].value = 3
    with pytest.raises(RuntimeError, match="no such picture"):
        lab.wait()
    assert "no such picture" in lab.message.value


def test_lesson_1_does_without_tensorflow():
    modules = "checks.lesson1, data, widgets.dataset, plots.images, plots.labels, plots.evaluation, baselines, metrics"
    lines = [f"import vgg_lesson.{name.strip()}" for name in modules.split(",")]
    lines.append("import sys; assert not {'tensorflow', 'keras'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
