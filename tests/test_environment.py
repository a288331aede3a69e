"""What is set before TensorFlow is imported, whoever imports it and however."""

import importlib.util
import json
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vgg_lesson.environment import FOR_SPEED, ON_TWO_CORES, cores

ALL = FOR_SPEED | ON_TWO_CORES
HERE = FOR_SPEED | (ON_TWO_CORES if cores() == 2 else {})

SHOW = "import vgg_lesson.data, json, os; print(json.dumps(dict(os.environ)))"


def settings(**variables) -> dict:
    """The settings in a process of its own that imports a module of the package."""
    inherited = {name: value for name, value in os.environ.items() if name not in ALL}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=inherited | variables, capture_output=True, text=True, check=True
    )
    return {name: value for name, value in json.loads(done.stdout).items() if name in ALL}


def test_any_import_of_the_package_makes_them():
    assert settings(VGG_LESSON_SPEED="1") == HERE


def test_they_can_be_turned_off():
    assert settings(VGG_LESSON_SPEED="0") == {}


@pytest.mark.parametrize(("number", "one_thread"), [(1, False), (2, True), (3, False), (64, False)])
def test_an_operation_has_one_thread_on_two_cores(number, one_thread):
    program = f"import os; os.sched_getaffinity = lambda process: range({number}); {SHOW}"
    inherited = {name: value for name, value in os.environ.items() if name not in ALL}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=inherited | {"VGG_LESSON_SPEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (json.loads(done.stdout).get("TF_NUM_INTRAOP_THREADS") == "1") == one_thread


@pytest.mark.parametrize("name", sorted(ALL))
def test_what_the_reader_set_wins(name):
    assert settings(VGG_LESSON_SPEED="1", **{name: "7"}) == HERE | {name: "7"}


def test_the_reader_is_told_when_it_is_too_late():
    program = (
        "import sys, os; from types import SimpleNamespace as Fake;"
        "sys.modules['tensorflow'] = Fake(config=Fake(list_physical_devices=lambda kind: [kind]));"
        "os.sched_getaffinity = lambda process: range(2);"
        "from vgg_lesson.environment import prepare; print(prepare())"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ALL}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "TensorFlow was imported earlier: restart the kernel" in done.stdout
    assert "TF_NUM_INTRAOP_THREADS" not in done.stdout  # TensorFlow may have its threads by now


def test_the_reader_can_see_them():
    program = "import vgg_lesson; print(vgg_lesson.speed_settings)"
    environment = {name: value for name, value in os.environ.items() if name not in ALL}
    environment |= {"VGG_LESSON_SPEED": "1", "TF_ENABLE_ONEDNN_OPTS": "7"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    for name, value in (HERE | {"TF_ENABLE_ONEDNN_OPTS": "7"}).items():
        assert f"{name}={value}" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="its libraries have other names there")
@pytest.mark.parametrize("name", sorted(ALL))
def test_tensorflow_knows_them(name):
    folder = Path(importlib.util.find_spec("tensorflow").origin).parent
    libraries = [path for path in folder.glob("libtensorflow*") if path.is_file()]
    assert libraries
    known = False
    for path in libraries:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            known = known or content.find(b"\0" + name.encode() + b"\0") >= 0
    assert known


@pytest.mark.parametrize(("speed", "as_traced"), [("1", "True"), ("0", "False")])
@pytest.mark.parametrize("imports", ["vgg_lesson, tensorflow", "tensorflow, vgg_lesson"])
def test_graphs_run_as_they_were_traced(speed, as_traced, imports):
    program = (
        f"import {imports}; import tensorflow as tf; gpus = tf.config.list_physical_devices('GPU');"
        "asked = tf.config.optimizer.get_experimental_options().get('disable_meta_optimizer', False);"
        "print(asked or bool(gpus and vgg_lesson.speed_settings.graphs_as_traced))"
    )
    environment = os.environ | {"VGG_LESSON_SPEED": speed}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [as_traced]
