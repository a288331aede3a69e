"""A trained network and its record as two files, and back."""

import glob
import os
import zipfile
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

import keras

from vgg_lesson.optimizers.unwrapped import unwrapped
from vgg_lesson.run_record import Run
from vgg_lesson.training import Trained
from vgg_lesson.training_config import NOT_DECAYED


def save_trained(trained: Trained, stem) -> tuple[Path, Path]:
    """Write ``stem.keras`` (an ordinary Keras model file) and ``stem.json`` (its run record).

    Both are written beside their places and renamed only when both are whole: a failure leaves what was there before.

    Returns:
        The two paths.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    model_path, run_path = stem.with_name(stem.name + ".keras"), stem.with_name(stem.name + ".json")
    unfinished_model, unfinished_run = (stem.with_name(f"{stem.name}.part{end}") for end in (".keras", ".json"))
    before = stem.with_name(f"{stem.name}.before.keras")
    try:
        unfinished_run.write_text(trained.run.to_json() + "\n", encoding="utf-8")
        trained.model.save(unfinished_model)
        with suppress(FileNotFoundError):  # the first time
            os.replace(model_path, before)
        try:
            os.replace(unfinished_model, model_path)
            os.replace(unfinished_run, run_path)
        except OSError:
            model_path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                os.replace(before, model_path)
            raise
        before.unlink(missing_ok=True)
    finally:
        for left_over in (unfinished_model, unfinished_run):
            left_over.unlink(missing_ok=True)
    return model_path, run_path


def free_stem(stem) -> Path:
    """``stem`` when nothing is saved under it, else the first free one of ``stem_2``, ``stem_3``, ..."""
    stem = Path(stem)
    names = chain([stem.name], (f"{stem.name}_{number}" for number in count(2)))
    return next(stem.with_name(name) for name in names if not any(stem.parent.glob(f"{glob.escape(name)}.*")))


def load_model(path) -> keras.Model:
    """Read a ``.keras`` file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not a Keras model; the message names it and says what it found.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path}")
    if not zipfile.is_zipfile(path):
        start = path.read_bytes()[:8]
        raise ValueError(f"{path.name} is not a .keras file, which is a zip archive; it begins with {start!r}")
    with zipfile.ZipFile(path) as archive:
        if missing := {"config.json", "model.weights.h5"} - set(archive.namelist()):
            raise ValueError(f"{path.name} is a zip archive but not a .keras file: {sorted(missing)} missing in it")
    try:
        return keras.models.load_model(path)
    except Exception as error:  # Keras raises many kinds for damaged content
        raise ValueError(f"{path.name} could not be read as a Keras model: {type(error).__name__}: {error}") from error


def load_run(path) -> Run:
    """Read a file that holds one run record.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file holds no unchanged record; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no run record at {path}")
    try:
        return Run.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # also text that is not UTF-8
        raise ValueError(f"{path.name}: {error}") from None


def load_trained(stem) -> Trained:
    """Inverse of :func:`save_trained`; raises as :func:`load_model` and :func:`load_run` do."""
    stem = Path(stem)
    model, run = load_model(stem.with_name(stem.name + ".keras")), load_run(stem.with_name(stem.name + ".json"))
    if run.training_config.weight_decay and model.optimizer is not None:  # Keras does not save what is left out of it
        unwrapped(model.optimizer).exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return Trained(model, run)
