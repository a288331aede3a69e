"""The training benchmark: what its clock counts, and how a newer processor stands in for an older one."""

import subprocess
import time
from types import SimpleNamespace

import keras
import pytest

from benchmarks import contenders, speed
from vgg_lesson.environment import FOR_SPEED, ON_TWO_CORES


def test_the_wait_behind_an_epoch_is_not_counted(monkeypatch):
    fit = keras.Model.fit

    def waits_at_its_end(*args, **options):
        fit(*args, **options)
        time.sleep(2)

    monkeypatch.setattr(keras.Model, "fit", waits_at_its_end)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    train = contenders.keras_training("ours", contenders.Net("small", 0.125, (), batch_norm=False, batch=8, steps=2))
    train()
    assert train() > 16  # images a second; with the wait, 16 images take more than 2 s


def test_in_bfloat16_the_faster_precision_of_stock_tensorflow_counts():
    assert [name for name in speed.contenders_for("bfloat16") if name.startswith("stock")] == [
        "stock",
        "stock-bfloat16",
    ]
    turns = {"ours-bfloat16": [8, 9, 10], "torch-bfloat16": [4, 4, 4], "torch-channels-last-bfloat16": [3, 4.5, 5]}
    for plain, mixed in (([2, 3, 2], [1, 1, 1]), ([1, 1, 1], [2, 3, 2])):
        found = speed.summary(turns | {"stock": plain, "stock-bfloat16": mixed})
        assert found == {"ours": 9, "stock": 2, "torch": 4.5, "ours/stock": 4, "ours/torch": 2}


@pytest.mark.parametrize("policy", ["", contenders.BFLOAT16])
def test_a_contender_computes_in_the_precision_of_its_name(monkeypatch, usual_policy, policy):
    models, fit = [], keras.Model.fit
    monkeypatch.setattr(
        keras.Model, "fit", lambda model, *args, **rest: models.append(model) or fit(model, *args, **rest)
    )
    net = contenders.Net("small", 0.125, (), batch_norm=False, batch=8, steps=2)
    for name in ("ours", "stock"):
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", str(int(name == "ours")))
        contenders.keras_training(name + policy, net)()
    expected = "bfloat16" if policy else "float32"
    assert [model.layers[0].compute_dtype for model in models] == [expected, expected]


def test_ours_makes_as_many_steps_a_call_as_train_does(monkeypatch):
    counts, fit = [], keras.Model.fit
    monkeypatch.setattr(
        keras.Model, "fit", lambda model, **rest: counts.append(model.steps_per_execution) or fit(model, **rest)
    )
    net = contenders.Net("small", 0.0625, (), batch_norm=False, batch=2, steps=40)
    for name in ("ours", "stock"):
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", str(int(name == "ours")))
        contenders.keras_training(name, net)()
    assert counts == [4, 1]


@pytest.mark.parametrize("avx2", [False, True])
def test_only_stock_tensorflow_chooses_onednn_itself(monkeypatch, avx2):
    started = {}

    def start(command, env, **_):
        started[command[-2]] = env
        return SimpleNamespace(args=command)

    monkeypatch.setattr(subprocess, "Popen", start)
    for name, value in (FOR_SPEED | ON_TWO_CORES).items():
        monkeypatch.setenv(name, value)
    for contender in ("ours", "stock", "torch"):
        speed._start(contender, "eighth", avx2)
    assert FOR_SPEED.items() <= started["ours"].items()
    assert not {"TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE", "TF_NUM_INTRAOP_THREADS"} & started["stock"].keys()
    assert started["stock"].get("TF_ENABLE_ONEDNN_OPTS") == ("0" if avx2 else None)
    assert started["stock"]["VGG_LESSON_SPEED"] == "0"
    for environment in started.values():
        assert all(environment.get(name) == (value if avx2 else None) for name, value in speed.AVX2.items())
