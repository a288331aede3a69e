"""What is kept of a run besides its record of the training: test accuracy, time in the lecture's epochs, the model."""

import hashlib
import statistics
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.speed import measure
from vgg_lesson.headline import NAME
from vgg_lesson.preprocessing import fit_statistics, preprocess

LECTURE_IMAGES = 40_000
"""Of an epoch of the lecture's run."""


def lecture_speed() -> float:
    """Images per second of the lecture's run here and now: its network and settings, stock TensorFlow."""
    return statistics.median(measure("lecture32", ["stock"], turns=5)["stock"])


def stock_epochs(seconds: float, speeds: tuple[float, float]) -> dict:
    """How long a training took, in epochs of the lecture's run with stock TensorFlow on the same machine.

    Records made before 29 November 2026 have "lecture_epochs" instead: their unit was too long, because
    the wait that ends a ``fit`` was counted with each of the short trainings that measure the speed.

    Args:
        seconds: of the training.
        speeds: images per second of the lecture's run, measured before and after.
    """
    unit = LECTURE_IMAGES / statistics.mean(speeds)
    return {"stock_images_per_second": list(speeds), "stock_epochs": seconds / unit}


def evaluate_once(model: keras.Model, experiment, dataset, folder: Path) -> dict:
    """Use the test set, once, and write ``outputs.npz`` and ``model.keras`` into a folder.

    Args:
        model: trained under ``experiment.config``.
        experiment: what was trained; the files are written for the headline model only.
        dataset: the whole data set.
        folder: where the files go.

    Returns:
        Measurements for the record: "test_accuracy" (plain, one forward pass an image),
        "test_accuracy_mirrored" (the mean of the probabilities for the image and its mirror image),
        "test_accuracy_moved" (the same, and for both moved by a pixel, up and left or down and right),
        "parameters", and for the headline model the "files" with their SHA-256.
    """
    images = preprocess(dataset.x_test, experiment.config.preprocessing, fit_statistics(dataset.x_train))
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    views = [(view, view[:, :, ::-1]) for view in (images, padded[:, :-2, :-2], padded[:, 2:, 2:])]
    answers = [[model.predict(view, batch_size=250, verbose=0) for view in pair] for pair in views]
    probabilities, both, moved = answers[0][0], sum(answers[0]), sum(map(sum, answers))
    results = {
        "test_accuracy": float(np.mean(probabilities.argmax(axis=1) == dataset.y_test)),
        "test_accuracy_mirrored": float(np.mean(both.argmax(axis=1) == dataset.y_test)),
        "test_accuracy_moved": float(np.mean(moved.argmax(axis=1) == dataset.y_test)),
        "parameters": model.count_params(),
    }
    if experiment.name == NAME:
        folder.mkdir(parents=True, exist_ok=True)
        labels = dataset.y_test.astype(np.uint8)
        np.savez_compressed(folder / "outputs.npz", probabilities=probabilities.astype(np.float16), labels=labels)
        _half_precision_copy(model).save(folder / "model.keras")
        results["files"] = {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("outputs.npz", "model.keras")
        }
    return results


def _half_precision_copy(model: keras.Model) -> keras.Model:
    """The same network with float16 weights, uncompiled: half the bytes, without optimizer state."""
    copy = keras.Sequential.from_config(
        {**model.get_config(), "layers": [_as_half(layer) for layer in model.get_config()["layers"]]}
    )
    copy.set_weights([np.asarray(tf.cast(weights, tf.float16)) for weights in model.get_weights()])
    return copy


def _as_half(layer: dict) -> dict:
    return {**layer, "config": {**layer["config"], "dtype": "float16"}}
