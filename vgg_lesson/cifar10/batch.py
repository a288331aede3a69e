"""Decode one of CIFAR-10's files, a Python 2 pickle, without running anything in it.

Unpickling runs whatever a file asks for. Here a pickle may name three things, numpy's array, its
dtype and the function that joins the two, and gets inert stand-ins for them; anything else is
refused before it is looked up.
"""

import io
import pickle
import pickletools

import numpy as np

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGES_PER_FILE = 10_000


class _PickledDtype:
    """Remembers what a pickled dtype said; never becomes one."""

    def __init__(self, name, *_rest):
        self.name = name

    def __setstate__(self, state):
        self.state = state


class _PickledArray:
    """Remembers a pickled array's shape, dtype and bytes."""

    state = None

    def __setstate__(self, state):
        self.state = state


def _reconstruct(_kind, _shape, _typecode):
    return _PickledArray()


class _ArraysOnly(pickle.Unpickler):
    """Admits numpy arrays, in the names of NumPy 1 and 2, and nothing else."""

    _ADMITTED = {
        ("numpy", "dtype"): _PickledDtype,
        ("numpy", "ndarray"): _PickledArray,
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    }

    def find_class(self, module, name):
        if (module, name) not in self._ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only numpy arrays are admitted")
        return self._ADMITTED[module, name]


def read_batch(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Decode one of the official files.

    Args:
        content: the file's bytes.
        where: its name, for messages.

    Returns:
        Images (10000, 32, 32, 3) uint8 and labels (10000,) int64.

    Raises:
        ValueError: it is not such a file, or asks for anything but arrays. Nothing in it is executed.
    """
    try:
        _refuse_memory_bombs(content)
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        pixels, labels = _pixels(batch["data"]), batch["labels"]
    except Exception as error:  # a damaged pickle raises nearly any exception
        raise ValueError(f"{where} is not a readable CIFAR-10 file: {type(error).__name__}: {error}") from error
    if pixels.shape != (IMAGES_PER_FILE, 3072):
        raise ValueError(f"{where}: pixels must have the shape ({IMAGES_PER_FILE}, 3072), received {pixels.shape}")
    if not isinstance(labels, list) or len(labels) != IMAGES_PER_FILE:
        received = len(labels) if isinstance(labels, list) else type(labels).__name__
        raise ValueError(f"{where}: needs a list of {IMAGES_PER_FILE} labels, received {received}")
    wrong = [label for label in labels if type(label) is not int or not 0 <= label < len(CLASS_NAMES)]
    if wrong:
        raise ValueError(f"{where}: labels must be integers from 0 to 9, received {wrong[0]!r}")
    # Stored as three planes (red, green, blue) of 32 rows.
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, np.int64)


def _refuse_memory_bombs(content: bytes) -> None:
    """Refuse a pickle whose numbers would make the unpickler fill the memory.

    A few damaged bytes are enough: they may number a memo slot four billion, and a table of that
    length is made. ``genops`` also refuses strings that are longer than the file.
    """
    for operation, argument, _position in pickletools.genops(content):
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > len(content):
            raise pickle.UnpicklingError(f"it numbers a memo slot {argument:,}")


def _pixels(array) -> np.ndarray:
    if not isinstance(array, _PickledArray) or array.state is None:
        raise ValueError(f"data must be a numpy array, received {type(array).__name__}")
    _version, shape, dtype, by_column, content = array.state
    name = dtype.name.decode() if isinstance(dtype.name, bytes) else dtype.name
    if name not in ("u1", "uint8", "|u1"):
        raise ValueError(f"data must be uint8, received {name!r}")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if by_column else "C")
