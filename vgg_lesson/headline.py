"""The headline model: a network trained for longer on CIFAR-10 (JPEG copy), with what it answered.

Its softmax outputs on the 10,000 test images are kept in the repository with their labels, so that
evaluation can be studied on a real network without any download and without any image.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vgg_lesson import recordings
from vgg_lesson.data import CLASS_NAMES
from vgg_lesson.outputs import Outputs
from vgg_lesson.preprocessing import fit_statistics, preprocess
from vgg_lesson.run_record import Run

if TYPE_CHECKING:
    import keras

    from vgg_lesson.explain import Network

FOLDER = Path(__file__).with_name("records") / "headline"
NAME = "headline/long-0"
"""Of the record; shorter trainings are recorded beside it as headline/0 and so on, one a seed."""
OUTPUTS, RUN, MODEL = "outputs.npz", "run.jsonl", "model.keras"
TEST_IMAGES, CLASSES = 10_000, 10


@dataclass(frozen=True)
class Headline:
    """The recorded outputs of the headline model and the record of its training.

    Attributes:
        probabilities: (10000, 10) float64 softmax outputs, recorded as float16.
        labels: (10000,) int64 class numbers, in the order of the test file of the JPEG copy.
        run: how the model was trained.
    """

    probabilities: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    run: Run = field(repr=False)

    def has_order_of(self, labels) -> bool:
        """True when ``labels`` are the recorded ones in the recorded order: then the images are, too.

        Two different orders of 10,000 images agree in all labels practically never.
        """
        return fingerprint(labels) == fingerprint(self.labels)

    def outputs(self, dataset=None) -> Outputs:
        """The outputs for plots and labs.

        Args:
            dataset: a :class:`vgg_lesson.data.Dataset`; its test images are attached when their
                labels have the recorded order, otherwise the outputs have no images.
        """
        fits = dataset is not None and self.has_order_of(dataset.y_test)
        return Outputs("headline model", self.probabilities, self.labels, CLASS_NAMES, dataset.x_test if fits else None)


def fingerprint(labels) -> str:
    """SHA-256 of class numbers in their order, as hexadecimal text."""
    return hashlib.sha256(np.asarray(labels).astype(np.uint8).tobytes()).hexdigest()


def load_headline(folder: Path | str | None = None) -> Headline:
    """Read the recorded outputs and the training record. Needs no TensorFlow.

    Args:
        folder: where ``outputs.npz`` and ``run.jsonl`` are; by default the one in the package.

    Raises:
        FileNotFoundError: a file is missing; the message names it.
        ValueError: a file is not what it should be; the message names it and what was found.
    """
    folder = Path(FOLDER if folder is None else folder)
    path = _existing(folder / OUTPUTS)
    try:
        with np.load(path, allow_pickle=False) as stored:
            probabilities, labels = stored["probabilities"], stored["labels"]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} does not hold the arrays 'probabilities' and 'labels': {error}") from error
    if probabilities.shape != (TEST_IMAGES, CLASSES) or labels.shape != (TEST_IMAGES,):
        raise ValueError(
            f"{path} must hold probabilities {(TEST_IMAGES, CLASSES)} and labels {(TEST_IMAGES,)}, "
            f"found {probabilities.shape} and {labels.shape}"
        )
    outputs = Outputs("headline model", probabilities, labels.astype(np.int64), CLASS_NAMES)
    run = _run(_existing(folder / RUN))
    written = (run.measurements or {}).get("files", {}).get(OUTPUTS)
    if written != hashlib.sha256(path.read_bytes()).hexdigest():
        raise ValueError(f"{path} is not the file that the record {NAME!r} in {RUN} was written with (SHA-256 differs)")
    return Headline(outputs.probabilities, outputs.labels, run)


def load_headline_model(folder: Path | str | None = None) -> "keras.Model":
    """Load the headline model itself, computing in float32 whatever precision its weights are stored in.

    Raises:
        FileNotFoundError: the file is missing; the message names it.
    """
    import keras

    path = _existing(Path(FOLDER if folder is None else folder) / MODEL)
    stored = keras.saving.load_model(path, compile=False)
    if all(layer.compute_dtype == "float32" for layer in stored.layers):
        return stored
    # Half precision saves space in the repository; on a CPU it only costs time and accuracy.
    config = json.loads(json.dumps(stored.get_config()).replace("float16", "float32"))
    model = type(stored).from_config(config)
    model.set_weights([weights.astype(np.float32) for weights in stored.get_weights()])
    return model


def headline_network(dataset, count: int = 40, folder: Path | str | None = None) -> "Network":
    """The headline model with its outputs for the first test images of a copy of CIFAR-10, any copy.

    Args:
        dataset: a :class:`vgg_lesson.data.Dataset` of CIFAR-10; its training images give the
            statistics for the preprocessing.
        count: how many test images.
        folder: as for :func:`load_headline`.

    Raises:
        ValueError: the data set is not CIFAR-10.
    """
    from vgg_lesson.explain import Network

    if dataset.source != "cifar10":
        raise ValueError(f"the headline model was trained on CIFAR-10, received {dataset.source!r}")
    model, config = load_headline_model(folder), load_headline(folder).run.training_config
    statistics = fit_statistics(dataset.x_train)

    def prepare(images):
        return preprocess(images, config.preprocessing, statistics)

    images, labels = dataset.x_test[:count], dataset.y_test[:count]
    outputs = Outputs("headline model", model.predict(prepare(images), verbose=0), labels, CLASS_NAMES, images)
    return Network(model, outputs, prepare)


def _run(path: Path) -> Run:
    runs = {run.name: run for run in recordings.read(path)}
    if NAME not in runs:
        raise ValueError(f"{path} must hold the record {NAME!r}, found {sorted(runs)}")
    return runs[NAME]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(
            f"the headline model's file {path} is missing; it belongs to the repository: restore it with "
            f"'git checkout -- {path.name}' in its folder, or reinstall the package"
        )
    return path
