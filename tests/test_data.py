"""Where the lessons' images come from, how they are split, and what is refused."""

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import made_cifar10
import numpy as np
import pytest

from vgg_lesson import data, sketch_cache
from vgg_lesson.cifar10 import batch as cifar10_batch
from vgg_lesson.cifar10 import search as cifar10_search
from vgg_lesson.cifar10.fetch import main
from vgg_lesson.cifar10.search import ARCHIVE
from vgg_lesson.data import CLASS_NAMES, Dataset, load_data
from vgg_lesson.sketches import draw_sketches


@lru_cache
def drawn_once(images, seed):
    """The sketches without the cache: drawn once for all tests here."""
    return *draw_sketches(images, seed), ""


@pytest.fixture
def computer(tmp_path, monkeypatch):
    """A computer without CIFAR-10, on which it has 20 images a file; no network may be used."""
    for variable in ("VGG_LESSON_DATA", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("VGG_LESSON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setattr(cifar10_batch, "IMAGES_PER_FILE", made_cifar10.IMAGES)
    monkeypatch.setattr(data, "SKETCHES", {"train": 200, "test": 50})
    monkeypatch.setattr(data, "cached_sketches", drawn_once)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("used the network"))
    data._stand_in.cache_clear()
    yield tmp_path
    data._stand_in.cache_clear()


def fetched(computer, monkeypatch, seed=0) -> Path:
    archive = made_cifar10.write_archive(computer / "cache" / ARCHIVE, seed)
    monkeypatch.setattr(cifar10_search, "SHA256", cifar10_search.file_sha256(archive))
    return archive


def training_pixels(seed):
    return cifar10_batch.read_batch(made_cifar10.contents(seed)["test_batch"], "")[0]


def assert_holds(dataset, seed):
    np.testing.assert_array_equal(dataset.x_test, training_pixels(seed))
    assert dataset.source == "cifar10"


def test_without_cifar10_the_stand_in_is_used_and_called_so(computer, capfd):
    dataset = load_data()
    assert dataset.source == "sketches"
    assert dataset.description == (
        "drawn sketches, not CIFAR-10 (which is not on this computer: fetch_cifar10() gets it): "
        "160 training, 40 validation and 50 test images"
    )
    assert repr(dataset) == f"Dataset({dataset.description})"
    assert capfd.readouterr() == ("", "")


def test_each_place_is_used_before_the_next(computer, monkeypatch):
    keras = computer / "home" / ".keras" / "datasets"
    made_cifar10.write_archive(keras / "cifar-10-batches-py.tar.gz", seed=1)
    assert_holds(load_data(), 1)
    made_cifar10.write_folder(keras, seed=2)
    assert_holds(load_data(), 2)
    made_cifar10.write_archive(keras / "cifar-10-batches-py-target_archive", seed=3)
    assert_holds(load_data(), 3)
    made_cifar10.write_folder(keras / "cifar-10-batches-py-target", seed=4)
    assert_holds(load_data(), 4)
    assert "from Keras's cache" in load_data().description
    fetched(computer, monkeypatch, seed=5)
    assert_holds(load_data(), 5)
    assert "from this package's cache" in load_data().description
    folder = made_cifar10.write_folder(computer / "mine", seed=6)
    monkeypatch.setenv("VGG_LESSON_DATA", str(folder))
    assert_holds(load_data(), 6)
    assert "CIFAR-10 (unofficial copy) from the folder in VGG_LESSON_DATA" in load_data().description
    assert load_data("sketches").source == "sketches"


def test_keras_home_moves_kerass_cache(computer, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(computer / "elsewhere"))
    made_cifar10.write_folder(computer / "elsewhere" / "datasets" / "cifar-10-batches-py-target", seed=7)
    assert_holds(load_data(), 7)


def test_named_data_may_be_folder_parent_archive_or_npz(computer, monkeypatch):
    folder = made_cifar10.write_folder(computer / "mine", seed=8)
    archive = made_cifar10.write_archive(computer / "mine.tar.gz", seed=8)
    whole = cifar10_search.read_cifar10(folder)
    npz = computer / "mine.npz"
    np.savez(npz, x_train=whole.x_train, y_train=whole.y_train, x_test=whole.x_test, y_test=whole.y_test)
    for path in (folder, folder.parent, archive, npz):
        monkeypatch.setenv("VGG_LESSON_DATA", str(path))
        assert_holds(load_data(), 8)


def test_named_data_that_is_broken_is_an_error_not_a_replacement(computer, monkeypatch):
    fetched(computer, monkeypatch)
    monkeypatch.setenv("VGG_LESSON_DATA", str(computer / "nowhere"))
    for source in ("auto", "cifar10"):
        with pytest.raises(FileNotFoundError, match=r"VGG_LESSON_DATA is set to '.*nowhere'.*or unset it"):
            load_data(source)
    folder = made_cifar10.write_folder(computer / "mine")
    (folder / "data_batch_2").write_bytes(b"\x80\x02cos\nsystem\n(U\x04true" + b"tR.")
    monkeypatch.setenv("VGG_LESSON_DATA", str(folder))
    with pytest.raises(ValueError, match=r"VGG_LESSON_DATA.*data_batch_2.*os\.system"):
        load_data()
    assert load_data("sketches").source == "sketches"
    (folder / "data_batch_2").unlink()
    with pytest.raises(FileNotFoundError, match="lacks data_batch_2"):
        load_data()


@pytest.mark.parametrize("variable", ["VGG_LESSON_DATA", "VGG_LESSON_CACHE"])
def test_a_home_that_nobody_has_is_named_with_its_variable(computer, monkeypatch, variable):
    monkeypatch.setenv(variable, "~nobodyx/x")
    with pytest.raises(ValueError, match=f"{variable} is set to '~nobodyx/x', which cannot be used: .*home"):
        load_data()


def test_half_unpacked_and_renamed_keras_caches_are_skipped_with_the_reason(computer):
    keras = computer / "home" / ".keras" / "datasets"
    folder = made_cifar10.write_folder(keras / "cifar-10-batches-py-target")
    (folder / "data_batch_5").unlink()
    dataset = load_data()
    assert dataset.source == "sketches" and "skipped Keras's cache: cifar-10-batches-py lacks data_batch_5" in str(
        dataset
    )
    archive = made_cifar10.write_archive(keras / "cifar-10-batches-py-target_archive")
    assert load_data().source == "cifar10" and "lacks data_batch_5" in load_data().description
    archive.write_bytes(archive.read_bytes()[:5000])
    described = load_data().description
    assert (
        described.startswith("drawn sketches") and "cifar-10-batches-py-target_archive is not a complete" in described
    )
    archive.unlink()
    folder.rename(folder.with_name("renamed"))
    assert "cifar-10-batches-py-target holds no folder cifar-10-batches-py" in load_data().description
    assert str(computer) not in load_data().description and "\n" not in load_data().description


def test_a_keras_cache_that_the_system_will_not_look_up_is_skipped_with_the_reason(computer, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(computer / (300 * "x")))  # as for a folder that this account may not enter
    dataset = load_data()
    assert dataset.source == "sketches" and "skipped Keras's cache" in dataset.description


def test_a_damaged_or_foreign_archive_in_the_cache_is_skipped_with_the_reason(computer, monkeypatch):
    archive = fetched(computer, monkeypatch)
    archive.write_bytes(archive.read_bytes()[:-100])
    assert load_data().source == "sketches"
    assert f"skipped this package's cache: {ARCHIVE} is not the official archive" in load_data().description


def test_asking_for_cifar10_without_it_says_where_it_was_looked_for(computer):
    with pytest.raises(FileNotFoundError) as caught:
        load_data("cifar10")
    for words in ("VGG_LESSON_DATA", str(computer / "cache"), str(computer / "home"), "fetch_cifar10()", "sketches"):
        assert words in str(caught.value)


def test_files_are_read_once_and_again_only_when_they_change(computer, monkeypatch):
    folder = made_cifar10.write_folder(computer / "mine", seed=1)
    monkeypatch.setenv("VGG_LESSON_DATA", str(folder))
    first = load_data()
    with monkeypatch.context() as patch:
        patch.setattr(cifar10_search, "read_cifar10", lambda _: pytest.fail("read again"))
        second = load_data()
    for name in ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.description == second.description
    shutil.rmtree(folder)
    made_cifar10.write_folder(computer / "mine", seed=2)
    assert_holds(load_data(), 2)


def test_a_damaged_npz_in_the_cache_is_made_anew(computer, monkeypatch):
    monkeypatch.setenv("VGG_LESSON_DATA", str(made_cifar10.write_folder(computer / "mine", seed=1)))
    load_data()
    kept = computer / "cache" / "cifar10-named.npz"
    kept.write_bytes(kept.read_bytes()[:9000])
    dataset = load_data()
    assert_holds(dataset, 1)
    assert "cifar10-named.npz in the cache was damaged" in dataset.description
    assert "damaged" not in load_data().description


def test_an_npz_of_another_account_in_the_cache_is_not_called_damaged(computer, monkeypatch):
    monkeypatch.setenv("VGG_LESSON_DATA", str(made_cifar10.write_folder(computer / "mine", seed=1)))
    load_data()

    def refuse(path):
        raise PermissionError(f"{path} may not be read by this account")

    monkeypatch.setattr(cifar10_search, "load_npz", refuse)
    assert "cifar10-named.npz in the cache may not be read" in load_data().description


def test_a_cache_folder_that_may_not_be_entered_costs_time_and_no_more(computer, monkeypatch):
    monkeypatch.setattr(data, "cached_sketches", sketch_cache.cached_sketches)
    monkeypatch.setenv("VGG_LESSON_CACHE", str(computer / "locked" / "cache"))

    def locked(call):
        def refuse(path, *more, **options):
            if "locked" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return call(path, *more, **options)

        return refuse

    for name in ("stat", "mkdir", "open"):
        monkeypatch.setattr(os, name, locked(getattr(os, name)))
    assert "the cache cannot be written (Permission denied)" in load_data("sketches").description
    monkeypatch.setenv("VGG_LESSON_DATA", str(made_cifar10.write_folder(computer / "mine", seed=1)))
    dataset = load_data()
    assert_holds(dataset, 1)
    assert "the cache cannot be written (Permission denied)" in dataset.description


def test_an_unwritable_cache_costs_time_and_is_reported(computer, monkeypatch):
    monkeypatch.setattr(data, "cached_sketches", sketch_cache.cached_sketches)
    (computer / "file").write_text("no folder can be below a file")
    monkeypatch.setenv("VGG_LESSON_CACHE", str(computer / "file" / "cache"))
    assert "the cache cannot be written" in load_data().description
    monkeypatch.setenv("VGG_LESSON_DATA", str(made_cifar10.write_folder(computer / "mine", seed=1)))
    for _ in range(2):
        assert_holds(load_data(), 1)
        assert "the cache cannot be written" in load_data().description


def test_sketches_are_kept_and_damaged_or_outdated_ones_drawn_again(computer, monkeypatch):
    drawn = sketch_cache.cached_sketches(40, 3)
    (kept,) = (computer / "cache").glob("sketches-*")
    with monkeypatch.context() as patch:
        patch.setattr(sketch_cache.sketches, "draw_sketches", lambda *_: pytest.fail("drew again"))
        np.testing.assert_array_equal(sketch_cache.cached_sketches(40, 3)[0], drawn[0])
    kept.write_bytes(kept.read_bytes()[:2000])
    np.testing.assert_array_equal(sketch_cache.cached_sketches(40, 3)[0], drawn[0])
    np.savez(kept, x=drawn[0][:5], y=drawn[1][:5])
    np.testing.assert_array_equal(sketch_cache.cached_sketches(40, 3)[0], drawn[0])
    monkeypatch.setattr(sketch_cache, "_drawing_version", lambda: "newer")
    sketch_cache.cached_sketches(40, 3)
    assert [path.name for path in (computer / "cache").glob("sketches-*")] == ["sketches-newer-40-3.npz"]


def test_an_outdated_file_that_cannot_go_is_no_unwritable_cache(computer, monkeypatch):
    (computer / "cache").mkdir()
    (computer / "cache" / "sketches-old-40-3.npz").mkdir()  # a folder cannot be unlinked
    assert sketch_cache.cached_sketches(40, 3)[2] == ""


def test_stratified_split_keeps_classes_and_every_image_once(computer):
    whole = data._stand_in()[0][0]
    for seed in (0, 1):
        dataset = load_data(validation=0.25, seed=seed)
        assert np.bincount(dataset.y_val).tolist() == [5] * 10
        assert np.bincount(dataset.y_train).tolist() == [15] * 10
        together = np.concatenate([dataset.x_train, dataset.x_val])
        assert sorted(map(bytes, together)) == sorted(map(bytes, whole))
    assert not np.array_equal(load_data(seed=0).x_val, load_data(seed=1).x_val)
    np.testing.assert_array_equal(load_data(seed=1).x_val, load_data(seed=1).x_val)


@pytest.mark.parametrize("validation", [0.2, 0.15, 0.337, 37])
def test_lecture_split_is_kerass_validation_split(computer, validation):
    x, y = data._stand_in()[0][:2]
    # keras/src/trainers/data_adapters/data_adapter_utils.py: train_validation_split
    kept = int(np.floor(len(x) * (1.0 - validation))) if validation < 1 else len(x) - validation
    dataset = load_data(validation=validation, split="lecture")
    np.testing.assert_array_equal(dataset.x_train, x[:kept])
    np.testing.assert_array_equal(dataset.y_val, y[kept:])


def test_counts_that_the_classes_cannot_share_differ_by_one_image(computer):
    sizes = np.bincount(load_data(validation=37).y_val)
    assert sizes.sum() == 37 and sizes.max() - sizes.min() == 1


def test_subsets_are_stratified_nested_and_described(computer):
    dataset = load_data()
    small, large = dataset.subset(train=30, test=20, seed=4), dataset.subset(train=60, seed=4)
    assert np.bincount(small.y_train).tolist() == [3] * 10 and np.bincount(small.y_test).tolist() == [2] * 10
    assert len(small.x_val) == len(dataset.x_val) and len(large.x_test) == 50
    assert set(map(bytes, small.x_train)) < set(map(bytes, large.x_train)) < set(map(bytes, dataset.x_train))
    assert not np.array_equal(small.x_train, dataset.subset(train=30, seed=5).x_train)
    lookup = {bytes(image): label for image, label in zip(dataset.x_train, dataset.y_train, strict=True)}
    assert all(lookup[bytes(image)] == label for image, label in zip(small.x_train, small.y_train, strict=True))
    assert small.description.endswith("; subset of 30 training, 40 validation and 20 test images")
    assert small.subset(train=10).description.count("subset") == 1
    assert (small.source, small.class_names) == (dataset.source, CLASS_NAMES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source": "cifar"}, "source must be one of .*received 'cifar'"),
        ({"split": "random"}, "split must be one of .*received 'random'"),
        ({"validation": 0}, "received 0"),
        ({"validation": 1.0}, "received 1.0"),
        ({"validation": -0.1}, "received -0.1"),
        ({"validation": 200}, "count from 1 to 199, received 200"),
        ({"validation": 0.9999}, "validation=0.9999 leaves none of the 200 images"),
        ({"validation": float("nan")}, "received nan"),
        ({"validation": True}, "received True"),
        ({"validation": "0.2"}, "received '0.2'"),
        ({"seed": -1}, "seed .*received -1"),
        ({"seed": 0.5}, "seed .*received 0.5"),
    ],
)
def test_arguments_out_of_range_are_named(computer, arguments, words):
    with pytest.raises(ValueError, match=words):
        load_data(**arguments)


@pytest.mark.parametrize("sizes", [{"train": 0}, {"train": 161}, {"validation": -3}, {"test": 2.5}, {"test": True}])
def test_subset_sizes_out_of_range_are_named(computer, sizes):
    (name, received), *_ = sizes.items()
    with pytest.raises(ValueError, match=f"{name} must be an integer from 1 to .*received {received}"):
        load_data().subset(**sizes)


def test_a_subset_says_when_there_are_no_images_to_choose_from(computer):
    dataset = load_data()
    without = replace(dataset, x_val=dataset.x_val[:0], y_val=dataset.y_val[:0])
    with pytest.raises(ValueError, match="validation must be None, as there are no such images, received 1"):
        without.subset(validation=1)
    assert len(without.subset(train=20).y_val) == 0


def test_an_odd_seed_of_a_subset_is_named_even_where_nothing_is_drawn(computer):
    with pytest.raises(ValueError, match="seed .*received -1"):
        load_data().subset(seed=-1)


@pytest.mark.parametrize(
    ("field", "change", "error", "words"),
    [
        ("x_train", lambda x: x / 255, TypeError, "x_train must be .*uint8, received float64"),
        ("x_val", lambda x: x.tolist(), TypeError, "x_val .*received list"),
        ("x_test", lambda x: x[..., :1], ValueError, r"x_test must have the shape .*received \(50, 32, 32, 1\)"),
        ("x_test", lambda x: x[0], ValueError, r"received \(32, 32, 3\)"),
        ("y_train", lambda y: y.astype(np.int32), TypeError, "y_train must be .*int64, received int32"),
        (
            "y_val",
            lambda y: y[:-1],
            ValueError,
            r"y_val must have one label for each of 40 images, received shape \(39,\)",
        ),
        ("y_test", lambda y: y[:, None], ValueError, r"received shape \(50, 1\)"),
        ("y_test", lambda y: y + 1, ValueError, r"y_test must lie in 0\.\.9, received 1\.\.10"),
        ("y_train", lambda y: y - 1, ValueError, r"received -1\.\.8"),
        ("source", lambda _: "mnist", ValueError, "source .*received 'mnist'"),
    ],
)
def test_datasets_refuse_what_is_no_cifar_shape(computer, field, change, error, words):
    fields = {name: getattr(load_data(), name) for name in Dataset.__dataclass_fields__}
    with pytest.raises(error, match=words):
        Dataset(**{**fields, field: change(fields[field])})


def test_datasets_are_frozen_and_the_shared_stand_in_cannot_be_changed(computer):
    dataset = load_data()
    with pytest.raises(AttributeError):
        dataset.source = "cifar10"
    with pytest.raises(ValueError, match="read-only"):
        dataset.x_test[0] = 0


def test_command_says_what_is_there(computer, monkeypatch, capsys):
    fetched(computer, monkeypatch)
    assert main([]) == 0
    assert capsys.readouterr().out == "CIFAR-10 (unofficial copy) is on this computer: this package's cache\n"
    monkeypatch.setenv("VGG_LESSON_DATA", str(computer / "nowhere"))
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("VGG_LESSON_DATA is set to")


def test_importing_the_data_needs_neither_tensorflow_nor_a_network_library():
    code = "import sys, vgg_lesson.data; print({'tensorflow', 'keras', 'requests', 'pooch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_real_cifar10_has_its_known_statistics():
    if not os.environ.get("VGG_LESSON_DATA"):
        pytest.skip("VGG_LESSON_DATA names no copy of CIFAR-10")
    dataset = load_data("cifar10")
    assert len(dataset.x_train) == 40_000 and np.bincount(dataset.y_val).tolist() == [1000] * 10
    assert "official files" in dataset.description or "JPEG copy" in dataset.description
    # Means and standard deviations in common use for CIFAR-10; a JPEG copy is within 1%.
    scaled = dataset.x_train[::10] / np.float32(255)
    np.testing.assert_allclose(scaled.mean((0, 1, 2)), [0.4914, 0.4822, 0.4465], rtol=0.02)
    np.testing.assert_allclose(scaled.std((0, 1, 2)), [0.2470, 0.2435, 0.2616], rtol=0.02)
