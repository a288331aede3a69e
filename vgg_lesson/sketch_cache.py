"""Draw a set of sketches once for this computer, and read it from the cache afterwards."""

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np
import PIL

from vgg_lesson import drawing, sketches
from vgg_lesson.cifar10.files import write_npz
from vgg_lesson.cifar10.search import cache_folder


def cached_sketches(images: int, seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    """What ``draw_sketches(images, seed)`` gives, from this package's cache if it is there.

    The file is named after the drawing code and the versions of what it draws with, so that a
    changed drawing is never served from an old file. A cache that cannot be read or written
    costs time, not correctness: the set is drawn again.

    Returns:
        ``(x, y, note)``; the note says that the cache cannot be written, else it is "".
    """
    path = cache_folder() / f"sketches-{_drawing_version()}-{images}-{seed}.npz"
    kept = _read(path, images)
    if kept is not None:
        return *kept, ""
    x, y = sketches.draw_sketches(images, seed)
    try:
        write_npz(path, x=x, y=y)
    except OSError as error:
        return x, y, f"the cache cannot be written ({error.strerror or error}), so they are drawn anew each time"
    for outdated in path.parent.glob(f"sketches-*-{images}-{seed}.npz"):
        if outdated != path:
            with contextlib.suppress(OSError):  # it costs space, no more
                outdated.unlink()
    return x, y, ""


def _read(path: Path, images: int) -> tuple[np.ndarray, np.ndarray] | None:
    if not os.path.exists(path):  # unlike Path.exists, no exception for a folder that may not be entered
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            x, y = file["x"], file["y"]
    except Exception:  # a damaged zip raises nearly any exception; the file is drawn anew
        return None
    whole = x.shape == (images, sketches.SIDE, sketches.SIDE, 3) and y.shape == (images,)
    return (x, y) if whole and x.dtype == np.uint8 and y.dtype == np.int64 else None


def _drawing_version() -> str:
    sources = [Path(sketches.__file__), *sorted(Path(drawing.__file__).parent.glob("*.py"))]
    digest = hashlib.sha256(f"{np.__version__} {PIL.__version__}".encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
