"""The exported script: runs where the package is not installed, and describes the very same network and training."""

import ast
import itertools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from made_images import noise, plain_colours

from vgg_lesson.configurations import CONFIGURATIONS
from vgg_lesson.keras_export import keras_code
from vgg_lesson.preprocessing import fit_statistics, preprocess
from vgg_lesson.training import build_model
from vgg_lesson.training_config import OPTIMIZERS, PREPROCESSINGS, SCHEDULES, TrainingConfig

FULL = TrainingConfig(
    configuration="A", head=(16,), batch_norm=True, dropout=0.1, optimizer="sgd", learning_rate=0.05,
    schedule="one_cycle", weight_decay=1e-3, label_smoothing=0.1, augmentation=("flip", "shift", "cutout"),
    preprocessing="standardise", initializer="he_normal", start=("identity", "whitening"), epochs=2, seed=3,
)  # fmt: skip


def test_it_runs_by_itself(tmp_path):
    data = plain_colours()
    np.savez(
        tmp_path / "data.npz", **{name: getattr(data, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    )
    (tmp_path / "script.py").write_text(keras_code(FULL, train_images=200))
    # An empty directory, no PYTHONPATH and a blocked name: nothing of this package can be found.
    (tmp_path / "vgg_lesson.py").write_text("raise ImportError('the script must not need the package')")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "script.py", "data.npz"]
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr[-2000:]
    assert "Epoch 2/2" in said.stdout and "test accuracy" in said.stdout
    assert (tmp_path / "vgg.keras").stat().st_size > 10_000


def names_of(script: str, data) -> dict:
    """Run a script up to its ``fit`` with these arrays, without files."""
    script = script.split("model.fit(")[0]
    head, rest = script.split("if len(sys.argv) > 1:")
    rest = rest[rest.index("held = ") :]
    names = {"x_train": data.x_train, "y_train": data.y_train, "x_test": data.x_test, "y_test": data.y_test}
    exec(head + rest, names)
    return names


def without_seeds(value):
    """A Keras configuration without the seeds of its initialisers and the name of its input."""
    if isinstance(value, dict):
        return {k: without_seeds(v) for k, v in value.items() if k not in ("seed", "build_config", "registered_name")}
    return [without_seeds(item) for item in value] if isinstance(value, list | tuple) else value


def started(layer) -> np.ndarray:
    """A convolution's kernel, its random filters set to zero."""
    kernel = layer.get_weights()[0]
    return kernel[..., : min(kernel.shape[2], kernel.shape[3])] if layer.trainable else np.abs(kernel)


@pytest.mark.parametrize(
    "config",
    [
        FULL,
        TrainingConfig(head=(16, 8)),
        TrainingConfig(configuration="A-LRN", head=()),
        TrainingConfig(configuration="B", head=(), batch_norm="after_pooling", blocks=4),
        TrainingConfig(head=(), optimizer="muon", momentum=0.6, weight_decay=0.01, batch_norm=True),
        TrainingConfig(
            configuration="A",
            head=(),
            batch_norm=True,
            blocks=4,
            start=("whitening_layer", "identity"),
            filters=(64, 256, 256, 256, 256),
        ),
        TrainingConfig(head=(), optimizer="muon", schedule="linear", batch_norm=True, batch_norm_momentum=0.9),
        TrainingConfig(head=(), optimizer="muon", batch_norm=True, dtype_policy="mixed_bfloat16"),
    ],
)
def test_network_and_optimizer_are_the_packages(config):
    data = noise(160)
    code = keras_code(config)
    script = names_of(code, data)["model"]
    kept = data.x_train[:128]
    images = preprocess(kept, config.preprocessing, fit_statistics(kept))
    ours = build_model(config, steps_per_epoch=4, images=images)
    for a, b in zip(script.layers, ours.layers, strict=True):
        if config.start and isinstance(a, keras.layers.Conv2D):
            np.testing.assert_allclose(started(a), started(b), rtol=1e-2, atol=1e-2)
    assert f", {sum(hasattr(layer, 'kernel') for layer in ours.layers)} weight layers," in code.splitlines()[0]
    assert script.name == ours.name and script.count_params() == ours.count_params()
    theirs, mine = ([without_seeds(layer.get_config()) for layer in model.layers] for model in (script, ours))
    for a, b in zip(theirs, mine, strict=True):
        a.pop("module", None), b.pop("module", None)
        assert a == b
    theirs, mine = (
        without_seeds(model.optimizer.get_config()) | {"name": "counted up by Keras"} for model in (script, ours)
    )
    assert theirs == mine
    assert script.loss.get_config() == ours.loss.get_config()
    excluded = [[m.optimizer._use_weight_decay(v) for v in m.trainable_variables] for m in (script, ours)]
    assert not config.weight_decay or excluded[0] == excluded[1]


def test_a_script_with_muon_makes_its_first_step():
    config = TrainingConfig(configuration="A", width=1 / 8, head=(), optimizer="muon", batch_norm=True)
    names = names_of(keras_code(config), noise(40))
    loss, _ = names["model"].train_on_batch(names["x_train"][:8], names["y_train"][:8])
    assert np.isfinite(loss)


@pytest.mark.parametrize("how", PREPROCESSINGS)
def test_preprocessing_is_the_packages(how):
    data = noise(100)
    names = names_of(keras_code(TrainingConfig(configuration="A", head=(), preprocessing=how)), data)
    kept = data.x_train[:80]
    np.testing.assert_allclose(names["x_train"], preprocess(kept, how, fit_statistics(kept)), rtol=1e-4, atol=1e-4)


def test_changed_batches_keep_shape_classes_and_count():
    names = names_of(keras_code(FULL), noise(160))
    batches = names["ChangedImages"]()
    shapes = [batches[number][0].shape for number in range(len(batches))]
    assert shapes == [(32, 32, 32, 3)] * 4
    before = batches.order.copy()
    batches.on_epoch_end()
    assert sorted(before) == sorted(batches.order) and list(before) != list(batches.order)


def test_a_script_says_where_cifar10_has_fewer_images_than_the_run():
    assert "fewer than the 45,000 asked for" in keras_code(TrainingConfig(), 45_000)
    assert "asked for" not in keras_code(TrainingConfig(), 40_000)


@pytest.mark.parametrize("images", [-5, 0, 1000.5, "200", True])
def test_an_odd_number_of_images_is_named(images):
    with pytest.raises(ValueError, match=f"train_images must be a whole number of at least 1, received {images!r}"):
        keras_code(TrainingConfig(), images)


@pytest.mark.parametrize("images, validation", [(40, 100), (2000, 500)])
def test_as_many_validation_images_as_the_panel_takes(images, validation):
    assert f"x_val, y_val = x_val[:{validation}], y_val[:{validation}]" in keras_code(TrainingConfig(), images)


def test_a_lrn_is_saved_and_loaded_back(tmp_path):
    model = names_of(keras_code(TrainingConfig(configuration="A-LRN", head=(), width=0.125)), noise(160))["model"]
    model.save(tmp_path / "vgg.keras")
    images = np.zeros((1, 32, 32, 3), np.float32)
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "vgg.keras")(images), model(images))


def test_the_exported_normalisation_is_finite_in_half_precision():
    names = names_of(keras_code(TrainingConfig(configuration="A-LRN", head=(), width=0.125)), noise(160))
    values = np.full((1, 1, 1, 5), 400, np.float16)
    assert np.all(keras.ops.convert_to_numpy(names["LocalResponseNormalization"](dtype="float16")(values)) > 1)


def test_the_dtype_policy_is_the_scripts(usual_policy):
    config = TrainingConfig(configuration="A", head=(8,), width=0.125, dtype_policy="mixed_bfloat16")
    ours = build_model(config, steps_per_epoch=4)
    script = names_of(keras_code(config), noise(160))["model"]
    assert [layer.dtype_policy.name for layer in script.layers] == [layer.dtype_policy.name for layer in ours.layers]
    assert "dtype" not in keras_code(config.change(dtype_policy="float32")).replace('astype("float32")', "")


@pytest.mark.parametrize("letter", CONFIGURATIONS)
def test_every_configuration_gives_valid_python(letter):
    for schedule, optimizer in itertools.product(SCHEDULES, OPTIMIZERS):
        code = keras_code(TrainingConfig(configuration=letter, schedule=schedule, optimizer=optimizer))
        ast.parse(code)
        assert "vgg_lesson" not in code
