"""Model and record as files: read back equal, and what is not such a file is refused by name."""

import zipfile

import numpy as np
import pytest
from made_images import noise
from made_runs import made_run

from vgg_lesson.architecture import build_vgg
from vgg_lesson.optimizers.unwrapped import unwrapped
from vgg_lesson.saving import free_stem, load_model, load_run, load_trained, save_trained
from vgg_lesson.training import Trained, train
from vgg_lesson.training_config import TrainingConfig


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    stem = tmp_path_factory.mktemp("runs") / "deep" / "first"
    trained = Trained(build_vgg("A", width=0.125, head=(8,)), made_run("panel/1"))
    return trained, stem, save_trained(trained, stem)


def test_what_is_saved_is_read_back(saved):
    trained, stem, paths = saved
    again = load_trained(stem)
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    np.testing.assert_allclose(again.model(images), trained.model(images), rtol=1e-5)
    assert again.run == trained.run
    assert sorted(path.name for path in stem.parent.iterdir()) == sorted(path.name for path in paths)


def fails(*arguments):
    raise OSError("no space left")


@pytest.mark.parametrize("part", ["model", "run"])
def test_a_save_that_fails_leaves_everything_as_it_was(saved, tmp_path, monkeypatch, part):
    trained, _, _ = saved
    stem = tmp_path / "first"
    save_trained(trained, stem)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    if part == "model":
        # Like a full disk: the file was begun.
        monkeypatch.setattr(type(trained.model), "save", lambda self, path: path.write_text("half") and fails())
    else:
        monkeypatch.setattr(type(trained.run), "to_json", fails)
    for name in ("first", "second"):
        with pytest.raises(OSError, match="no space"):
            save_trained(trained, tmp_path / name)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert free_stem(tmp_path / "second").name == "second"


def test_a_record_that_cannot_be_replaced_keeps_its_model(saved, tmp_path):
    trained, _, _ = saved
    model_path, run_path = save_trained(trained, tmp_path / "first")
    before = model_path.read_bytes()
    run_path.unlink()
    run_path.mkdir()
    other = Trained(build_vgg("A", width=0.125, head=(8,), seed=1), made_run("panel/2"))
    with pytest.raises(OSError, match="first.json"):
        save_trained(other, tmp_path / "first")
    assert model_path.read_bytes() == before
    model_path.unlink()
    with pytest.raises(OSError, match="first.json"):  # nothing was there before
        save_trained(other, tmp_path / "first")
    assert not model_path.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["first.json"]


@pytest.mark.parametrize(
    "choices",
    [{"dtype_policy": "mixed_float16"}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "optimizer": "muon"}],
)
def test_a_training_goes_on_from_its_files_as_it_would_have(tmp_path, choices):
    config = TrainingConfig(configuration="A", width=1 / 16, head=(8,), batch_norm=True, epochs=1, **choices)
    trained = train(config, noise(40))
    save_trained(trained, tmp_path / "first")
    models = trained.model, load_trained(tmp_path / "first").model
    optimizers = [model.optimizer for model in models]
    # By name: an exported script that another test runs registers a KernelMuon of its own.
    assert len({type(each).__name__ for each in optimizers}) == 1
    assert [int(each.iterations) for each in optimizers] == [int(optimizers[0].iterations)] * 2
    assert len({float(each.scale_loss(1.0)) for each in optimizers}) == 1
    decayed = [[unwrapped(m.optimizer)._use_weight_decay(v) for v in m.trainable_variables] for m in models]
    assert decayed[0] == decayed[1] and (not config.weight_decay or set(decayed[0]) == {True, False})


def test_other_files_are_refused_by_name(saved, tmp_path):
    _, stem, (model_path, run_path) = saved
    with pytest.raises(FileNotFoundError, match=r"gone\.keras"):
        load_model(tmp_path / "gone.keras")
    (tmp_path / "text.keras").write_text("not a network")
    with pytest.raises(ValueError, match=r"text\.keras.*not a ne"):
        load_model(tmp_path / "text.keras")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match=r"zip\.keras.*config\.json"):
        load_model(tmp_path / "zip.keras")
    (tmp_path / "half.keras").write_bytes(model_path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"half\.keras"):
        load_model(tmp_path / "half.keras")
    with zipfile.ZipFile(tmp_path / "odd.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", "no weights")
    with pytest.raises(ValueError, match=r"odd\.keras could not be read"):
        load_model(tmp_path / "odd.keras")


def test_other_records_are_refused_by_name(saved, tmp_path):
    _, _, (model_path, run_path) = saved
    with pytest.raises(FileNotFoundError, match=r"gone\.json"):
        load_run(tmp_path / "gone.json")
    (tmp_path / "changed.json").write_text(run_path.read_text().replace("panel/1", "panel/2"))
    with pytest.raises(ValueError, match=r"changed\.json.*panel/2.*checksum"):
        load_run(tmp_path / "changed.json")
    (tmp_path / "model.json").write_bytes(model_path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"model\.json"):
        load_run(tmp_path / "model.json")


def test_a_name_with_brackets_is_taken_literally(tmp_path):
    (tmp_path / "run[1].keras").write_text("saved before")
    assert free_stem(tmp_path / "run[1]").name == "run[1]_2"
