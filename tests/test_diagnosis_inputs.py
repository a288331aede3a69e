"""What is given to an examination: large, fine, long and raw images, labels of other tasks, parts that raise."""

import time
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_networks import small, stripes

from vgg_lesson.data import load_data
from vgg_lesson.diagnosis import causes, cloning, examine
from vgg_lesson.diagnosis.arguments import FROM_DATASET
from vgg_lesson.diagnosis.facts import array_facts, known_good, known_good_network
from vgg_lesson.diagnosis.facts.array_facts import fitting, image_facts
from vgg_lesson.diagnosis.facts.batches import prepared, prepares
from vgg_lesson.diagnosis.facts.gathered import gather
from vgg_lesson.diagnosis.facts.known_good import KnownGood
from vgg_lesson.diagnosis.facts.known_good_network import KnownGoodNetwork
from vgg_lesson.diagnosis.facts.loss_and_output import NO_LOSS
from vgg_lesson.diagnosis.facts.vital_signs import network_signs
from vgg_lesson.diagnosis.rules import rules_learned
from vgg_lesson.diagnosis.rules.static import static_findings
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.laboratory import standardising

L = keras.layers


def made(*layers, shape=(8, 8, 3), loss="sparse_categorical_crossentropy", **options):
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile("adam", loss, **options)
    return model


def static(model, x, y, **options):
    subject = Subject.of(model, x, y, **options)
    facts = gather(subject, cloning.copy(subject.model, subject.images, seed=0))
    return static_findings(subject, facts), facts


def textures(count=840, side=26):
    """Four classes that differ in their finest detail only: stripes of two pixels, three ways, and none."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, count)
    rows, columns = np.indices((side, side))
    waves = (-1.0) ** np.stack([rows, columns, rows + columns])
    waves = np.concatenate([waves, np.zeros((1, side, side))])
    x = rng.normal(0.5, 0.1, (count, side, side, 1)) + 0.4 * waves[y][..., None] * rng.choice([-1, 1], (count, 1, 1, 1))
    return x.astype(np.float32), y


def test_classes_in_fine_detail_are_looked_for_before_labels_are_accused(monkeypatch):
    monkeypatch.setattr(known_good, "LONGER", 1)
    x, y = textures()
    model = made(L.Flatten(), L.Dense(4, activation="softmax"), shape=(26, 26, 1))
    known = known_good.known_good(Subject.of(model, x, y), float("inf"), steps=80)
    assert known.informative is True and known.accuracy > 0.5


def test_a_second_look_that_the_clock_ends_accuses_nobody(monkeypatch):
    x, y = textures()
    subject = Subject.of(made(L.Flatten(), L.Dense(4, activation="softmax"), shape=(26, 26, 1)), x, y)
    steps = {False: 80, True: 3}

    def fit(probe, *_, **__):
        return steps[probe.fine]

    monkeypatch.setattr(KnownGoodNetwork, "fit", fit)
    monkeypatch.setattr(KnownGoodNetwork, "accuracy", lambda probe, permute=False: probe.majority)
    assert known_good.known_good(subject, float("inf"), steps=80).informative is None
    steps[True] = 80
    assert known_good.known_good(subject, float("inf"), steps=80).informative is False


def test_a_look_that_the_clock_ends_leaves_what_was_known_before():
    x, y = stripes(1200)
    network = KnownGoodNetwork(Subject.of(small(), x, y))
    over = time.perf_counter()
    done = network.fit(40, np.inf)
    before = network.accuracy()
    assert before > 0.9
    assert network.fit_longer(120, over, done) == done and network.accuracy() == before
    assert network.permuted(3) < 0.5 and network.accuracy() == before
    assert network.fit_longer(60, np.inf, done) == 60


def test_an_augmentation_that_had_no_time_is_not_accused(monkeypatch):
    x, y = stripes(1200)
    subject = Subject.of(small(), x, y, augmentation=lambda x: x[:, :, ::-1])
    fit = KnownGoodNetwork.fit

    def slow(network, steps, until, *, augment=False, **options):
        return fit(network, steps, 0.0 if augment else until, augment=augment, **options)

    monkeypatch.setattr(KnownGoodNetwork, "fit", slow)
    known = known_good.known_good(subject, np.inf, steps=40)
    assert known.informative and np.isnan(known.augmented)


def test_an_augmentation_that_loses_images_is_named():
    x, y = stripes(1200)
    report = examine(small(), x, y, augmentation=lambda x: x[: len(x) // 2], budget_seconds=60)
    assert report.cause == causes.UNDETERMINED
    assert "the augmentation returns 32 images for 64 labels" in str(report)


def test_labels_that_an_augmentation_changes_are_the_ones_that_it_learns():
    x, y = stripes(1200)
    rows = np.unique(y)
    swapped = rows[::-1]

    def relabelled(images, labels):
        return images, swapped[np.searchsorted(rows, labels)]

    known = known_good.known_good(Subject.of(small(), x, y, augmentation=relabelled), np.inf, steps=40)
    assert known.accuracy > 0.9 and known.augmented < 0.3


@pytest.mark.parametrize(
    ("trained", "validation", "cause"),
    [
        (True, "true", causes.HEALTHY),
        (True, "permuted", causes.LABELS_INDEPENDENT_OF_IMAGES),  # what it knows of the training images is by heart
        (True, None, causes.UNDETERMINED),
        (False, "true", causes.LABELS_INDEPENDENT_OF_IMAGES),
    ],
)
def test_given_weights_that_know_are_heard_before_labels_are_accused(monkeypatch, trained, validation, cause):
    blind = KnownGood(0.25, 512, 0.25, 480, 1.0, False, 0.25)
    monkeypatch.setattr(known_good, "known_good", lambda subject, until: blind)
    x, y = stripes(1200)
    model = small()
    if trained:
        model.fit(x, y, epochs=3, verbose=0)
    other = None
    if validation:
        other = stripes(600, seed=1)
        other = other if validation == "true" else (other[0], np.random.default_rng(0).permutation(other[1]))
    report = examine(model, x, y, other, budget_seconds=60)
    assert report.cause == cause
    assert any("weights as given reach" in line for line in report.seen) == (not report.findings)


def rescaling():
    return keras.Sequential([L.Rescaling(1 / 255), L.RandomFlip("horizontal")])


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1 / 127.5, -1), (1 / 255 / 127.5, -1), (1 / 255, 0), (40, 7)])
def test_scaled_inputs_are_standard_where_the_first_kernel_gets_them(scale, offset):
    x, y = stripes(400)
    x = x * np.float32([1, 0.5, 2]) + np.float32([0, 0.3, 0.1])
    rescaling = L.Rescaling(scale, offset)
    model = keras.Sequential([keras.Input((8, 8, 3)), rescaling, *small().layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    signs = network_signs(Subject.of(model, x, y), cloning.copy(model, x, seed=0), 400)
    shift, by = standardising(image_facts(x), signs)
    reached = scale * ((x - shift) / by) + offset  # in 64 bits
    np.testing.assert_allclose(reached.mean(axis=(0, 1, 2)), 0, atol=0.02)
    np.testing.assert_allclose(reached.std(axis=(0, 1, 2)), 1, rtol=0.01)


def test_an_augmentation_that_scales_is_part_of_the_preparation():
    x, y = stripes(1200)
    raw = np.round(255 * x).astype(np.uint8)
    x_val, y_val = stripes(300, seed=1)
    augmentation = rescaling()
    before = [variable.numpy() for variable in augmentation.variables]
    subject = Subject.of(small(), raw, y, (x_val, y_val), augmentation=augmentation)
    signs = network_signs(subject, cloning.copy(subject.model, x, seed=0))
    assert 0.1 < signs.first_input.size < 1
    report = examine(small(), raw, y, (x_val, y_val), augmentation=augmentation, budget_seconds=120)
    assert report.cause == causes.HEALTHY
    for old, new in zip(before, augmentation.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_validation_images_must_be_as_the_augmentation_leaves_the_training_images():
    x, y = stripes()
    raw = np.round(255 * x).astype(np.uint8)
    options = {"augmentation": rescaling()}
    assert static(small(), raw, y, validation_data=(x, y), **options)[0] == []
    (finding,), facts = static(small(), raw, y, validation_data=(raw, y), **options)
    assert finding.cause == causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER and facts.images.spread < 1
    subject = Subject.of(small(), raw, y, (x, y), **options)
    known = known_good.known_good(subject, float("inf"), steps=40)
    assert known.informative and rules_learned.validation_apart(known, facts.order) is None


@pytest.mark.parametrize(
    ("augmentation", "scales"),
    [
        (lambda x: x[:, :, ::-1], False),
        (lambda x: np.random.default_rng(0).uniform(0, 1, x.shape), False),
        (lambda x: x * 0.0 + x.mean(), False),
        (lambda x: 1.0 * x[::-1] - 5, False),  # other images than those that were given
        (lambda x: {}["missing"], False),  # told where a training needs it
        (lambda x: 2 * x - 9.0, True),
        (lambda x, y: (x / 255, y), True),
        (lambda x: np.divide(x, 255, out=x), True),  # in place
    ],
)
def test_what_counts_as_a_preparation(augmentation, scales):
    x, y = stripes(100)
    subject = Subject.of(small(), x.copy(), y, augmentation=augmentation)
    rows = np.arange(90)
    assert prepares(subject, rows) is scales
    found = prepared(subject, rows)
    assert len(found) == 90 and np.array_equal(found, x[:90]) != scales
    np.testing.assert_array_equal(subject.images, x)


def test_a_layers_draws_go_on_and_its_state_is_put_back():
    x, y = stripes(64)
    layer = keras.Sequential([L.RandomFlip("horizontal_and_vertical", seed=3)])
    first = [variable.numpy() for variable in layer.variables]
    augmentation = Subject.of(small(), x, y, augmentation=layer).augmentation
    drawn = [augmentation(x) for _ in range(2)]
    assert not np.array_equal(*drawn)
    assert all(np.array_equal(old, new.numpy()) for old, new in zip(first, layer.variables, strict=True))
    np.testing.assert_array_equal(drawn[0], layer(x, training=True))


X, Y = stripes(200)
RNG = np.random.default_rng(0)
MAPS = RNG.integers(0, 4, (200, 8, 8))
SPARSE = keras.losses.SparseCategoricalCrossentropy
BINARY = keras.losses.BinaryCrossentropy


def flat(units, activation=None):
    return L.Flatten(), L.Dense(units, activation=activation)


OTHER_TASKS = {
    "multi-label": (flat(5, "sigmoid"), "binary_crossentropy", RNG.integers(0, 2, (200, 5)), "any number of ones"),
    "multi-label, logits": (flat(5), BINARY(from_logits=True), RNG.integers(0, 2, (200, 5)), "any number of ones"),
    "regression": (flat(1), "mse", RNG.normal(0, 1, 200), "how far the answers are"),
    "age": (flat(1, "relu"), "mae", RNG.integers(1, 80, 200), "how far the answers are"),
    "share": (flat(1, "sigmoid"), "mse", RNG.uniform(0, 1, (200, 1)), "how far the answers are"),
    "boxes": (flat(4), keras.losses.Huber(), RNG.uniform(0, 224, (200, 4)), "how far the answers are"),
    "segmentation": (
        (L.Conv2D(4, 1, activation="softmax"),),
        "sparse_categorical_crossentropy",
        MAPS,
        "maps, (8, 8, 4)",
    ),
    "autoencoder": ((L.Conv2D(3, 1),), "mse", X, "maps, (8, 8, 3)"),
    "left out": (flat(4, "softmax"), SPARSE(ignore_class=-1), np.where(Y == 3, -1, Y), "leaves some labels out"),
}


@pytest.mark.parametrize("task", OTHER_TASKS)
def test_other_tasks_are_declined_not_accused(task):
    layers, loss, y, told = OTHER_TASKS[task]
    report = examine(made(*layers, loss=loss), X, y, budget_seconds=30)
    assert report.cause == causes.UNDETERMINED and not report.findings and not report.courses
    assert told in report.seen[-1] and "not a single-label image classifier: not examined" in report.seen[-1]


@pytest.mark.parametrize(
    ("layers", "loss", "y", "cause"),
    [
        (flat(5, "softmax"), "categorical_crossentropy", RNG.integers(0, 2, (200, 5)), causes.LABELS_OUT_OF_RANGE),
        (flat(4, "sigmoid"), "binary_crossentropy", np.eye(4)[Y] / 255, causes.LABELS_OUT_OF_RANGE),
        (flat(1, "sigmoid"), "binary_crossentropy", Y / 255, causes.LABELS_OUT_OF_RANGE),
        (flat(1, "sigmoid"), "binary_crossentropy", Y, causes.LOSS_LABEL_MISMATCH),
        (flat(4, "softmax"), "sparse_categorical_crossentropy", Y - 1, causes.LABELS_OUT_OF_RANGE),
        ((L.Conv2D(4, 1, activation="softmax"),), "categorical_crossentropy", np.eye(4)[Y], None),
    ],
)
def test_real_mistakes_are_still_named(layers, loss, y, cause):
    found, _ = static(made(*layers, loss=loss), X, y)
    assert found[0].cause == cause if cause else found[0].cause != causes.UNDETERMINED


def test_two_inputs_are_refused_by_their_number():
    inputs = [keras.Input((8, 8, 3), name=name) for name in ("left", "right")]
    outputs = L.Dense(4, activation="softmax")(L.Flatten()(L.Concatenate()(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"model must have one input, received 2: \['left', 'right'\]"):
        examine(model, [X, X], Y)


@pytest.mark.parametrize("shape", [(3, 60, 60), (4, 200, 1), (200, 3, 3)])
def test_long_images_keep_their_short_side(shape):
    x = RNG.uniform(0, 1, (40, *shape)).astype(np.float32)
    subject = Subject.of(made(*flat(4, "softmax"), shape=shape), x, Y[:40])
    for fine in (False, True):
        thin = KnownGoodNetwork(subject, fine=fine)._thin(x)
        assert np.isfinite(thin).all() and min(thin.shape) > 0 and max(thin.shape[1:3]) <= known_good_network.SIDE


def test_channels_that_come_first_are_channels():
    x, y = stripes()
    layers = (L.Conv2D(2, 3, data_format="channels_first"), *flat(4, "softmax"))
    subject = Subject.of(made(*layers, shape=(3, 8, 8)), np.moveaxis(x, -1, 1), y)
    assert subject.channels_first and not Subject.of(small(), x, y).channels_first
    np.testing.assert_array_equal(KnownGoodNetwork(subject)._thin(subject.images[:9]), x[:9])


def test_a_sample_fits_into_memory(monkeypatch):
    def of(*shape):
        return np.broadcast_to(np.float32(0), shape)

    assert [fitting(of(5000, *shape), 2048) for shape in ((32, 32, 3), (224, 224, 3), (999, 999, 3))] == [2048, 445, 64]
    assert fitting(of(5000, 999, 999, 3), 10) == 10
    monkeypatch.setattr(array_facts, "MEMORY", 70 * 4 * 192)
    _, facts = static(small(), X, Y, validation_data=(X, Y))
    assert facts.images.count == facts.validation.count == facts.images_as_validation.count == 70


def test_images_are_measured_some_at_a_time():
    images = np.random.default_rng(0).integers(0, 255, (600, 128, 128, 3)).astype(np.uint8)
    tracemalloc.start()
    facts = image_facts(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6  # as 32-bit floats they are 118 MB, and were copied three times
    np.testing.assert_allclose(facts.mean, images.reshape(-1, 3).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(facts.std, images.reshape(-1, 3).std(axis=0), rtol=1e-6)
    np.testing.assert_allclose(facts.between, images[:, :8].std(axis=0).mean(), rtol=1e-2)


def missing(images):
    return {}["missing"]


class Tired:
    """A loss that answers a few times."""

    def __init__(self, times):
        self.times = times

    def __call__(self, labels, answers):
        self.times -= 1
        if self.times < 0:
            raise RuntimeError("no more")
        return keras.losses.sparse_categorical_crossentropy(labels, answers)


def test_an_augmentation_that_raises_is_named_and_the_report_stays():
    x, y = stripes()
    report = examine(small(), x, y, (255 * x, y), augmentation=missing, budget_seconds=60)
    assert report.causes == (causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER,)
    assert report.seen[-1] == "the augmentation raises KeyError: 'missing'"


def test_a_loss_that_raises_is_named():
    x, y = stripes()

    def in_python(labels, answers):  # eagerly it works
        return keras.losses.sparse_categorical_crossentropy(labels, answers) + 0 * float(np.mean(answers.numpy()))

    for loss, told in ((in_python, "numpy"), (Tired(3), "RuntimeError: no more")):
        report = examine(made(*flat(4, "softmax"), loss=loss), x, y, budget_seconds=60)
        assert report.cause == causes.UNDETERMINED
        assert report.seen[-1].startswith("the loss raises") and told in report.seen[-1]


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="backend must be tensorflow, received jax: set KERAS_BACKEND"):
        examine(small(), X, Y)


def test_many_images_of_one_class_are_a_remark_where_the_network_learned_all_the_same():
    x, y = stripes(2400)
    kept = np.flatnonzero((y == 0) | (np.arange(2400) % 4 == 0))
    x, y = x[kept], y[kept]
    assert np.mean(y == 0) > 0.5
    trained, fresh = small(), small()
    trained.fit(x, y, epochs=4, verbose=0)
    for model in (trained, fresh):
        report = examine(model, x, y, budget_seconds=60)
        assert report.cause == causes.HEALTHY and not report.findings
        assert any("largest class" in line and "judge by the accuracy of each class" in line for line in report.seen)
    slow = examine(small(keras.optimizers.Adam(1e-9)), x, y, budget_seconds=30)
    assert slow.cause == causes.CLASS_IMBALANCE and slow.stuck is not False


def test_classes_twenty_times_smaller_are_named_even_where_the_network_learned():
    x, y = stripes(2400)
    kept = np.flatnonzero((y == 0) | (np.arange(2400) % 25 == 0))
    report = examine(small(), x[kept], y[kept], budget_seconds=60)
    assert report.cause == causes.CLASS_IMBALANCE and report.stuck is False


def test_a_dataset_is_refused_with_the_line_that_makes_arrays_of_it():
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32).prefetch(1)
    for given in ({"x_train": dataset}, {"x_train": dataset, "y_train": None}, {"x_train": X, "y_train": dataset}):
        with pytest.raises(TypeError, match="received _PrefetchDataset of dtype object; arrays are made") as refused:
            examine(small(), **given)
        assert FROM_DATASET in str(refused.value)
    with pytest.raises(ValueError, match=r"must be \(images, labels\), received _PrefetchDataset; arrays are made"):
        examine(small(), X, Y, validation_data=dataset)
    with pytest.raises(TypeError, match="y_train must be class numbers, .*, received None"):
        examine(small(), X)
    made = {"np": np, "dataset": dataset}
    exec(FROM_DATASET, made)
    np.testing.assert_array_equal(made["x"], X)
    np.testing.assert_array_equal(made["y"], Y)
    assert f"`{FROM_DATASET}`" in (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


class OwnLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, y_pred))


def test_a_loss_that_no_compile_knows_of_is_told():
    x, y = stripes()
    images = keras.Input((8, 8, 3))
    bare = OwnLoss(images, L.Dense(4, activation="softmax")(L.Flatten()(images)))
    bare.compile("adam")
    report = examine(bare, x, y, budget_seconds=60)
    assert report.cause == causes.UNDETERMINED and not report.findings
    assert "a compute_loss of its own" in report.seen[0] and report.seen[-1].startswith(NO_LOSS)


def test_training_images_that_were_reshaped_are_told_from_foreign_labels():
    data = load_data("sketches")
    x, y = data.x_train[:4200], data.y_train[:4200]
    scrambled = x[:3000].transpose(0, 3, 1, 2).reshape(-1, 32, 32, 3)
    model = made(L.Flatten(), L.Dense(10, "softmax"), shape=(32, 32, 3))
    known = known_good.known_good(Subject.of(model, scrambled, y[:3000], (x[3000:], y[3000:])), np.inf, steps=40)
    found = rules_learned.validation_apart(known, array_facts.OrderFacts(0.0, 0.0, 1.0, False))
    assert found.cause == "train_validation_preprocessing_differ" and "planes as pixels" in found.measured


@pytest.mark.parametrize(("different", "dropped"), [(900, True), (300, False)])
def test_copies_of_training_images_are_not_held_out(different, dropped):
    """Of few different images, too few could be held out: then the copies stay."""
    x = np.random.default_rng(0).uniform(size=(different, 8, 8, 3)).astype(np.float32)
    x = np.tile(x, (4, 1, 1, 1))
    model = made(L.Flatten(), L.Dense(4, "softmax"))
    probe = KnownGoodNetwork(Subject.of(model, x, np.arange(len(x)) % different % 4))
    shared = set(probe.held % different) & set(probe.train % different)
    assert bool(shared) != dropped and len(probe.held) + len(probe.train) == (different if dropped else len(x))
