"""TrainingConfig: the lecture's run to the letter, every bad value refused by name, to JSON and back."""

import json
import math

import pytest

from vgg_lesson.training_config import TrainingConfig


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
        ("dropout", 1.0),
        ("momentum", 1.0),
        ("weight_decay", -1.0),
        ("label_smoothing", 1.0),
        ("optimizer", "adamw"),
        ("schedule", "step"),
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


def test_a_changed_copy_is_checked_and_the_original_stays():
    config = TrainingConfig()
    assert config.change(epochs=7).epochs == 7 and config.epochs == 3
    with pytest.raises(ValueError, match="epochs"):
        config.change(epochs=-1)
