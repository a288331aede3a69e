"""Reading the headline model's files: what is right comes back, what is wrong is named."""

import hashlib
import json
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from vgg_lesson import headline
from vgg_lesson.data import Dataset, load_data
from vgg_lesson.preprocessing import fit_statistics, preprocess
from vgg_lesson.run_record import Run
from vgg_lesson.training_config import TrainingConfig


def a_run(folder, name=headline.NAME):
    files = {headline.OUTPUTS: hashlib.sha256((folder / headline.OUTPUTS).read_bytes()).hexdigest()}
    return Run(
        name=name, measurements={"files": files},
        config=TrainingConfig(preprocessing="standardise").to_dict(),
        data={"source": "cifar10"}, epochs=(), step_loss=(),
        seconds=1.0, stopped=False, verdict="learning", versions={}, cores=2, date="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def sign(folder):
    """Write the records: another seed's first, then the one that belongs to the outputs."""
    runs = [a_run(folder, "headline/1"), a_run(folder)]
    (folder / headline.RUN).write_text("".join(run.to_json() + "\n" for run in runs))


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.2), 10_000).astype(np.float16)
    labels = rng.permutation(np.repeat(np.arange(10), 1000)).astype(np.uint8)
    np.savez_compressed(tmp_path / headline.OUTPUTS, probabilities=probabilities, labels=labels)
    sign(tmp_path)
    return tmp_path


@dataclass
class TestImages:
    __test__ = False
    x_test: np.ndarray
    y_test: np.ndarray


def test_outputs_and_record_come_back(folder):
    found = headline.load_headline(folder)
    assert found.probabilities.shape == (10_000, 10)
    assert found.probabilities.dtype == np.float64
    assert found.labels.dtype == np.int64
    assert np.bincount(found.labels).tolist() == [1000] * 10
    assert found.run == a_run(folder)
    assert headline.load_headline(str(folder)).run == found.run


def test_reading_outputs_does_not_import_tensorflow(folder, run_python):
    run_python(f"import sys; from vgg_lesson.headline import load_headline; load_headline({str(folder)!r}).outputs(); "
               "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules")  # fmt: skip


@pytest.fixture
def run_python():
    import subprocess

    return lambda code: subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_images_are_shown_only_when_the_labels_have_the_recorded_order(folder):
    found = headline.load_headline(folder)
    images = np.zeros((10_000, 2, 2, 3), np.uint8)
    assert found.outputs().images is None
    assert found.outputs(TestImages(images, found.labels)).images is images
    swapped = found.labels.copy()
    other = int(np.flatnonzero(swapped != swapped[0])[0])
    swapped[[0, other]] = swapped[[other, 0]]
    assert found.outputs(TestImages(images, swapped)).images is None
    assert found.outputs(TestImages(images[:50], found.labels[:50])).images is None


@pytest.mark.parametrize("name", [headline.OUTPUTS, headline.RUN])
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        headline.load_headline(folder)


def test_missing_model_is_named(folder):
    with pytest.raises(FileNotFoundError, match=r"model\.keras"):
        headline.load_headline_model(folder)


def store(folder, **arrays):
    np.savez(folder / headline.OUTPUTS, **arrays)
    sign(folder)


def other_record(folder):
    """Outputs of another model than the record's: an update that was only half made."""
    with (folder / headline.OUTPUTS).open("ab") as file:
        file.write(b" ")


LABELS = np.arange(10_000) % 10


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: store(f, probabilities=np.full((50, 10), 0.1), labels=LABELS[:50]), r"found \(50, 10\)"),
        (lambda f: store(f, probabilities=np.full((10_000, 10), 0.1)), "labels"),
        (lambda f: store(f, probabilities=np.full((10_000, 10), 0.2), labels=LABELS), "softmax output"),
        (lambda f: store(f, probabilities=np.full((10_000, 10), 0.1), labels=LABELS + 1), r"received 1 \.\. 10"),
        (lambda f: store(f, probabilities=np.array([{}]), labels=LABELS), "does not hold the arrays"),
        (lambda f: (f / headline.OUTPUTS).write_bytes(b"<html>not found"), "does not hold the arrays"),
        (
            lambda f: (f / headline.OUTPUTS).write_bytes((f / headline.OUTPUTS).read_bytes()[:2000]),
            "does not hold the arrays",
        ),
        (lambda f: (f / headline.RUN).write_text(""), r"must hold the record 'headline/long-0', found \[\]"),
        (lambda f: (f / headline.RUN).write_text(a_run(f, "headline/1").to_json()), r"found \['headline/1'\]"),
        (
            lambda f: store(f, probabilities=np.full((10_000, 10), 0.1), labels=LABELS, more=1) or other_record(f),
            "SHA-256 differs",
        ),
        (
            lambda f: (f / headline.RUN).write_text(json.dumps({**json.loads(a_run(f).to_json()), "seconds": 2.0})),
            r"run\.jsonl, line 1: .*checksum",
        ),
    ],
)
def test_wrong_file_is_refused_in_words(folder, spoil, words):
    spoil(folder)
    with pytest.raises(ValueError, match=words):
        headline.load_headline(folder)


@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_model_computes_in_float32_whatever_it_is_stored_in(folder, stored):
    import keras

    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(stored)
    try:
        net = keras.Sequential(
            [
                keras.Input((8, 8, 3), dtype=stored), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(),
                keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(10, activation="softmax"),
            ]
        )  # fmt: skip
        net.save(folder / headline.MODEL)
    finally:
        keras.config.set_dtype_policy(usual)
    loaded = headline.load_headline_model(folder)
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    for found, expected in zip(loaded.get_weights(), net.get_weights(), strict=True):
        assert np.array_equal(found, expected.astype(np.float32))
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype(np.float32)
    assert loaded(images).numpy() == pytest.approx(net(images.astype(stored)).numpy().astype(np.float32), abs=5e-3)


def a_dataset(source, images=50):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (images, 32, 32, 3), np.uint8), rng.integers(0, 10, images)
    return Dataset(x, y, x[:10], y[:10], x[::-1].copy(), y[::-1].copy(), headline.CLASS_NAMES, source, source)


def test_network_for_another_copy_of_the_data_answers_its_images(folder):
    import keras

    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, activation="softmax")]
    keras.Sequential([keras.Input((32, 32, 3)), *layers]).save(folder / headline.MODEL)
    dataset = a_dataset("cifar10")
    network = headline.headline_network(dataset, 8, folder)
    assert (network.outputs.images == dataset.x_test[:8]).all()
    assert (network.outputs.labels == dataset.y_test[:8]).all()
    prepared = preprocess(dataset.x_test[:8], "standardise", fit_statistics(dataset.x_train))
    assert network.prepare(dataset.x_test[:8]) == pytest.approx(prepared)
    assert network.outputs.probabilities == pytest.approx(np.asarray(network.model(prepared)), abs=1e-6)


def test_network_refuses_the_stand_in(folder):
    with pytest.raises(ValueError, match="trained on CIFAR-10, received 'sketches'"):
        headline.headline_network(a_dataset("sketches"), 8, folder)


class TestCommitted:
    def test_both_files_are_those_that_the_record_was_written_with(self):
        names = (headline.OUTPUTS, headline.MODEL)
        digests = {name: hashlib.sha256((headline.FOLDER / name).read_bytes()).hexdigest() for name in names}
        assert headline.load_headline().run.measurements["files"] == digests

    def test_outputs_are_those_of_the_record(self):
        found = headline.load_headline()
        assert np.bincount(found.labels).tolist() == [1000] * 10
        right = np.mean(found.probabilities.argmax(axis=1) == found.labels)
        # Rounding to float16 may turn a tie.
        assert right == pytest.approx(found.run.measurements["test_accuracy"], abs=5e-4)

    def test_model_is_small_and_computes_in_float32(self):
        assert (headline.FOLDER / headline.MODEL).stat().st_size <= 5_000_000
        model = headline.load_headline_model()
        assert model.output_shape == (None, headline.CLASSES)
        assert model.count_params() == headline.load_headline().run.measurements["parameters"]

    def test_model_gives_the_recorded_outputs(self):
        """Order, preprocessing and weights fit each other; needs the images that the record was made with."""
        dataset, found = load_data(), headline.load_headline()
        if not found.has_order_of(dataset.y_test):
            pytest.skip("needs the JPEG copy of CIFAR-10 (VGG_LESSON_DATA)")
        outputs = headline.headline_network(dataset, 200).outputs
        assert outputs.probabilities == pytest.approx(found.probabilities[:200], abs=0.02)
