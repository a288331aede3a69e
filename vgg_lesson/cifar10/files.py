"""Read CIFAR-10's files without trusting them, and keep what was read in one quick file.

Archives are read member by member, never unpacked to disk; each file in them goes through
:mod:`vgg_lesson.cifar10.batch`. What was read once is kept as an .npz, which cannot hold code.
"""

import contextlib
import hashlib
import json
import os
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vgg_lesson.cifar10 import batch
from vgg_lesson.cifar10.batch import read_batch

TRAINING_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST_FILE = "test_batch"
FOLDER = "cifar-10-batches-py"
LARGEST_FILE = 64 * 2**20
"""Bytes; the official files have 31 MB each. Larger ones are not CIFAR-10 and are not read."""

_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""Checksums of the official files, as torchvision's ``datasets/cifar.py`` lists them."""
_MD5_JPEG_COPY = "9d38b59f45f9f46298c073bbe32df5c1"
"""The test_batch of the copy whose pixels went through JPEG once."""


@dataclass(frozen=True, eq=False)
class Cifar10:
    """CIFAR-10 as read.

    Attributes:
        x_train, x_test: (50000, 32, 32, 3) and (10000, 32, 32, 3) uint8.
        y_train, y_test: (50000,) and (10000,) int64, 0 to 9.
        edition: "official files", "JPEG copy" or "unofficial copy", told by checksums.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    edition: str


def read_cifar10(path: Path) -> Cifar10:
    """Read and check a CIFAR-10 folder, archive or .npz file.

    Args:
        path: the folder of the official files or its parent, the official .tar.gz (any name), or
            an .npz with x_train, y_train, x_test, y_test.

    Raises:
        FileNotFoundError: the path, or a file in it, is not there.
        PermissionError: this account may not read it.
        ValueError: truncated, hostile or otherwise not CIFAR-10; the message says which file and why.
    """
    path = Path(path)
    if path.is_dir():
        return _assemble(_folder_files(path), path)
    if not path.exists():
        raise FileNotFoundError(f"no such file or folder: {path}")
    if zipfile.is_zipfile(path):
        return load_npz(path)[0]
    return _assemble(_archive_files(path), path)


def _folder_files(path: Path) -> dict[str, bytes]:
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    missing = [name for name in (*TRAINING_FILES, TEST_FILE) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}")
    contents = {}
    for name in (*TRAINING_FILES, TEST_FILE):
        size = (folder / name).stat().st_size
        if size > LARGEST_FILE:
            raise ValueError(f"{folder / name} has {size:,} bytes, more than a CIFAR-10 file can have")
        contents[name] = (folder / name).read_bytes()
    return contents


def _archive_files(path: Path) -> dict[str, bytes]:
    wanted = {*TRAINING_FILES, TEST_FILE}
    contents = {}
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.size > LARGEST_FILE:
                    raise ValueError(
                        f"{path}: {member.name} has {member.size:,} bytes, more than a CIFAR-10 file can have"
                    )
                if member.isreg() and name in wanted:
                    contents[name] = archive.extractfile(member).read()
                    wanted.remove(name)
                if not wanted:
                    break
    except PermissionError as error:
        raise _not_readable(path) from error
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ValueError(f"{path} is not a complete .tar.gz or .npz file: {error}") from error
    if wanted:
        raise ValueError(f"{path} lacks {', '.join(sorted(wanted))}")
    return contents


def _not_readable(path: Path) -> PermissionError:
    return PermissionError(f"{path} may not be read by this account")


def _assemble(contents: dict[str, bytes], path: Path) -> Cifar10:
    batches = {name: read_batch(contents[name], f"{path}: {name}") for name in (*TRAINING_FILES, TEST_FILE)}
    digests = {name: hashlib.md5(contents[name], usedforsecurity=False).hexdigest() for name in batches}
    edition = "official files" if digests == _MD5 else "unofficial copy"
    if digests[TEST_FILE] == _MD5_JPEG_COPY:
        edition = "JPEG copy"
    return _checked(
        Cifar10(
            x_train=np.concatenate([batches[name][0] for name in TRAINING_FILES]),
            y_train=np.concatenate([batches[name][1] for name in TRAINING_FILES]),
            x_test=batches[TEST_FILE][0],
            y_test=batches[TEST_FILE][1],
            edition=edition,
        ),
        path,
    )


def _checked(data: Cifar10, path: Path) -> Cifar10:
    """The data, if it has CIFAR-10's shapes, dtypes and class counts."""
    for part, files in (("train", len(TRAINING_FILES)), ("test", 1)):
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        images = files * batch.IMAGES_PER_FILE
        if x.dtype != np.uint8 or x.shape != (images, 32, 32, 3):
            raise ValueError(f"{path}: x_{part} must be uint8 ({images}, 32, 32, 3), received {x.dtype} {x.shape}")
        if y.dtype != np.int64 or y.shape != (images,) or y.min() < 0 or y.max() > 9:
            raise ValueError(f"{path}: y_{part} must be {images} integers from 0 to 9, received {y.dtype} {y.shape}")
        counts = np.bincount(y, minlength=10).tolist()
        if set(counts) != {images // 10}:
            raise ValueError(f"{path}: each class must have {images // 10} images in x_{part}, received {counts}")
    return data


def load_npz(path: Path) -> tuple[Cifar10, str]:
    """Read an .npz of CIFAR-10, this package's or one with the same four arrays.

    Returns:
        The data, and the fingerprint that :func:`save_npz` was given ("" in other files).

    Raises:
        PermissionError: this account may not read it.
        ValueError: damaged (the file's own checksums are compared) or not CIFAR-10.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("x_train", "y_train", "x_test", "y_test")}
            about = json.loads(str(file["about"])) if "about" in file else {}
        for name in ("y_train", "y_test"):
            if not np.issubdtype(arrays[name].dtype, np.integer):
                raise ValueError(f"{name} must hold integers, received {arrays[name].dtype}")
            arrays[name] = arrays[name].reshape(-1).astype(np.int64)
        data = Cifar10(**arrays, edition=about.get("edition", "unofficial copy"))
        fingerprint = about.get("fingerprint", "")
    except PermissionError as error:
        raise _not_readable(path) from error
    except Exception as error:  # a damaged zip or header raises nearly any exception
        raise ValueError(f"{path} is not a readable .npz of CIFAR-10: {type(error).__name__}: {error}") from error
    return _checked(data, path), fingerprint


def save_npz(path: Path, data: Cifar10, fingerprint: str) -> None:
    """Write ``data`` so that a reader sees the whole file or none.

    Raises:
        OSError: no permission, no space, ...; nothing is left behind.
    """
    about = json.dumps({"edition": data.edition, "fingerprint": fingerprint})
    arrays = {name: getattr(data, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    write_npz(path, about=about, **arrays)


def write_npz(path: Path, **arrays) -> None:
    """``numpy.savez`` under a temporary name beside ``path``, then renamed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        move_into_place(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def move_into_place(part: str | Path, target: Path) -> None:
    """Rename a finished temporary file, with the mode of any other new file: ``mkstemp`` lets only its owner read.

    Raises OSError.
    """
    umask = os.umask(0o077)  # the only way to ask for it is to set it
    os.umask(umask)
    with contextlib.suppress(OSError):  # some file systems know no modes
        os.chmod(part, 0o666 & ~umask)
    os.replace(part, target)
