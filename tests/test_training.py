"""Training: same seed same numbers, stops at once, reports progress, records what happened."""

import logging
import math
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_images import noise, plain_colours

from vgg_lesson import progress, training
from vgg_lesson.pipeline import require_shared, training_batches, validation_batches
from vgg_lesson.preprocessing import fit_statistics, preprocess
from vgg_lesson.run_record import Run, thinned
from vgg_lesson.saving import load_model, save_trained
from vgg_lesson.training import build_model, prepared, train
from vgg_lesson.training_config import PREPROCESSINGS, TrainingConfig

TINY = TrainingConfig(configuration="A", width=0.125, head=(16,), epochs=2)


@pytest.fixture(scope="module")
def reports():
    return []


@pytest.fixture(scope="module")
def trained(reports):
    config = TINY.change(batch_norm=True, learning_rate=3e-3, epochs=3)
    return train(config, plain_colours(), on_progress=reports.append)


def test_it_learns_and_the_record_says_so(trained):
    run = trained.run
    assert run.verdict == "learning" and not run.stopped
    assert run.epochs[-1]["loss"] < run.epochs[0]["loss"] < 3
    assert len(run.epochs) == 3 and run.data["train_images"] == 320 and run.data["validation_images"] == 40
    assert run.step_loss[0][0] == 1 and run.step_loss[-1][0] == 30
    assert abs(run.step_loss[0][1] - math.log(10)) < 1
    assert run.seconds > 0 and run.cores >= 1
    assert run.versions["keras"] == keras.__version__
    assert Run.from_json(run.to_json()) == run


def test_the_recorded_accuracy_is_the_models(trained):
    data = plain_colours()
    images = preprocess(data.x_val, "unit")
    right = trained.model.predict(images, verbose=0).argmax(axis=1) == data.y_val
    assert trained.run.epochs[-1]["val_accuracy"] == pytest.approx(right.mean(), abs=1e-6)


def test_progress_is_reported_from_the_first_step_on(reports, trained):
    assert reports[0].step == 1 and reports[0].steps == 30 and reports[0].epochs == ()
    assert reports[-1].epochs == trained.run.epochs and reports[-1].step_loss == trained.run.step_loss
    assert [report.step for report in reports] == sorted(report.step for report in reports)
    steps = np.array([step for step, _ in trained.run.step_loss])
    mean = np.average([loss for _, loss in trained.run.step_loss], weights=np.diff(steps, prepend=0))
    assert mean == pytest.approx(np.mean(trained.run.curve("loss")), rel=1e-3)


def test_the_loss_of_each_step_is_that_of_its_batch_also_of_a_short_last_one(monkeypatch):
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.0)  # a report after every step
    config, data = TINY.change(batch_norm=True, learning_rate=1e-2, epochs=1), noise(76)  # batches of 32, 32 and 12
    model, batches, _ = prepared(config, data)
    expected = []
    for images, targets in batches:
        expected.append(model.train_on_batch(images, targets, return_dict=True)["loss"])
        model.reset_metrics()
    found = dict(train(config, data).run.step_loss)
    assert list(found) == [1, 2, 3]
    assert list(found.values()) == pytest.approx(expected, rel=1e-3)
    monkeypatch.setattr(training, "thinned", lambda step_loss: thinned(step_loss, points=2))
    assert [step for step, _ in train(config, data).run.step_loss] == [1, 3]


@pytest.mark.parametrize(("part", "name"), [("train", "training"), ("val", "validation")])
def test_a_training_without_images_is_refused(part, name):
    data = noise(40)
    arrays = {f"x_{part}": data.x_train[:0], f"y_{part}": data.y_train[:0]}
    with pytest.raises(ValueError, match=f"at least one {name} image, received Dataset"):
        train(TINY, replace(data, **arrays))


@pytest.mark.parametrize("moment", ["at once", "in the first epoch", "in the validation"])
def test_a_stop_leaves_within_a_batch(moment):
    stop, batches_after = threading.Event(), []

    class Press(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.count("in the first epoch", batch == 1)

        def on_test_batch_begin(self, batch, logs=None):
            self.count("in the validation", batch == 0)

        def count(self, where, now):
            if stop.is_set():
                batches_after.append(where)
            elif where == moment and now:
                stop.set()

    if moment == "at once":
        stop.set()
    run = train(TINY, noise(), stop=stop, callbacks=(Press(),)).run
    assert run.stopped and run.epochs == ()
    assert len(batches_after) <= 1
    assert run.verdict == "unfinished"


def test_the_same_seed_gives_the_same_numbers_also_beside_another_thread():
    data, config = noise(), TINY.change(epochs=1, dropout=0.2, augmentation=("flip", "shift"))
    alone = train(config, data).run
    found = {}

    def work(seed):
        found[seed] = train(config.change(seed=seed), data).run

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0].epochs == alone.epochs
    assert found[1].epochs != alone.epochs


def test_a_run_that_a_callback_ends_early_is_recorded_as_stopped():
    early = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=100.0)
    run = train(TINY.change(epochs=4), noise(), callbacks=(early,)).run
    assert len(run.epochs) == 2 and run.stopped


def test_the_same_seed_gives_the_same_weights_whatever_another_thread_draws():
    data, config = noise(), TINY.change(head=(8,), dropout=0.2, seed=5)
    alone = prepared(config, data)[0].get_weights()
    ended = threading.Event()

    def draw():
        while not ended.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    beside = prepared(config, data)[0].get_weights()
    ended.set()
    thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(alone, beside, strict=True))


@pytest.mark.parametrize("how", PREPROCESSINGS)
def test_batches_are_preprocessed_as_the_package_says(how):
    data = noise(40)
    (images, targets), *rest = validation_batches(data, TINY.change(preprocessing=how))
    expected = preprocess(data.x_val, how, fit_statistics(data.x_train))
    np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-4)
    assert not rest and (np.argmax(targets, axis=1) == data.y_val).all()


def test_an_epoch_holds_every_image_once_in_another_order_each_time():
    data = noise(100)
    batches = training_batches(data, TINY)
    first, second = (np.concatenate([images for images, _ in batches]) for _ in range(2))
    assert not np.array_equal(first, second)
    for epoch in (first, second):
        sums = np.sort((epoch * 255).round().sum(axis=(1, 2, 3)))
        np.testing.assert_allclose(sums, np.sort(data.x_train.sum(axis=(1, 2, 3), dtype=float)), rtol=1e-4)


def rate_at(config, step):
    model, *_ = prepared(config, noise(320))
    rate = model.optimizer._learning_rate
    return float(rate(step)) if callable(rate) else float(rate)


def test_schedules():
    config = TINY.change(optimizer="sgd", learning_rate=0.4, epochs=4)  # 40 steps
    assert rate_at(config, 39) == pytest.approx(0.4)
    linear, cosine, cycle = (config.change(schedule=name) for name in ("linear", "cosine", "one_cycle"))
    assert [rate_at(linear, step) for step in (0, 10, 40)] == pytest.approx([0.4, 0.3, 0.0], abs=1e-6)
    assert [rate_at(cosine, step) for step in (0, 20, 40)] == pytest.approx([0.4, 0.2, 0.0], abs=1e-6)
    assert [rate_at(cycle, step) for step in (0, 10, 25, 40)] == pytest.approx([0.04, 0.4, 0.2, 0.0], abs=1e-6)


def test_weight_decay_leaves_biases_and_batch_norm_alone():
    model, *_ = prepared(TINY.change(optimizer="sgd", weight_decay=0.1, batch_norm=True), noise(40))
    decays = {v.path: model.optimizer._use_weight_decay(v) for v in model.trainable_variables}
    assert all(decays[path] == ("kernel" in path) for path in decays) and len(set(decays.values())) == 2


@pytest.mark.parametrize(
    "change", [{}, {"optimizer": "sgd", "batch_norm": True, "dropout": 0.1}, {"optimizer": "muon"}]
)
def test_the_step_is_traced_once(change):
    """Whatever makes variables within the first step has it traced a second time: seconds, before the first point."""
    model, batches, validation = prepared(TINY.change(epochs=1, **change), noise(80))  # the last batch is short
    traces, ordinary = [], model.train_step
    model.train_step = lambda data: (traces.append(1), ordinary(data))[1]
    model.fit(batches, validation_data=validation, verbose=0, shuffle=False)
    assert len(traces) == 1


@pytest.mark.parametrize("batches", [training_batches, validation_batches])
def test_no_epoch_waits_for_the_tuning_thread_of_its_batches(batches):
    assert batches(noise(64), TINY).options().autotune.enabled is False


def test_mixed_precision_keeps_the_output_in_full():
    config = TINY.change(batch_norm=True, learning_rate=3e-3, dtype_policy="mixed_bfloat16")
    model, run = train(config, plain_colours())
    assert model.layers[0].compute_dtype == "bfloat16" and model.layers[-1].compute_dtype == "float32"
    assert run.verdict == "learning" and run.training_config == config


@pytest.mark.parametrize("policy, scaled", [("mixed_float16", True), ("mixed_bfloat16", False), ("float32", False)])
def test_the_dtype_policy_is_the_configurations_whatever_the_global_one_is(policy, scaled, usual_policy):
    theirs = "mixed_float16" if policy == "float32" else "float32"
    keras.config.set_dtype_policy(theirs)
    model = build_model(TINY.change(dtype_policy=policy), steps_per_epoch=1)
    assert keras.config.dtype_policy().name == theirs
    assert [layer.dtype_policy.name for layer in model.layers] == [policy] * (len(model.layers) - 1) + ["float32"]
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == scaled


def test_with_muon_and_quick_running_statistics_it_learns_and_is_saved(tmp_path):
    config = TINY.change(
        optimizer="muon", learning_rate=0.05, momentum=0.6, batch_norm=True, batch_norm_momentum=0.5, epochs=8
    )
    trained = train(config, plain_colours())
    assert trained.run.verdict == "learning" and trained.run.epochs[-1]["val_accuracy"] > 0.5
    assert {layer.momentum for layer in trained.model.layers if hasattr(layer, "moving_mean")} == {0.5}
    path, _ = save_trained(trained, tmp_path / "run")
    assert load_model(path).optimizer.get_config() == trained.model.optimizer.get_config()


@pytest.mark.parametrize(("batch_size", "train_images", "val_images"), [(33, 64, 32), (32, 65, 32), (32, 64, 33)])
def test_what_replicas_cannot_share_is_named(batch_size, train_images, val_images):
    data = noise(200).subset(train=train_images, validation=val_images)
    with pytest.raises(ValueError, match=f"2 replicas, received {batch_size}, {train_images} and {val_images}"):
        require_shared(data, TINY.change(batch_size=batch_size), 2)
    require_shared(data, TINY.change(batch_size=batch_size), 1)


@pytest.mark.parametrize("batch_size", [3, 32, 48, 500])
def test_replicas_that_share_training_batches_share_those_for_validation(batch_size):
    data = replace(noise(), x_val=np.zeros((500, 32, 32, 3), np.uint8), y_val=np.arange(500) % 10)
    sizes = [len(images) for images, _ in validation_batches(data, TINY.change(batch_size=batch_size))]
    assert all(size % batch_size == 0 for size in sizes[:-1]) and sizes[0] >= 128


def test_only_functions_that_are_traced_anew_by_design_are_kept_silent():
    logger = tf.get_logger()
    tell = "5 out of the last 5 calls to <function {} at 0x7f> triggered tf.function retracing. Tracing is expensive"
    kept = {
        name: logger.filter(logging.makeLogRecord({"msg": tell.format(name)}))
        for name in ("TensorFlowTrainer.make_predict_function.<locals>.one_step", "WatchedStep._train", "mine")
    }
    assert [bool(shown) for shown in kept.values()] == [False, False, True]


def test_two_devices_train_together():
    code = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from made_images import noise
from vgg_lesson.training import train
from vgg_lesson.training_config import TrainingConfig
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
model, run = train(TrainingConfig(configuration="A", head=(16,), epochs=1), noise(64), strategy=strategy)
one, other = (copy.numpy() for copy in model.layers[-1].kernel.value.values)
print(strategy.num_replicas_in_sync, len(run.epochs), run.verdict, (one == other).all())
"""  # in a process of its own: devices cannot be added once TensorFlow has started
    said = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True)
    assert said.stdout.split() == ["2", "1", "stuck", "True"], said.stderr[-2000:]


def test_what_is_no_configuration_or_data_set_is_named():
    with pytest.raises(TypeError, match="dataset must be a Dataset, received a tuple"):
        train(TrainingConfig(), (np.zeros((4, 32, 32, 3)), np.zeros(4)))
    with pytest.raises(TypeError, match="config must be a TrainingConfig, received a dict"):
        train({"width": 1}, noise())
