"""The training panel, clicked: trains, stops, ignores a second click, keeps two panels apart, speaks up on errors."""

import re
import threading
import time
from dataclasses import replace

import pytest
from made_images import noise

from vgg_lesson import training
from vgg_lesson.speed import several_steps
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets import training as module
from vgg_lesson.widgets.training import TrainingPanel

START = TrainingConfig(configuration="A", head=(16,), epochs=1)


@pytest.fixture
def panel(tmp_path):
    return TrainingPanel(noise(), config=START, folder=tmp_path)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


def test_a_click_trains_and_everything_is_filled_in(panel, tmp_path):
    assert "No step has been made yet" in panel.curves.words.value
    before = panel.curves.image.value
    panel.buttons["save"].click()
    assert "no training has ended" in panel.notice.value
    panel.buttons["train"].click()
    run = panel.wait()
    assert panel.curves.image.value != before
    assert f"validation loss {run.epochs[0]['val_loss']:.3f}" in panel.curves.words.value
    assert "Finished: run 1, 1 of 1 epochs" in panel.message.value
    assert f"<td style='padding:2px 8px'>{run.epochs[0]['val_accuracy']:.1%}</td>" in panel.table.value
    assert "speed of your last run" in panel.cost.value
    panel.buttons["code"].click()
    assert "keras.Sequential" in panel.code.value and "vgg_lesson" not in panel.code.value
    assert "this panel trains on drawn images" in panel.code.value and "The same run" not in panel.code.value
    panel.buttons["save"].click()
    assert {path.name for path in tmp_path.iterdir()} == {"run_1.keras", "run_1.json"}
    panel.buttons["save"].click()  # nothing is overwritten, not by the run 1 of another session either
    assert {path.stem for path in tmp_path.iterdir()} == {"run_1", "run_1_2"}
    assert panel.compared.layout.display == "none" and not panel.compared.image.value  # one run: nothing to compare
    # The same choices again give the same numbers, by the blocking call as by the button.
    again = panel.train_blocking()
    assert again.epochs == run.epochs and len(panel.runs) == 2
    assert panel.compared.layout.display is None and panel.compared.image.value
    assert "run 1: 10 layers" in panel.compared.words.value and "run 2: 10 layers" in panel.compared.words.value


def test_the_first_point_is_drawn_before_the_training_goes_on(panel, monkeypatch):
    monkeypatch.setattr(several_steps, "steps_in_a_call", lambda *_: 2)
    seen = []

    def train(config, data, *, on_progress, **rest):
        def progress(report):
            on_progress(report)
            seen.append((report.step, panel.curves.words.value))

        return training.train(config, data, on_progress=progress, **rest)

    monkeypatch.setattr(module, "train", train)
    panel.train_blocking()
    step, words = seen[0]
    assert step == 2 and "First epoch: training loss" in words


def test_guessing_is_that_among_the_classes_there_are(tmp_path):
    data = noise()
    three = replace(
        data, y_train=data.y_train % 3, y_val=data.y_val % 3, y_test=data.y_test % 3, class_names=tuple("abc")
    )
    panel = TrainingPanel(three, config=START, folder=tmp_path)
    assert "Guessing among 3 classes" in panel.curves.text
    for _ in range(2):
        panel.train_blocking()
    assert "Guessing among 3 classes gives loss 1.089 and accuracy 40%" in panel.curves.text


def test_the_controls_make_the_configuration(panel):
    panel.controls["depth"].value = 19
    panel.controls["learning_rate"].value = 10**-3.5
    panel.controls["batch_norm"].value = True
    panel.controls["initializer"].value = "he_normal"
    panel.controls["optimizer"].value = "sgd"
    panel.controls["width"].value = 0.25
    cheap = panel.cost.value
    panel.controls["epochs"].value = 5
    panel.controls["seed"].value = 3
    assert panel.cost.value != cheap and "5 epochs of 5 steps" in panel.cost.value
    changes = {
        "batch_norm": True,
        "initializer": "he_normal",
        "optimizer": "sgd",
        "width": 0.25,
        "epochs": 5,
        "seed": 3,
    }
    assert panel.config == START.change(configuration="E", learning_rate=3.2e-4, **changes)
    for control in panel.controls.values():
        assert control.description and control.tooltip


def slow_training(entered, release=None):
    """A training that waits for its stop, as a long epoch does."""

    def train(config, dataset, *, stop, on_progress):
        entered.set()
        assert stop.wait(30)
        raise module_stopped

    module_stopped = RuntimeError("stopped by the test")
    return train


def test_a_second_click_is_ignored_and_stop_answers_at_once(panel, monkeypatch):
    entered = threading.Event()
    monkeypatch.setattr(module, "train", slow_training(entered))
    panel.buttons["train"].click()
    assert entered.wait(30)
    for _ in range(50):
        panel.buttons["train"].click()
    panel.buttons["range"].click()
    assert "ignored" in panel.notice.value
    panel.buttons["stop"].click()
    with pytest.raises(RuntimeError, match="stopped by the test"):
        panel.wait(30)
    panel.buttons["stop"].click()
    assert "Nothing is running" in panel.message.value


def test_fifty_clicks_start_one_training_at_a_time(panel, monkeypatch):
    lock, active, most, started = threading.Lock(), 0, 0, 0

    def train(config, dataset, *, stop, on_progress):
        nonlocal active, most, started
        with lock:
            active, started = active + 1, started + 1
            most = max(most, active)
        time.sleep(0.01)
        with lock:
            active -= 1
        raise RuntimeError("enough")

    monkeypatch.setattr(module, "train", train)
    answers = []
    hands = [threading.Thread(target=lambda: answers.extend(panel.start() for _ in range(50))) for _ in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    with pytest.raises(RuntimeError, match="enough"):
        panel.wait(30)
    assert len(answers) == 200 and sum(answers) == started and most == 1
    assert active == 0 and not panel.running


def stop_while_preparing(panel, monkeypatch):
    def prepared(*arguments, real=training.prepared):
        panel.buttons["stop"].click()
        return real(*arguments)

    monkeypatch.setattr(training, "prepared", prepared)


def stop_at(method):
    """Stop as soon as the training calls this method of its callback, before the method does its work."""

    def arrange(panel, monkeypatch):
        real = getattr(training.Watch, method)

        def called(self, *arguments, **logs):
            panel.buttons["stop"].click()
            return real(self, *arguments, **logs)

        monkeypatch.setattr(training.Watch, method, called)

    return arrange


@pytest.mark.parametrize(
    ("arrange", "epochs", "steps"),
    [
        (stop_while_preparing, 0, 0),
        (stop_at("on_train_begin"), 0, 0),
        (stop_at("on_train_batch_end"), 0, 1),
        (stop_at("on_test_batch_end"), 0, 5),
        (stop_at("on_epoch_end"), 1, 5),
    ],
    ids=["preparing", "before the first step", "first step", "validation", "between epochs"],
)
def test_stop_answers_in_every_phase(panel, monkeypatch, arrange, epochs, steps):
    panel.controls["epochs"].value = 3
    with monkeypatch.context() as patch:
        arrange(panel, patch)
        panel.buttons["train"].click()
        run = panel.wait(60)
    assert run.stopped and len(run.epochs) == epochs
    assert (run.step_loss[-1][0] if run.step_loss else 0) == steps
    assert f"Stopped: run 1, {epochs} of 3 epochs" in panel.message.value and "stopped" in panel.table.value
    panel.controls["epochs"].value = 1
    assert not panel.train_blocking().stopped and len(panel.runs) == 2


def test_a_callback_that_raises_loses_neither_the_run_nor_the_panel(panel):
    told = []
    panel.on_run(lambda: {}["gone"])
    panel.on_run(lambda: told.append(len(panel.runs)))
    panel.buttons["train"].click()
    with pytest.raises(KeyError):
        panel.wait()
    assert told == [1] and "Finished: run 1" in panel.message.value and "KeyError" in panel.notice.value
    panel.buttons["train"].click()
    assert "KeyError" not in panel.notice.value
    with pytest.raises(KeyError):
        panel.wait()
    assert told == [1, 2]


def test_a_new_panel_says_that_another_one_still_trains(panel, monkeypatch):
    entered = threading.Event()
    monkeypatch.setattr(module, "train", slow_training(entered))
    assert not TrainingPanel(noise(), config=START).notice.value
    panel.buttons["train"].click()
    assert entered.wait(30)
    assert "Another panel of this notebook still trains" in TrainingPanel(noise(), config=START).notice.value
    panel.buttons["stop"].click()
    with pytest.raises(RuntimeError):
        panel.wait(30)
    assert not TrainingPanel(noise(), config=START).notice.value


def test_stop_in_the_middle_keeps_the_panel_usable():
    panel = TrainingPanel(noise(2000), config=START.change(epochs=9))
    panel.controls["images"].value = 2000
    panel.buttons["train"].click()
    until(lambda: "Step" in panel.message.value)
    panel.buttons["train"].click()
    seen = panel.message.value
    until(lambda: panel.message.value != seen)
    assert "ignored" in panel.notice.value, "the next report of progress must not overwrite it"
    panel.buttons["stop"].click()
    assert "Stopping" in panel.message.value
    run = panel.wait(30)
    assert not panel.notice.value
    assert run.stopped and len(run.epochs) < 9
    assert "Stopped: run 1" in panel.message.value and "stopped" in panel.table.value
    panel.controls["images"].value, panel.controls["epochs"].value = 500, 1
    assert not panel.train_blocking().stopped


def test_the_blocking_call_waits_as_long_as_it_takes(panel, monkeypatch):
    waited = []
    monkeypatch.setattr(panel, "start", lambda: True)
    monkeypatch.setattr(panel._trainer, "wait", waited.append)
    panel.train_blocking()
    assert waited == [None]


def test_two_panels_at_once_get_the_numbers_they_get_alone(panel):
    other = TrainingPanel(noise(), config=START.change(seed=5))
    alone = [panel.train_blocking().epochs, other.train_blocking().epochs]
    panel.buttons["train"].click()
    other.buttons["train"].click()
    assert [panel.wait().epochs, other.wait().epochs] == alone
    assert alone[0] != alone[1]


def test_a_save_that_has_no_model_says_where_it_went(panel, monkeypatch, tmp_path):
    panel.train_blocking()
    entered = threading.Event()
    monkeypatch.setattr(module, "train", slow_training(entered))
    panel.buttons["train"].click()
    assert entered.wait(30)
    panel.buttons["save"].click()
    assert "the model of run 1 was released when the next training began" in panel.notice.value
    assert "Nothing to save" not in panel.message.value, "the training's next report would overwrite it"
    panel.buttons["stop"].click()
    with pytest.raises(RuntimeError):
        panel.wait(30)
    panel.buttons["save"].click()
    assert "the model of run 1 was released when the next training began" in panel.notice.value
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_released_while_it_is_saved_is_saved(panel, monkeypatch, tmp_path):
    panel.train_blocking()
    reads = iter([panel.trained, None])  # the training's thread comes between a first and a second look
    monkeypatch.setattr(TrainingPanel, "trained", property(lambda self: next(reads)), raising=False)
    panel.save()
    assert {path.name for path in tmp_path.iterdir()} == {"run_1.keras", "run_1.json"}


def test_a_save_that_failed_leaves_nothing_behind_when_the_next_one_works(panel, monkeypatch):
    run = panel.train_blocking()
    with monkeypatch.context() as patch:
        patch.setattr(module, "save_trained", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
        panel.buttons["save"].click()
    assert "no space left" in panel.notice.value and panel.wait() is run
    panel.buttons["save"].click()
    assert "Saved" in panel.message.value and not panel.notice.value


def test_an_error_is_shown_in_words_and_raised_by_wait(panel, monkeypatch):
    monkeypatch.setattr(module, "learning_curves", lambda *_: 1 / 0)
    panel.buttons["train"].click()
    with pytest.raises(ZeroDivisionError):
        panel.wait()
    assert "Finished: run 1" in panel.message.value and "That did not work" in panel.notice.value
    monkeypatch.setattr(module, "train", lambda *_, **__: (_ for _ in ()).throw(MemoryError("no room for 33 million")))
    panel.buttons["train"].click()
    with pytest.raises(MemoryError):
        panel.wait()
    assert "MemoryError: no room for 33 million" in panel.notice.value and "ended" in panel.message.value
    monkeypatch.setattr(module, "keras_code", lambda *_: {}["gone"])
    panel.buttons["code"].click()
    assert "KeyError" in panel.notice.value


def test_the_range_test_shows_its_curve(panel):
    panel.buttons["range"].click()
    panel.wait()
    assert re.search(r"Smoothed loss \d", panel.curves.words.value) and "Range test done" in panel.message.value


@pytest.mark.parametrize(
    "given",
    [
        {"width": 0.75},
        {"initializer": "lecun_normal"},
        {"epochs": 20, "seed": 42},
        {"learning_rate": 3.2e-4, "optimizer": "sgd", "batch_norm": True, "configuration": "E"},
    ],
)
def test_the_panel_starts_where_it_was_told(given):
    start = START.change(**given)
    assert TrainingPanel(noise(), config=start).config == start


@pytest.mark.parametrize(
    ("given", "depths"),
    [
        ({"head": (8, 8)}, ("11", "13", "16", "19")),
        ({"head": ()}, ("9", "11", "14", "17")),
        ({"head": (8, 8), "blocks": 3}, ("7", "9", "10", "11")),
    ],
)
def test_the_depth_control_shows_the_weight_layers_of_its_networks(given, depths):
    panel = TrainingPanel(noise(), config=START.change(**given))
    control = panel.controls["depth"]
    assert control._options_labels == depths and control.tooltip.startswith(", ".join(depths))
    control.value = 16
    assert panel.config.configuration == "D"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"configuration": "C"}, "configuration 'C'; allowed: ['A', 'B', 'D', 'E']"),
        ({"configuration": "A-LRN"}, "'A-LRN'"),
        ({"batch_norm": "after_pooling"}, "batch_norm 'after_pooling'"),
        ({"learning_rate": 0.5}, "1e-05 to 0.1"),
        ({"learning_rate": 1.25e-4}, "two digits"),
    ],
)
def test_what_the_controls_cannot_show_is_refused(given, says):
    with pytest.raises(ValueError, match="the panel has no control that shows") as raised:
        TrainingPanel(noise(), config=START.change(**given))
    assert says in str(raised.value)
