"""Several steps in a call: the same training as with single ones, only sooner done."""

import threading
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from made_images import noise

from vgg_lesson import progress
from vgg_lesson.architecture import build_vgg
from vgg_lesson.run_record import EPOCH_FIELDS
from vgg_lesson.speed import several_steps
from vgg_lesson.speed.several_steps import steps_in_a_call
from vgg_lesson.training import train
from vgg_lesson.training_config import TrainingConfig

CONFIG = TrainingConfig(
    configuration="A", width=1 / 16, head=(16,), batch_norm=True, dropout=0.2, augmentation=("flip", "shift"), epochs=2
)


@pytest.mark.parametrize(
    ("width", "batch", "steps", "epochs", "expected"),
    [
        (1 / 8, 32, 1250, 1, 8),
        (1 / 8, 32, 79, 3, 7),  # ten calls in an epoch
        (1 / 8, 32, 79, 2, 1),  # not worth the tracing
        (1 / 8, 32, 10, 99, 1),
        (1 / 8, 128, 313, 10, 2),
        (1 / 4, 128, 313, 10, 1),
        (1, 32, 1250, 10, 1),
        (1, 1, 40000, 10, 1),  # little to multiply, but all weights change
    ],
)
def test_small_networks_make_several_steps_large_ones_one(width, batch, steps, epochs, expected):
    assert steps_in_a_call(build_vgg(width=width, head=(64,)), batch, steps, epochs) == expected


def test_the_training_is_that_of_single_steps(monkeypatch):
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.0)  # a report after every call
    monkeypatch.setattr(several_steps, "LEAST", 64)
    data = noise(4 * 31 + 2)
    config = CONFIG.change(batch_size=4)  # 32 steps an epoch, the last of 2 images
    several, single = train(config, data), train(config, data, callbacks=(keras.callbacks.Callback(),))
    for found, expected in zip(several.model.get_weights(), single.model.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    for found, expected in zip(several.run.epochs, single.run.epochs, strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    assert [step for step, _ in single.run.step_loss] == list(range(1, 65))
    steps = [step for step, _ in several.run.step_loss]
    assert steps == [*range(3, 33, 3), 32, *range(35, 65, 3), 64]
    losses = dict(single.run.step_loss)
    for (step, loss), before in zip(several.run.step_loss[:10], [0, *steps], strict=False):
        assert loss == pytest.approx(np.mean([losses[each] for each in range(before + 1, step + 1)]), rel=1e-3)


def test_callbacks_are_called_after_every_step_then_and_later(monkeypatch):
    monkeypatch.setattr(several_steps, "LEAST", 20)
    batches = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    data = noise(40)
    config = CONFIG.change(batch_size=2, epochs=1)
    train(config, data, callbacks=(count,))
    assert batches == list(range(20))
    model = train(config, data).model  # two steps a call
    batches.clear()
    targets = np.eye(10, dtype=np.float32)[data.y_train]
    model.fit(data.x_train / 255, targets, batch_size=8, verbose=0, callbacks=[count])
    assert batches == list(range(5))


def test_a_model_that_made_several_steps_before_does_so_again():
    model = build_vgg("A", width=1 / 16, head=())
    model.compile(loss="categorical_crossentropy", steps_per_execution=3)
    with pytest.raises(KeyboardInterrupt), several_steps.several_steps(model, 4, 50, 4):
        assert model.steps_per_execution == 5
        raise KeyboardInterrupt
    assert model.steps_per_execution == 3


def test_no_answer_is_lost_however_many_steps_a_call_makes():
    model, images = build_vgg("A", width=1 / 16, head=()), np.ones((26, 32, 32, 3), np.float32)
    model.compile(loss="categorical_crossentropy")
    for number in (1, 5, 1):
        several_steps.set_steps_in_a_call(model, number)
        assert len(model.predict(images, batch_size=4, verbose=0)) == 26


def test_a_report_weighs_losses_by_steps():
    losses = iter([7.0, 1.0, 4.0])
    watch = progress.Watch(steps_per_epoch=5, epochs=1, stop=threading.Event(), on_progress=None)
    watch.losses = SimpleNamespace(newest=lambda model, logs: next(losses))
    for last in (1, 3, 5):  # two steps a call, and five in the epoch
        watch.on_train_batch_end(last)
    watch.on_epoch_end(0, dict.fromkeys(EPOCH_FIELDS, 0.0))
    assert watch.step_loss == [(2, 7.0), (5, 2.0)]


@pytest.mark.parametrize("number", [0, -1, 1.5, True])
def test_a_call_makes_at_least_one_step(number):
    model = build_vgg("A", width=1 / 16, head=())
    model.compile(loss="categorical_crossentropy")
    with pytest.raises(ValueError, match=f"number must be a whole number of at least 1, received {number}"):
        several_steps.set_steps_in_a_call(model, number)
