"""TrainingConfig: the lecture's run to the letter, every bad value refused by name, to JSON and back."""

import json
import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from made_runs import made_run

from vgg_lesson.training import build_model
from vgg_lesson.training_config import DTYPE_POLICIES, INITIALIZERS, TrainingConfig


def test_the_lectures_run_to_the_letter():
    config = TrainingConfig.lecture()
    assert (config.configuration, config.width, config.head) == ("D", 1.0, (4096, 4096))
    assert (config.optimizer, config.learning_rate, config.schedule) == ("adam", 1e-3, "constant")
    assert (config.batch_size, config.epochs, config.preprocessing) == (32, 10, "unit")
    assert (config.initializer, config.batch_norm, config.dropout) == ("glorot_uniform", False, 0.0)
    assert (config.weight_decay, config.label_smoothing, config.augmentation) == (0.0, 0.0, ())
    assert TrainingConfig.lecture(seed=3).seed == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", -1e-3),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("learning_rate", "fast"),
        ("configuration", "F"),
        ("configuration", 16),
        ("width", 0.001),
        ("head", 512),
        ("head", (0,)),
        ("filters", (64, 128, 256)),
        ("filters", (64, 128, 256, 512, 0)),
        ("filters", 64),
        ("start", ("whitening", "whitening_layer")),
        ("batch_norm_momentum", -1),
        ("dropout", 1.0),
        ("momentum", 1.0),
        ("batch_norm_momentum", 1.0),
        ("weight_decay", -1.0),
        ("label_smoothing", 1.0),
        ("optimizer", "adamw"),
        ("initializer", "foo"),
        ("initializer", None),
        ("initializer", "identity"),  # Keras knows it, but it cannot fill the kernel of a convolution
        ("schedule", "step"),
        ("dtype_policy", "bfloat16"),
        ("preprocessing", "zscore"),
        ("augmentation", ("flip", "rotate")),
        ("batch_size", 0),
        ("batch_size", 32.0),
        ("epochs", 0),
        ("epochs", True),
        ("seed", -1),
        ("seed", 2**31),
    ],
)
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name) as caught:
        TrainingConfig(**{name: value})
    shown = "rotate" if name == "augmentation" else repr(value)
    assert shown in str(caught.value)


def test_there_and_back_through_json():
    config = TrainingConfig(head=(), augmentation=("flip", "shift"), schedule="one_cycle", learning_rate=0.1)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ValueError, match="momentun"):
        TrainingConfig.from_dict({"momentun": 0.9})


def test_numpys_numbers_become_plain_ones():
    choices = {
        "width": np.float32(0.25), "head": (np.int64(16), np.int32(8)), "dropout": np.float32(0.5),
        "blocks": np.int8(4), "batch_norm": np.True_, "learning_rate": np.float64(1e-3), "batch_size": np.int64(64),
        "epochs": np.uint8(2), "seed": np.int64(7), "momentum": np.float16(0.5),
    }  # fmt: skip
    config = TrainingConfig(**choices)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.head == (16, 8) and config.batch_norm is True
    for name in set(choices) - {"head"}:
        assert type(getattr(config, name)) in (int, float, bool), name
    assert replace(made_run(), config=config.to_dict()).to_json()
    for name, wrong in (("epochs", np.float32(2)), ("learning_rate", np.float32("nan")), ("batch_size", np.True_)):
        with pytest.raises(ValueError, match=name):
            TrainingConfig(**{name: wrong})


@pytest.mark.parametrize("name", INITIALIZERS)
def test_keras_makes_every_initializer_by_its_name(name):
    for shape in ((3, 3, 3, 8), (8, 4)):
        assert keras.initializers.get(name)(shape).shape == shape


def test_a_changed_copy_is_checked_and_the_original_stays():
    config = TrainingConfig()
    assert config.change(epochs=7).epochs == 7 and config.epochs == 3
    with pytest.raises(ValueError, match="epochs"):
        config.change(epochs=-1)


def test_muon_iterates_in_bfloat16_where_the_network_computes_in_it():
    computed = {policy: TrainingConfig(dtype_policy=policy).ns_dtype for policy in DTYPE_POLICIES}
    assert computed == {"float32": "float32", "mixed_bfloat16": "bfloat16", "mixed_float16": "float32"}


def test_a_layer_in_front_needs_one_block_less_and_says_so():
    with pytest.raises(ValueError, match="blocks must be at most 4 with the start 'whitening_layer'.*received 5"):
        TrainingConfig(start=("whitening_layer",))
    assert TrainingConfig(start=("whitening_layer",), blocks=4).blocks == 4


def test_whole_numbers_are_taken_where_keras_wants_fractions():
    config = TrainingConfig(learning_rate=1, momentum=0, batch_norm_momentum=0, weight_decay=0, label_smoothing=0)
    for name in ("learning_rate", "momentum", "batch_norm_momentum", "weight_decay", "label_smoothing"):
        assert type(getattr(config, name)) is float
    build_model(config.change(optimizer="sgd", width=1 / 16, head=()), steps_per_epoch=1)


def test_whitening_needs_two_filters_and_says_so():
    with pytest.raises(ValueError, match="width must leave at least 2 filters in block 1 to whiten with"):
        TrainingConfig(start=("whitening",), width=1 / 64)


def test_an_epoch_takes_a_step_for_the_last_smaller_batch():
    config = TrainingConfig(batch_size=32)
    assert [config.steps_per_epoch(images) for images in (1, 32, 33, 40_000)] == [1, 1, 2, 1250]


@pytest.mark.parametrize("make", [TrainingConfig.lecture, TrainingConfig().change])
def test_a_choice_that_there_is_not_is_named_beside_those_there_are(make):
    with pytest.raises(ValueError, match=r"unknown training choices \['lr'\]; known are .*'learning_rate'"):
        make(lr=1e-3)
