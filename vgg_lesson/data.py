"""The lessons' images: CIFAR-10 where it is on this computer, else a drawn stand-in.

``load_data()`` never uses the network; ``fetch_cifar10()``, or ``python -m vgg_lesson.data``, does.
"""

import sys
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from vgg_lesson.cifar10.batch import CLASS_NAMES
from vgg_lesson.cifar10.search import search_cifar10
from vgg_lesson.sketch_cache import cached_sketches
from vgg_lesson.whole import is_whole

__all__ = ["CLASS_NAMES", "SOURCES", "SPLITS", "Dataset", "fetch_cifar10", "load_data"]

SOURCES = ("auto", "cifar10", "sketches")
SPLITS = ("stratified", "lecture")
SKETCHES = {"train": 6000, "test": 1000}
"""Images of the stand-in; the training images include those for validation."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels for training, validation and the final test.

    Attributes:
        x_train, x_val, x_test: (N, 32, 32, 3) uint8.
        y_train, y_val, y_test: (N,) int64, numbers of classes.
        class_names: the ten names; label k is ``class_names[k]``.
        source: "cifar10" or "sketches".
        description: one line that says which data these are, where they come from and how many.

    Raises:
        TypeError, ValueError: an array of another shape or dtype, images and labels of different
            number, labels that name no class.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    source: str
    description: str

    def __post_init__(self):
        for part in ("train", "val", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            for name, array, dtype in ((f"x_{part}", x, np.uint8), (f"y_{part}", y, np.int64)):
                if not isinstance(array, np.ndarray) or array.dtype != dtype:
                    received = getattr(array, "dtype", type(array).__name__)
                    raise TypeError(f"{name} must be a NumPy array of {np.dtype(dtype)}, received {received}")
            if x.ndim != 4 or x.shape[1:] != (32, 32, 3):
                raise ValueError(f"x_{part} must have the shape (N, 32, 32, 3), received {x.shape}")
            if y.shape != (len(x),):
                raise ValueError(f"y_{part} must have one label for each of {len(x)} images, received shape {y.shape}")
            if len(y) and not 0 <= y.min() <= y.max() < len(self.class_names):
                raise ValueError(
                    f"labels in y_{part} must lie in 0..{len(self.class_names) - 1}, received {y.min()}..{y.max()}"
                )
        if self.source not in SOURCES[1:]:
            raise ValueError(f"source must be one of {SOURCES[1:]}, received {self.source!r}")

    def __repr__(self) -> str:
        return f"Dataset({self.description})"

    def subset(self, train: int | None = None, validation: int | None = None, test: int | None = None, seed: int = 0):
        """A smaller copy in which the classes keep their shares.

        Args:
            train, validation, test: number of images to keep; None keeps all.
            seed: decides which. Where all classes are equally frequent, a smaller subset of the same seed lies
                within a larger one.

        Raises:
            ValueError: a number below 1 or above what there is, or a seed that is none.
        """
        seed, arrays = _seed(seed), {}
        for number, (part, count) in enumerate((("train", train), ("val", validation), ("test", test))):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if count is None:
                rows = slice(None)
            else:
                name = "validation" if part == "val" else part
                if not len(y):
                    raise ValueError(f"{name} must be None, as there are no such images, received {count!r}")
                if not is_whole(count, 1) or count > len(y):
                    raise ValueError(f"{name} must be an integer from 1 to {len(y)}, received {count!r}")
                rows = _stratified_rows(y, int(count), np.random.default_rng([seed, number]))
            arrays |= {f"x_{part}": x[rows], f"y_{part}": y[rows]}
        whole = self.description.partition("; subset of ")[0]
        counts = _counts(*(len(arrays[f"y_{part}"]) for part in ("train", "val", "test")))
        return replace(self, **arrays, description=f"{whole}; subset of {counts}")


def load_data(
    source: str = "auto", *, validation: float | int = 0.2, seed: int = 0, split: str = "stratified"
) -> Dataset:
    """The lessons' data, without using the network.

    CIFAR-10 is looked for in ``VGG_LESSON_DATA`` (the folder of the official files or its parent,
    the official archive, or an .npz), in this package's cache and in Keras's caches.

    Args:
        source: "cifar10", "sketches" (the drawn stand-in, see :mod:`vgg_lesson.sketches`), or "auto":
            CIFAR-10 if it is there, else the sketches.
        validation: how much of the training set is set aside: a share between 0 and 1, or a count.
        seed: decides which images a stratified split sets aside.
        split: "stratified": the same share of each class. "lecture": the last images of the training
            set, whatever they are, as Keras's ``validation_split`` does and the lecture did.

    Returns:
        A :class:`Dataset`; its ``description`` says which data it holds.

    Raises:
        ValueError: an argument outside its range, or VGG_LESSON_DATA names files that are not CIFAR-10.
        FileNotFoundError: VGG_LESSON_DATA names nothing, or "cifar10" was asked for and is nowhere.
    """
    if source not in SOURCES:
        raise ValueError(f"source must be one of {SOURCES}, received {source!r}")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, received {split!r}")
    _seed(seed)
    found = search_cifar10() if source != "sketches" else None
    if found is not None and found.data is not None:
        data = found.data
        arrays = data.x_train, data.y_train, data.x_test, data.y_test
        kind, words, notes = "cifar10", f"CIFAR-10 ({data.edition}) from {found.where}", found.notes
    elif source == "cifar10":
        looked = "; ".join((*found.looked, *found.notes))
        raise FileNotFoundError(
            f"CIFAR-10 is not on this computer. Looked in: {looked}. "
            "Run fetch_cifar10() to get it, set VGG_LESSON_DATA to a copy of it, or use source='sketches'."
        )
    else:
        arrays, notes = _stand_in()
        kind, notes = "sketches", (*(found.notes if found else ()), *notes)
        words = "drawn sketches, not CIFAR-10"
        if found:
            words += " (which is not on this computer: fetch_cifar10() gets it)"
    x, y, x_test, y_test = arrays
    held = _validation_rows(y, validation, seed, split)
    kept = np.setdiff1d(np.arange(len(y)), held, assume_unique=True)
    description = "; ".join((f"{words}: {_counts(len(kept), len(held), len(y_test))}", *notes))
    return Dataset(x[kept], y[kept], x[held], y[held], x_test, y_test, CLASS_NAMES, kind, description)


def fetch_cifar10(*arguments, **keywords):
    """Fetch CIFAR-10; see :func:`vgg_lesson.cifar10.fetch.fetch_cifar10`."""
    from vgg_lesson.cifar10.fetch import fetch_cifar10 as fetch  # only here is a network library needed

    return fetch(*arguments, **keywords)


@lru_cache(maxsize=1)
def _stand_in() -> tuple[tuple[np.ndarray, ...], tuple[str, ...]]:
    """Training and test sketches, from seeds that no other part of the package uses, and notes."""
    x, y, note = cached_sketches(SKETCHES["train"], seed=1_000)
    x_test, y_test, _same_note = cached_sketches(SKETCHES["test"], seed=2_000)
    for array in (x, y, x_test, y_test):
        array.flags.writeable = False  # shared by all callers
    return (x, y, x_test, y_test), (note,) if note else ()


def _validation_rows(labels: np.ndarray, validation: float | int, seed: int, split: str) -> np.ndarray:
    total = len(labels)
    if is_whole(validation, 1) and validation < total:
        count = int(validation)
    elif isinstance(validation, float | np.floating) and 0 < validation < 1:
        # Keras rounds so: the training part gets the whole images.
        count = total - int(total * (1 - validation))
        if count == total:
            raise ValueError(f"validation={validation!r} leaves none of the {total} images for training")
    else:
        raise ValueError(
            f"validation must be a share between 0 and 1 or a count from 1 to {total - 1}, received {validation!r}"
        )
    if split == "lecture":
        return np.arange(total - count, total)
    return _stratified_rows(labels, count, np.random.default_rng(seed))


def _stratified_rows(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` rows, in order, with the classes' shares kept to within one image."""
    classes, sizes = np.unique(labels, return_counts=True)
    shuffled = [rng.permutation(np.flatnonzero(labels == number)) for number in classes]
    exact = sizes * count / len(labels)
    take = np.floor(exact).astype(int)
    largest_rest = np.argsort(take - exact, kind="stable")[: count - take.sum()]
    take[largest_rest] += 1
    return np.sort(np.concatenate([rows[:number] for rows, number in zip(shuffled, take, strict=True)]))


def _counts(train: int, validation: int, test: int) -> str:
    return f"{train:,} training, {validation:,} validation and {test:,} test images"


def _seed(seed: int) -> int:
    if not is_whole(seed, 0):
        raise ValueError(f"seed must be 0 or a positive integer, received {seed!r}")
    return int(seed)


if __name__ == "__main__":
    from vgg_lesson.cifar10.fetch import main

    sys.exit(main())
