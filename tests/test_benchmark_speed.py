"""The training benchmark: what its clock counts, and how a newer processor stands in for an older one."""

import subprocess
import time
from types import SimpleNamespace

import keras
import pytest

from benchmarks import speed


def test_the_wait_behind_an_epoch_is_not_counted(monkeypatch):
    fit = keras.Model.fit

    def waits_at_its_end(*args, **options):
        fit(*args, **options)
        time.sleep(2)

    monkeypatch.setattr(keras.Model, "fit", waits_at_its_end)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    train = speed._keras("ours", speed.Net("small", 0.125, (), batch_norm=False, batch=8, steps=2))
    train()
    assert train() > 16  # images a second; with the wait, 16 images take more than 2 s


@pytest.mark.parametrize("avx2", [False, True])
def test_only_stock_tensorflow_chooses_onednn_itself(monkeypatch, avx2):
    started = {}

    def start(command, env, **_):
        started[command[-2]] = env
        return SimpleNamespace(args=command)

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    for contender in ("ours", "stock", "torch"):
        speed._start(contender, "eighth", avx2)
    assert started["ours"]["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert started["stock"].get("TF_ENABLE_ONEDNN_OPTS") == ("0" if avx2 else None)
    assert started["stock"]["VGG_LESSON_SPEED"] == "0"
    for environment in started.values():
        assert all(environment.get(name) == (value if avx2 else None) for name, value in speed.AVX2.items())
