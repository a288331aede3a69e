"""A tiny CIFAR-10, written opcode by opcode as Python 2 pickled it: 20 images a file, two of each class."""

import io
import struct
import tarfile
from pathlib import Path

import numpy as np

IMAGES = 20
FILES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
DTYPE = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def text(content: bytes) -> bytes:
    """A Python 2 string."""
    return (
        b"U" + bytes([len(content)]) + content
        if len(content) < 256
        else b"T" + struct.pack("<i", len(content)) + content
    )


def number(value: int) -> bytes:
    """A Python 2 int."""
    return b"J" + struct.pack("<i", value)


def array(pixels: np.ndarray, dtype: bytes = DTYPE) -> bytes:
    """A numpy array as NumPy 1 pickled it."""
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + number(0) + b"\x85" + text(b"b") + b"tR"
    shape = b"(" + b"".join(number(size) for size in pixels.shape) + b"t"
    return made + b"(" + number(1) + shape + dtype + b"\x89" + text(pixels.tobytes()) + b"tb"


def batch(pixels: np.ndarray, labels, data: bytes | None = None) -> bytes:
    """One of the official files; ``data`` replaces the pickled array."""
    written = b"](" + b"".join(label if isinstance(label, bytes) else number(label) for label in labels) + b"e"
    entries = text(b"batch_label") + text(b"made"), text(b"labels") + written, text(b"data") + (data or array(pixels))
    return b"\x80\x02}(" + b"".join(entries) + b"u."


def contents(seed: int = 0) -> dict[str, bytes]:
    """All six files."""
    rng = np.random.default_rng(seed)
    made = {}
    for name in FILES:
        pixels = rng.integers(0, 256, (IMAGES, 3072), np.uint8)
        made[name] = batch(pixels, rng.permutation(np.arange(IMAGES) % 10).tolist())
    return made


def write_folder(parent: Path, seed: int = 0) -> Path:
    """Write the official folder below ``parent``."""
    folder = parent / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, content in contents(seed).items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path: Path, seed: int = 0) -> Path:
    """Write the official archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"readme.html": b"<html>", **contents(seed)}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
