"""Committed runs: found, filtered, refused by name when changed, and quoted truly in prose."""

import json
import subprocess
import sys

import pytest
from made_runs import made_atlas, made_run

from vgg_lesson import recordings


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "atlas.jsonl").write_text("\n".join(run.to_json() for run in made_atlas()) + "\n")
    (tmp_path / "others.jsonl").write_text(made_run("lecture/full-0", accuracies=(0.0976, 0.1016)).to_json() + "\n\n")
    return tmp_path


def test_reading_needs_no_tensorflow():
    code = "import sys; from vgg_lesson.atlas import Atlas; Atlas.load(); print('tensorflow' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_what_was_written_is_read_back(folder):
    assert recordings.read(folder / "atlas.jsonl") == tuple(made_atlas())
    assert len(recordings.filter(folder=folder)) == len(made_atlas()) + 1


def test_the_headline_runs_lie_in_a_folder_of_their_own_and_are_found():
    run = recordings.find("headline/0")
    assert run.measurements["test_accuracy"] > 0.8 and run.data["source"] == "cifar10"


def test_find_by_name(folder):
    assert recordings.find("lecture/full-0", folder).epochs[-1]["val_accuracy"] == 0.1016
    with pytest.raises(KeyError, match="'lecture/full-9'.*lecture/full-0"):
        recordings.find("lecture/full-9", folder)
    with pytest.raises(KeyError, match="atlas.*lecture"):
        recordings.find("nonsense", folder)
    with pytest.raises(KeyError, match="3; the groups are.*atlas.*lecture"):
        recordings.find(3, folder)


def test_filter_by_pattern_and_choices(folder):
    assert len(recordings.filter("atlas/D-*", folder)) == 6
    assert len(recordings.filter("atlas/*", folder, learning_rate=1e-3, batch_norm=True)) == 2
    assert len(recordings.filter(folder=folder, head=(512, 512))) == len(made_atlas()) + 1
    assert recordings.filter("atlas/Z-*", folder) == ()
    with pytest.raises(ValueError, match=r"unknown choices \['depth'\].*'learning_rate'"):
        recordings.filter(folder=folder, depth=16)


def test_a_choice_that_an_old_record_does_not_name_has_its_default(tmp_path):
    run = made_run("old/0")
    del run.config["blocks"]
    (tmp_path / "old.jsonl").write_text(run.to_json())
    assert len(recordings.filter(folder=tmp_path, blocks=5)) == 1
    assert recordings.filter(folder=tmp_path, blocks=4) == ()


def test_who_changes_a_record_changes_only_a_copy(folder):
    def readers():
        yield recordings.find("lecture/full-0", folder)
        yield recordings.read(folder / "others.jsonl")[0]
        yield recordings.filter("lecture/*", folder)[0]

    for run in readers():
        for held in (run.config, run.config["head"], run.data, run.epochs[0], run.versions, run.measurements):
            held.clear()
    assert all(run == made_run("lecture/full-0", accuracies=(0.0976, 0.1016)) for run in readers())


def test_a_file_that_changes_is_read_anew(folder):
    assert len(recordings.read(folder / "others.jsonl")) == 1
    with (folder / "others.jsonl").open("a") as file:
        file.write(made_run("lecture/full-1").to_json() + "\n")
    assert len(recordings.read(folder / "others.jsonl")) == 2


def tampered(change):
    body = json.loads(made_run("atlas/x").to_json())
    change(body)
    return json.dumps(body)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (tampered(lambda body: body.update(verdict="stuck")), "'atlas/x' was changed.*checksum"),
        (tampered(lambda body: body["epochs"][0].update(val_accuracy=0.99)), "'atlas/x' was changed.*checksum"),
        (tampered(lambda body: body.update(schema=99)), "'atlas/x' has another schema"),
        (tampered(lambda body: body.pop("seconds")), "'atlas/x' has wrong fields.*seconds"),
        ('{"name": "half', "not a run record"),
        ("[1, 2]", "not an object"),
        (made_run("atlas/D-batchnorm-1.0e-03-0").to_json(), "'atlas/D-batchnorm-1.0e-03-0' occurs twice"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_name(folder, line, complaint):
    with (folder / "atlas.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=complaint):
        recordings.filter(folder=folder)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        recordings.read(tmp_path / "nowhere.jsonl")
    (tmp_path / "picture.jsonl").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match=r"picture\.jsonl"):
        recordings.read(tmp_path / "picture.jsonl")
    assert recordings.filter(folder=tmp_path / "nowhere") == ()


def test_the_same_name_in_two_files_is_refused(folder):
    (folder / "zz.jsonl").write_text(made_run("lecture/full-0").to_json())
    with pytest.raises(ValueError, match="'lecture/full-0' occurs"):
        recordings.filter(folder=folder)


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("record:lecture/full-0:epochs.-1.val_accuracy|percent1", "10.2%"),
        ("record:lecture/full-0:epochs.0.loss|fixed3", "2.200"),
        ("record:lecture/full-0:data.train_images|integer", "100"),
        ("record:lecture/full-0:config.learning_rate|rate", "1e-3"),
        ("record:lecture/full-0:verdict", "stuck"),
        ("record:lecture/full-0:measurements.test_accuracy|percent0", "50%"),
        ("count:atlas/D-lecture-*:verdict=stuck", "2"),
        ("count:atlas/*:config.batch_norm=True", "4"),
        ("count:atlas/*", "10"),
    ],
)
def test_resolve(folder, marker, text):
    assert recordings.resolve(marker, folder) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (3.2e-5, "3.2e-5"), (0.07, "7e-2"), (0.0998, "0.1"), (0.89, "0.89"), (1.24, "1.2"),
     (100, "100"), (123, "120"), (150, "150"), (999.6, "1e3"), (4e4, "4e4")],
)  # fmt: skip
def test_the_format_rate(value, text):
    assert recordings.formatted(value, "rate") == text


@pytest.mark.parametrize(
    ("marker", "error"),
    [
        ("record:lecture/full-0:epochs.7.loss", KeyError),
        ("record:lecture/full-0:epochs.last.loss", KeyError),
        ("record:lecture/full-0:nonsense", KeyError),
        ("record:lecture/full-0:seconds|percent", ValueError),
        ("record:lecture/full-0:verdict|fixed2", ValueError),
        ("record:lecture/full-0", ValueError),
        ("count:atlas/Z-*", KeyError),
        ("count:atlas/D-*:verdict", ValueError),
        ("number:lecture/full-0:seconds", ValueError),
    ],
)
def test_a_marker_that_leads_nowhere_is_refused(folder, marker, error):
    with pytest.raises(error):
        recordings.resolve(marker, folder)


def test_quotes_are_compared_with_the_records(folder):
    right = "It ends at <!--record:lecture/full-0:epochs.-1.val_accuracy|percent1-->10.2%<!--/-->, as guessing does."
    assert recordings.wrong_quotes([right], folder) == []
    (wrong,) = recordings.wrong_quotes([right.replace("10.2%", "91.0%")], folder)
    assert (wrong.says, wrong.gives) == ("91.0%", "10.2%")
    with pytest.raises(TypeError, match="several texts, received one: 'It ends"):
        recordings.wrong_quotes(right, folder)
    assert recordings.quotes("Write `<!--record:NAME:FIELD-->2.303<!--/-->`.", folder) == []  # an example
    with pytest.raises(ValueError, match="1 numbers are marked, 0"):
        recordings.quotes(right.replace("<!--/-->", ""), folder)
