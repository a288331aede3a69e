"""What is kept of the headline model: weights, outputs on the test images, and its test accuracy."""

import hashlib
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.preprocessing import fit_statistics, preprocess


def evaluate_once(model: keras.Model, experiment, dataset, folder: Path) -> dict:
    """Use the test set, once, and write ``outputs.npz`` and ``model.keras`` into a folder.

    Args:
        model: trained under ``experiment.config``.
        experiment: the files are written for seed 0 only, the headline model.
        dataset: the whole data set.
        folder: where the files go.

    Returns:
        Measurements for the record: "test_accuracy" (plain, one forward pass an image),
        "parameters", and for seed 0 the "files" with their SHA-256.
    """
    images = preprocess(dataset.x_test, experiment.config.preprocessing, fit_statistics(dataset.x_train))
    probabilities = model.predict(images, batch_size=250, verbose=0)
    accuracy = float(np.mean(probabilities.argmax(axis=1) == dataset.y_test))
    results = {"test_accuracy": accuracy, "parameters": model.count_params()}
    if experiment.config.seed == 0:
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
