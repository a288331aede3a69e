"""CIFAR-10's files: read rightly, and never trusted."""

import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import made_cifar10
import numpy as np
import pytest

from vgg_lesson.cifar10 import batch as cifar10_batch
from vgg_lesson.cifar10 import files as cifar10_files
from vgg_lesson.cifar10.batch import read_batch
from vgg_lesson.cifar10.files import load_npz, read_cifar10, save_npz


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(cifar10_batch, "IMAGES_PER_FILE", made_cifar10.IMAGES)


def arrays(data):
    return data.x_train, data.y_train, data.x_test, data.y_test


def assert_same(one, other):
    for left, right in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype


def test_folder_parent_archive_and_npz_hold_the_same(tmp_path):
    folder = made_cifar10.write_folder(tmp_path / "here")
    data = read_cifar10(folder)
    assert data.x_train.shape == (100, 32, 32, 3) and data.x_test.shape == (20, 32, 32, 3)
    assert data.edition == "unofficial copy"
    assert_same(data, read_cifar10(folder.parent))
    assert_same(data, read_cifar10(made_cifar10.write_archive(tmp_path / "no-ending")))
    save_npz(tmp_path / "kept.npz", data, "made of this")
    kept, fingerprint = load_npz(tmp_path / "kept.npz")
    assert fingerprint == "made of this" and kept.edition == data.edition
    assert_same(data, kept)


def test_decoding_agrees_with_pickle_and_with_the_planes_of_the_format():
    content = made_cifar10.contents()["test_batch"]
    images, labels = read_batch(content, "test_batch")
    plain = pickle.loads(content, encoding="bytes")  # our own file: safe, and an independent reader
    assert labels.tolist() == plain[b"labels"]
    for row in (0, 7):
        for channel in range(3):
            plane = plain[b"data"][row, channel * 1024 : (channel + 1) * 1024]
            np.testing.assert_array_equal(images[row, :, :, channel], plane.reshape(32, 32))


def test_training_images_keep_the_order_of_the_files(tmp_path):
    data = read_cifar10(made_cifar10.write_folder(tmp_path))  # the lecture's split depends on it
    together = [read_batch(made_cifar10.contents()[f"data_batch_{number}"], "") for number in range(1, 6)]
    np.testing.assert_array_equal(data.x_train, np.concatenate([images for images, _ in together]))
    np.testing.assert_array_equal(data.y_train, np.concatenate([labels for _, labels in together]))


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_batches_pickled_again_by_python_3_are_read(protocol):
    plain = pickle.loads(made_cifar10.contents()["test_batch"], encoding="bytes")
    again = {"data": plain[b"data"], "labels": plain[b"labels"]}
    if protocol == 2:  # needs _codecs.encode for bytes, which is not admitted
        with pytest.raises(ValueError, match="_codecs"):
            read_batch(pickle.dumps(again, protocol), "again")
        return
    np.testing.assert_array_equal(read_batch(pickle.dumps(again, protocol), "again")[1], plain[b"labels"])


def call(module: str, name: str, argument: bytes) -> bytes:
    return f"c{module}\n{name}\n(".encode() + made_cifar10.text(argument) + b"tR"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "check_output"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.testing._private.utils", "runstring"),
        ("_codecs", "encode"),
        ("copyreg", "_reconstructor"),
        ("vgg_lesson.cifar10.files", "write_npz"),
    ],
)
def test_hostile_pickles_are_refused_by_name_and_run_nothing(module, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("data", "instead of the batch"):
        attack = call(module, name, b"touch pwned")
        content = made_cifar10.batch(None, [0] * 20, attack) if place == "data" else b"\x80\x02" + attack + b"."
        with pytest.raises(ValueError, match=f"bad_file.*{module}.{name}"):
            read_batch(content, "bad_file")
    assert list(tmp_path.iterdir()) == []


def test_dotted_names_and_the_extension_registry_are_no_way_around(tmp_path):
    dotted = b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93."
    with pytest.raises(ValueError, match=r"numpy\.ndarray\.__class__"):
        read_batch(dotted, "dotted")
    with pytest.raises(ValueError, match="extension"):
        read_batch(b"\x80\x02\x82\x01.", "extension")


def test_pickled_arrays_never_become_numpy_objects_while_unpickling():
    made = cifar10_batch._ArraysOnly(io.BytesIO(b"\x80\x02" + made_cifar10.DTYPE + b".")).load()
    assert not isinstance(made, np.dtype)


def test_truncated_batches_are_refused_wherever_they_end():
    content = made_cifar10.contents()["data_batch_1"]
    for length in [*range(0, 400, 7), *range(400, len(content), 9973), len(content) - 1]:
        with pytest.raises(ValueError, match="short_file"):
            read_batch(content[:length], "short_file")


def test_damaged_batches_give_a_value_error_or_a_valid_batch():
    content = made_cifar10.contents()["data_batch_1"]
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(content)
        damaged[rng.integers(0, 500)] = rng.integers(0, 256)
        try:
            images, labels = read_batch(bytes(damaged), "damaged")
        except ValueError:
            refused += 1
        else:
            assert images.shape == (20, 32, 32, 3) and 0 <= labels.min() <= labels.max() <= 9
    assert refused > 100


@pytest.mark.parametrize(
    ("bomb", "words"),
    [
        (b"r\xff\xff\xff\xff", "memo slot 4,294,967,295"),
        (b"p4294967295\n", "memo slot 4,294,967,295"),
        (b"T\xff\xff\xff\x7f", "expected 2147483647 bytes"),
        (b"\x96" + b"\xff" * 7 + b"\x00", "expected 72057594037927935 bytes"),
    ],
)
def test_pickles_that_would_fill_the_memory_are_refused(bomb, words):
    with pytest.raises(ValueError, match=f"bomb_file.*{words}"):
        read_batch(b"\x80\x02}" + bomb + b".", "bomb_file")


PIXELS = np.zeros((made_cifar10.IMAGES, 3072), np.uint8)
FLOATS = made_cifar10.DTYPE.replace(b"U\x02u1", b"U\x02f4")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (made_cifar10.batch(PIXELS, [10] + [0] * 19), "from 0 to 9, received 10"),
        (made_cifar10.batch(PIXELS, [-1] + [0] * 19), "from 0 to 9, received -1"),
        (made_cifar10.batch(PIXELS, [b"\x88"] + [0] * 19), "from 0 to 9, received True"),
        (made_cifar10.batch(PIXELS, [made_cifar10.text(b"cat")] + [0] * 19), "from 0 to 9, received b'cat'"),
        (made_cifar10.batch(PIXELS, [0] * 19), "20 labels, received 19"),
        (made_cifar10.batch(PIXELS[:19], [0] * 20), r"\(20, 3072\), received \(19, 3072\)"),
        (made_cifar10.batch(PIXELS[:, :3071], [0] * 20), r"received \(20, 3071\)"),
        (made_cifar10.batch(PIXELS, [0] * 20, made_cifar10.array(PIXELS, FLOATS)), "uint8, received 'f4'"),
        (made_cifar10.batch(PIXELS, [0] * 20, b"K\x01"), "numpy array, received int"),
        (b"\x80\x02K\x01.", "AttributeError"),
        (b"", "exhausted"),
        (b"<html>503</html>", "opcode"),
    ],
)
def test_wrong_contents_are_named(content, words):
    with pytest.raises(ValueError, match=f"odd_file.*{words}"):
        read_batch(content, "odd_file")


def test_missing_files_are_named(tmp_path):
    folder = made_cifar10.write_folder(tmp_path)
    (folder / "data_batch_3").unlink()
    (folder / "test_batch").unlink()
    with pytest.raises(FileNotFoundError, match="lacks data_batch_3, test_batch"):
        read_cifar10(folder)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_cifar10(tmp_path / "nowhere")


def test_broken_file_in_a_folder_is_named(tmp_path):
    folder = made_cifar10.write_folder(tmp_path)
    (folder / "data_batch_4").write_bytes((folder / "data_batch_4").read_bytes()[:1000])
    with pytest.raises(ValueError, match="data_batch_4"):
        read_cifar10(folder)


def test_huge_files_are_not_read_at_all(tmp_path, monkeypatch):
    folder = made_cifar10.write_folder(tmp_path)
    archive = made_cifar10.write_archive(tmp_path / "a.tar.gz")
    monkeypatch.setattr(cifar10_files, "LARGEST_FILE", 50_000)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"read {path}"))
    with pytest.raises(ValueError, match="more than a CIFAR-10 file can have"):
        read_cifar10(folder)
    with pytest.raises(ValueError, match="more than a CIFAR-10 file can have"):
        read_cifar10(archive)


def test_unbalanced_classes_are_not_cifar10(tmp_path):
    folder = made_cifar10.write_folder(tmp_path)
    (folder / "test_batch").write_bytes(made_cifar10.batch(PIXELS, [3] * 20))
    with pytest.raises(ValueError, match="each class must have 2 images in x_test"):
        read_cifar10(folder)


def test_archives_are_not_unpacked_and_odd_members_do_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in made_cifar10.contents().items():
            member = tarfile.TarInfo(f"../../{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("/etc/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert read_cifar10(path).x_test.shape == (20, 32, 32, 3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["evil.tar"]
    assert not (tmp_path.parent.parent / "test_batch").exists()


def test_links_in_archives_are_not_followed(tmp_path):
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in made_cifar10.contents().items():
            member = tarfile.TarInfo(name)
            if name == "test_batch":
                member.type, member.linkname = tarfile.SYMTYPE, "data_batch_1"
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    with pytest.raises(ValueError, match="lacks test_batch"):
        read_cifar10(path)


@pytest.mark.parametrize("keep", [0, 2, 20, 0.3, 0.99])
def test_truncated_archives_are_refused(tmp_path, keep):
    path = made_cifar10.write_archive(tmp_path / "cifar.tar.gz")
    content = path.read_bytes()
    path.write_bytes(content[: keep if keep > 1 else int(keep * len(content))])
    with pytest.raises(ValueError, match="cifar.tar.gz"):
        read_cifar10(path)


def test_damaged_npz_is_refused(tmp_path):
    path = tmp_path / "kept.npz"
    save_npz(path, read_cifar10(made_cifar10.write_folder(tmp_path)), "")
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], content[:5000] + bytes([content[5000] ^ 1]) + content[5001:], b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="kept.npz"):
            load_npz(path)


def test_npz_with_pickled_objects_or_odd_arrays_is_refused(tmp_path):
    good = read_cifar10(made_cifar10.write_folder(tmp_path))
    fields = {name: getattr(good, name) for name in ("x_train", "y_train", "x_test", "y_test")}

    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "pwned"),)

    hostile = np.array([Attack()], dtype=object)
    for change, words in (
        ({"y_test": hostile}, "allow_pickle"),
        ({"about": hostile}, "allow_pickle"),
        ({"x_train": fields["x_train"][:-1]}, "received uint8 .99, 32, 32, 3"),
        ({"x_train": fields["x_train"].astype(np.float32)}, "received float32"),
        ({"y_test": fields["y_test"] + 1}, "0 to 9"),
        ({"y_test": fields["y_test"].astype(float)}, "integers"),
    ):
        np.savez(tmp_path / "odd.npz", **{**fields, **change})
        with pytest.raises(ValueError, match=words):
            read_cifar10(tmp_path / "odd.npz")
    assert not (tmp_path / "pwned").exists()
    np.savez(tmp_path / "column.npz", **{**fields, "y_test": fields["y_test"].astype(np.uint8)[:, None]})
    assert_same(good, read_cifar10(tmp_path / "column.npz"))  # labels as Keras shapes them


def test_interrupted_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "kept.npz"
    data = read_cifar10(made_cifar10.write_folder(tmp_path / "data"))
    save_npz(path, data, "old")

    def full_disk(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_npz(path, data, "new")
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["kept.npz"]
    assert load_npz(path)[1] == "old"


def test_kept_file_is_stored_without_compression_so_that_it_loads_fast(tmp_path):
    save_npz(tmp_path / "kept.npz", read_cifar10(made_cifar10.write_folder(tmp_path)), "")
    with zipfile.ZipFile(tmp_path / "kept.npz") as file:
        assert {entry.compress_type for entry in file.infolist()} == {zipfile.ZIP_STORED}


def test_the_kept_file_has_the_mode_of_any_other_new_file(tmp_path):
    save_npz(tmp_path / "kept.npz", read_cifar10(made_cifar10.write_folder(tmp_path)), "")
    (tmp_path / "other").write_text("any other file")
    assert (tmp_path / "kept.npz").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_files_that_may_not_be_read_are_not_called_damaged(tmp_path, monkeypatch):
    archive = made_cifar10.write_archive(tmp_path / "cifar.tar.gz")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cifar10_files.tarfile, "open", refuse)
    with pytest.raises(PermissionError, match=r"cifar.tar.gz may not be read by this account"):
        read_cifar10(archive)
    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(PermissionError, match=r"kept.npz may not be read by this account"):
        load_npz(tmp_path / "kept.npz")


def test_editions_are_told_by_checksums(tmp_path, monkeypatch):
    import hashlib

    folder = made_cifar10.write_folder(tmp_path)
    digests = {name: hashlib.md5(content).hexdigest() for name, content in made_cifar10.contents().items()}
    monkeypatch.setattr(cifar10_files, "_MD5", digests)
    assert read_cifar10(folder).edition == "official files"
    monkeypatch.setattr(cifar10_files, "_MD5", {**digests, "data_batch_2": "0"})
    assert read_cifar10(folder).edition == "unofficial copy"
    monkeypatch.setattr(cifar10_files, "_MD5_JPEG_COPY", digests["test_batch"])
    assert read_cifar10(folder).edition == "JPEG copy"
