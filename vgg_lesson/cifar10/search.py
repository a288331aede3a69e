"""Where CIFAR-10 may already lie on this computer, and what was wrong with it where it was no use.

Nothing here uses the network; see :mod:`vgg_lesson.cifar10.fetch` for that.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from vgg_lesson.cifar10.files import FOLDER, TEST_FILE, TRAINING_FILES, Cifar10, load_npz, read_cifar10, save_npz

VARIABLE = "VGG_LESSON_DATA"
CACHE_VARIABLE = "VGG_LESSON_CACHE"
ARCHIVE = "cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""Of the official archive."""

KERAS_NAMES = (
    f"cifar-10-batches-py-target/{FOLDER}",
    "cifar-10-batches-py-target_archive",
    FOLDER,
    f"{FOLDER}.tar.gz",
)
"""Below Keras's ``datasets``: newer Keras unpacked and packed, then older Keras."""


@dataclass(frozen=True, eq=False)
class Search:
    """What a search gave.

    Attributes:
        data: CIFAR-10, or None when there is none.
        where: in words, from where it comes.
        notes: what was skipped or could not be done, and why.
        looked: the places that were tried.
    """

    data: Cifar10 | None
    where: str
    notes: tuple[str, ...]
    looked: tuple[str, ...]


def cache_folder() -> Path:
    """This package's cache: ``VGG_LESSON_CACHE``, else the platform's cache folder."""
    return _named(CACHE_VARIABLE) or platformdirs.user_cache_path("vgg-lesson", appauthor=False)


def _named(variable: str) -> Path | None:
    """What an environment variable names, if it is set."""
    named = os.environ.get(variable)
    try:
        return Path(named).expanduser() if named else None
    except RuntimeError as error:  # "~somebody" who has no home here
        raise ValueError(f"{variable} is set to {named!r}, which cannot be used: {error}") from error


def keras_folder() -> Path:
    """Where Keras keeps data sets: below ``KERAS_HOME``, else ``~/.keras``."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def search_cifar10() -> Search:
    """Look in VGG_LESSON_DATA, this package's cache and Keras's caches, in this order.

    Raises:
        FileNotFoundError, ValueError: VGG_LESSON_DATA is set, and what it names is missing or broken.
            What somebody asked for by name is not replaced by something else without a word.
    """
    path = _named(VARIABLE)
    if path:
        try:
            data, notes = read_through_cache(path, "named")
        except (OSError, ValueError) as error:
            raise type(error)(
                f"{VARIABLE} is set to {os.environ[VARIABLE]!r}, which cannot be used: {error}. "
                f"Set it to the folder {FOLDER}, to its parent, to {ARCHIVE} or to an .npz file, or unset it."
            ) from error
        return Search(data, f"the {'folder' if path.is_dir() else 'file'} in {VARIABLE}", notes, (VARIABLE,))
    notes, looked = [], [f"{VARIABLE} (not set)"]
    archive = cache_folder() / ARCHIVE
    places = [(archive, "fetched", "this package's cache")]
    places += [(keras_folder() / name, "keras", "Keras's cache") for name in KERAS_NAMES]
    for path, slot, where in places:
        looked.append(str(path))
        try:
            if not path.exists():
                continue
            data, more = read_through_cache(path, slot, sha256=SHA256 if slot == "fetched" else None)
        except (OSError, ValueError) as error:
            notes.append(f"skipped {where}: {_without_folders(error, path)}")
            continue
        return Search(data, where, (*notes, *more), tuple(looked))
    renamed = keras_folder() / "cifar-10-batches-py-target"
    if os.path.isdir(renamed) and not os.path.exists(renamed / FOLDER):
        notes.append(f"skipped Keras's cache: {renamed.name} holds no folder {FOLDER}")
    return Search(None, "", tuple(notes), tuple(looked))


def read_through_cache(path: Path, slot: str, sha256: str | None = None) -> tuple[Cifar10, tuple[str, ...]]:
    """Read CIFAR-10 from ``path``, or from the .npz made of it earlier.

    The .npz remembers names, sizes and times of the files it was made of and is only believed while
    they are the same. One .npz is kept for each slot, 184 MB.

    Args:
        path: a folder or file, see :func:`vgg_lesson.cifar10.files.read_cifar10`.
        slot: names the .npz in the cache.
        sha256: checksum that the file must have, if known.

    Returns:
        The data, and notes on a damaged or unwritable cache.

    Raises:
        OSError, ValueError: ``path`` is missing or broken.
    """
    if path.suffix == ".npz":
        return read_cifar10(path), ()
    kept = cache_folder() / f"cifar10-{slot}.npz"
    fingerprint = _fingerprint(path)
    notes = []
    if os.path.exists(kept):  # unlike Path.exists, no exception for a folder that may not be entered
        try:
            data, remembered = load_npz(kept)
        except PermissionError:
            notes.append(f"{kept.name} in the cache may not be read by this account and is made anew")
        except (OSError, ValueError):
            notes.append(f"{kept.name} in the cache was damaged and is made anew")
        else:
            if remembered == fingerprint:
                return data, ()
    if sha256 and file_sha256(path) != sha256:
        raise ValueError(f"{path} is not the official archive (its SHA-256 differs)")
    data = read_cifar10(path)
    try:
        save_npz(kept, data, fingerprint)
    except OSError as error:
        notes.append(f"the cache cannot be written ({error.strerror or error}), so the files are read anew each time")
    return data, tuple(notes)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(path: Path) -> str:
    """Names, sizes and modification times of the files that would be read."""
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    files = [folder / name for name in (*TRAINING_FILES, TEST_FILE)] if path.is_dir() else [path]
    facts = [str(path.resolve())]
    for file in files:
        if file.exists():
            facts += [file.name, str(file.stat().st_size), str(file.stat().st_mtime_ns)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _without_folders(error: Exception, path: Path) -> str:
    """The message without the folders, which differ from computer to computer."""
    return str(error).replace(str(path.parent) + os.sep, "")
