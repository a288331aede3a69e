"""The plans name every recorded run once, and the committed records are runs of these plans."""

from collections import Counter

import numpy as np
import pytest

from experiments.headline import evaluate_once
from experiments.plans import PLANS, find, plan
from experiments.recompressed import recompressed
from experiments.record import FOLDER, record_path
from vgg_lesson.data import Dataset
from vgg_lesson.recordings import read

RECORD_FILES = sorted(FOLDER.glob("**/*.jsonl"))


@pytest.mark.parametrize("name", PLANS)
def test_names_are_unique_and_lead_back_to_the_experiment(name):
    names = [experiment.name for experiment in plan(name)]
    assert len(set(names)) == len(names)
    assert find(names[-1]).name == names[-1]
    assert find(names[-1]).command.endswith(names[-1])


def test_the_atlas_has_every_cell_and_begins_with_the_coarse_grid():
    atlas = plan("atlas")
    assert len(atlas) == 4 * 9 * 4 * 3  # depths, rates, remedies, seeds
    assert {experiment.config.learning_rate for experiment in atlas[: 4 * 5 * 4]} == {1e-5, 1e-4, 1e-3, 1e-2, 1e-1}
    assert {experiment.config.seed for experiment in atlas[: 4 * 5 * 4]} == {0}


def test_only_the_size_of_the_batches_differs_in_the_runs_that_compare_them():
    runs = plan("batches")
    for width in (1 / 8, 1.0):
        same = [run for run in runs if run.config.width == width]
        free = {"batch_size": 1, "epochs": 1, "seed": 0}
        assert len({run.config.change(**free) for run in same}) == 1
        steps = {run.config.epochs * run.train_images / run.config.batch_size for run in same}
        assert steps == {320 if width < 1 else 160}
        sizes = Counter(run.config.batch_size for run in same)
        assert sizes == (dict.fromkeys((32, 128, 512), 3) if width < 1 else {512: 3})


@pytest.mark.parametrize("name", ["nothing/at-all", "atlas/F-lecture-1.0e-03-0", "atlas"])
def test_an_unknown_name_is_refused_by_name(name):
    with pytest.raises(ValueError, match=name.partition("/")[0]):
        find(name)


@pytest.mark.parametrize("path", RECORD_FILES, ids=[path.stem for path in RECORD_FILES])
def test_committed_records_are_what_the_plan_asks_for(path):
    for run in read(path):
        experiment = find(run.name)
        assert run.training_config == experiment.config
        assert record_path(run.name) == path
        assert run.command == experiment.command
        if experiment.train_images:
            assert run.data["train_images"] == experiment.train_images
        assert run.data["description"].startswith("CIFAR-10")
        again = f", compressed again at quality {experiment.jpeg_quality}" if experiment.jpeg_quality else ""
        assert run.data["description"].partition(", compressed")[2] == again.partition(", compressed")[2]


def test_every_record_names_images_that_its_command_draws_again():
    """A sample of the training set is described as one: an early record was not, and drew other images."""
    for path in RECORD_FILES:
        for run in read(path):
            assert ("subset of" in run.data["description"]) == bool(find(run.name).train_images), run.name


def test_the_papers_start_copies_the_layers_of_net_a_and_leaves_the_others():
    import numpy as np

    from experiments.start_from import StartFrom
    from vgg_lesson.architecture import build_vgg

    net_a, net_d = (build_vgg(letter, width=1 / 16, head=(8,)) for letter in "AD")
    before = {layer.name: layer.get_weights() for layer in net_d.layers if layer.get_weights()}
    start = StartFrom(net_a)
    start.set_model(net_d)
    start.on_train_begin()
    after = {name: net_d.get_layer(name).get_weights() for name in before}
    copied = {name for name in before if not np.array_equal(before[name][0], after[name][0])}
    assert copied == {"block1_conv1", "block2_conv1", "block3_conv1", "block3_conv2", "fc1", "predictions"}
    assert all(
        np.array_equal(a, b)
        for name in copied
        for a, b in zip(net_a.get_layer(name).get_weights(), net_d.get_layer(name).get_weights(), strict=True)
    )


def test_a_run_that_starts_from_another_is_recorded_with_both(monkeypatch, tmp_path):
    from dataclasses import replace

    from experiments.plans import Experiment
    from experiments.record import make
    from vgg_lesson import data
    from vgg_lesson.training_config import TrainingConfig

    drawn = data.load_data("sketches").subset(train=96, validation=32)
    monkeypatch.setattr(data, "load_data", lambda *args, **options: drawn)
    net_a = TrainingConfig(configuration="A", width=1 / 16, head=(8,), epochs=1)
    first = Experiment("net-a", net_a, 64, 32)
    whole = Experiment("lecture/tiny-0", net_a.change(configuration="D"), 64, 32, vital_signs=True, first=first)
    run = make(whole, "drawn", tmp_path)
    assert run.measurements["first"]["config"]["configuration"] == "A"
    assert [layer["name"] for layer in run.measurements["vital_signs"][0]["layers"]][:2] == [
        "block1_conv1",
        "block1_conv2",
    ]
    alone = make(replace(whole, first=None), "drawn", tmp_path)
    losses = [each.measurements["vital_signs"][0]["loss"] for each in (run, alone)]
    assert losses[0] != losses[1], "before the first step it has net A's weights, and is measured with them"


def test_the_test_set_is_used_for_the_runs_that_ask_for_it(monkeypatch, tmp_path, capsys):
    from experiments.plans import Experiment
    from experiments.record import make
    from vgg_lesson import data
    from vgg_lesson.training_config import TrainingConfig

    drawn = data.load_data("sketches").subset(train=64, validation=32)
    monkeypatch.setattr(data, "load_data", lambda *args, **options: drawn)
    config = TrainingConfig(configuration="A", width=1 / 16, head=(8,), epochs=1)
    measured = [
        make(Experiment("full/tiny-0", config, None, None, tested=tested), "drawn", tmp_path).measurements
        for tested in (False, True)
    ]
    assert capsys.readouterr().out.count("full/tiny-0: epoch 1 of 1: accuracy 0.") == 2, "a line an epoch"
    assert "test_accuracy" not in measured[0] and 0 <= measured[1]["test_accuracy"] <= 1
    assert [experiment.name for experiment in plan("headline") if not experiment.tested] == []


def test_the_recorder_looks_behind_a_relu_that_follows_the_pooling():
    from vgg_lesson.architecture import build_vgg
    from vgg_lesson.watched_step import handed_on

    model = build_vgg("B", width=1 / 16, head=(8,), batch_norm="after_pooling")
    layers = [output._keras_history.operation.name for output in handed_on(model)]
    assert layers[:4] == ["block1_relu1", "block1_relu2", "block2_relu1", "block2_relu2"]
    assert layers[-2:] == ["fc1", "predictions"]


@pytest.mark.parametrize("extra", [[], ["--compare"]])
def test_a_record_made_with_other_choices_is_not_taken_for_done(monkeypatch, tmp_path, extra):
    from dataclasses import replace

    from experiments import record

    name = "atlas/A-lecture-1.0e-03-0"
    old = next(run for run in read(record_path(name)) if run.name == name)
    (tmp_path / "atlas.jsonl").write_text(replace(old, config={**old.config, "width": 0.5}).to_json() + "\n")
    monkeypatch.setattr("sys.argv", ["record", name, "--folder", str(tmp_path), *extra])
    with pytest.raises(SystemExit, match="A-lecture-1.0e-03-0: its record in atlas.jsonl was made with other choices"):
        record.main()


def test_a_record_made_with_these_choices_is_done(monkeypatch, tmp_path):
    from experiments import record

    name = "atlas/A-lecture-1.0e-03-0"
    old = next(run for run in read(record_path(name)) if run.name == name)
    (tmp_path / "atlas.jsonl").write_text(old.to_json() + "\n")
    monkeypatch.setattr("sys.argv", ["record", name, "--folder", str(tmp_path)])
    monkeypatch.setattr(record, "make", lambda *given: pytest.fail("made again"))
    record.main()
    assert (tmp_path / "atlas.jsonl").read_text() == old.to_json() + "\n"


def test_the_atlas_is_complete():
    """Every place of depth, rate and remedy with every seed, none twice."""
    recorded = [run.name for run in read(record_path("atlas/"))]
    assert sorted(recorded) == sorted(experiment.name for experiment in plan("atlas"))


def test_the_views_of_a_test_image_are_itself_moved_and_mirrored(tmp_path):
    seen = []

    class Watching:
        def predict(self, images, **_):
            seen.append(images)
            sure = {1: 0.6, 2: 0.3}.get(len(seen), 0.9)  # of the first class: right alone, wrong with its mirror image
            return np.tile([sure, 1 - sure], (len(images), 1))

        def count_params(self):
            return 7

    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    labels = np.array([0, 0, 0, 1])
    dataset = Dataset(images, labels, images, labels, images, labels, ("a", "b"), "cifar10", "made")
    experiment = find("headline/1")
    found = evaluate_once(Watching(), experiment, dataset, tmp_path)
    assert found == {
        "test_accuracy": 0.75,
        "test_accuracy_mirrored": 0.25,
        "test_accuracy_moved": 0.75,
        "parameters": 7,
    }
    plain, mirrored, up_left, _, down_right, last = seen
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])
    np.testing.assert_array_equal(up_left[:, 1:, 1:], plain[:, :-1, :-1])
    np.testing.assert_array_equal(down_right[:, :-1, :-1], plain[:, 1:, 1:])
    np.testing.assert_array_equal(last, down_right[:, :, ::-1])


def test_what_is_compressed_again_loses_more_the_lower_the_quality():
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    labels = np.zeros(3, int)
    dataset = Dataset(images, labels, images[:1], labels[:1], images[:2], labels[:2], ("one",), "cifar10", "CIFAR-10")
    lost = {}
    for quality in (95, 30):
        again = recompressed(dataset, quality)
        assert again.description == f"CIFAR-10, compressed again at quality {quality}"
        np.testing.assert_array_equal(again.x_train[:2], again.x_test)
        np.testing.assert_array_equal(again.x_train[:1], again.x_val)
        lost[quality] = np.abs(again.x_train.astype(int) - images).mean()
    assert 0 < lost[95] < lost[30]
