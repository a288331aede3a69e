"""Baselines against what can be worked out by hand."""

import math

import numpy as np
import pytest

from vgg_lesson.baselines import (
    AMONG_TEN,
    Guessing,
    class_means,
    entropy,
    fit_linear,
    majority_share,
    nearest_mean,
    shrink,
)
from vgg_lesson.sketches import draw_sketches


def test_entropy():
    assert entropy([1] * 10) == pytest.approx(math.log(10))
    assert entropy([90, 10]) == pytest.approx(0.325083, abs=1e-6)  # -0.9 ln 0.9 - 0.1 ln 0.1
    assert entropy([0, 5, 5]) == pytest.approx(math.log(2))
    assert entropy([7]) == 0


@pytest.mark.parametrize("counts", [[], [0, 0], [-1, 2], [[1, 2]], [math.nan, 1]])
def test_entropy_refuses(counts):
    with pytest.raises(ValueError, match="received"):
        entropy(counts)


def test_shrink_takes_means():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)
    small = shrink(images, 2)
    assert small.shape == (2, 2, 2, 3) and small.dtype == np.float32
    assert small[1, 0, 1, 2] == pytest.approx(images[1, :2, 3:, 2].mean(), abs=1e-4)
    assert shrink(images[:, :, :4], 4).astype(np.uint8).tolist() == images[:, :, :4].tolist()
    with pytest.raises(ValueError, match="received 4"):
        shrink(images, 4)


def test_nearest_mean_is_nearest():
    images, labels = draw_sketches(300, seed=3)
    means = class_means(images, labels)
    distances = ((images[:40, None].astype(float) - means) ** 2).sum(axis=(2, 3, 4))
    assert means.shape == (10, 32, 32, 3)
    assert np.array_equal(nearest_mean(images[:40], means), distances.argmin(axis=1))


def test_means_of_bytes_do_not_overflow():
    rng = np.random.default_rng(0)
    images, means = rng.integers(0, 256, (40, 4, 4, 3)), rng.integers(100, 256, (5, 4, 4, 3))
    asked = nearest_mean(images.astype(np.uint8), means.astype(np.uint8))
    np.testing.assert_array_equal(asked, nearest_mean(images, means.astype(float)))
    labels = [0, 1] * 20
    np.testing.assert_array_equal(class_means(images, labels, 2), class_means(images, np.array(labels), 2))


def test_class_means_need_every_class():
    images, labels = draw_sketches(30, seed=3)
    with pytest.raises(ValueError, match=r"none of \[10\]"):
        class_means(images, labels, classes=11)


@pytest.fixture(scope="module")
def fitted():
    images, labels = draw_sketches(1500, seed=4)
    return fit_linear(images, labels), images, labels


def test_linear_classifier_learns_and_repeats(fitted):
    linear, images, labels = fitted
    new, new_labels = draw_sketches(400, seed=5)
    assert linear.loss(new, new_labels) < math.log(10)
    assert (linear.predict(new) == new_labels).mean() > 0.2
    assert np.allclose(fit_linear(images, labels).weights, linear.weights)
    assert not np.allclose(fit_linear(images, labels, seed=1).weights, linear.weights)


def test_linear_loss_is_the_cross_entropy(fitted):
    linear, images, labels = fitted
    logits = linear.logits(images[:50]).astype(float)
    chosen = np.exp(logits)[np.arange(50), labels[:50]] / np.exp(logits).sum(axis=1)
    assert linear.loss(images[:50], labels[:50]) == pytest.approx(-np.log(chosen).mean(), abs=1e-4)


def test_linear_without_training_costs_ln_10(fitted):
    _, images, labels = fitted
    assert fit_linear(images, labels, epochs=0).loss(images, labels) == pytest.approx(math.log(10), abs=1e-5)


def test_linear_gradient_is_that_of_the_loss(fitted):
    """One step on one batch moves the loss as its slope says: an error in the gradient would not."""
    _, images, labels = fitted
    before = fit_linear(images[:100], labels[:100], epochs=0)
    after = fit_linear(images[:100], labels[:100], epochs=1)
    step = after.weights - before.weights
    nudged = type(before)(before.weights + 1e-3 * step, before.biases, before.side, before.statistics)
    slope = (nudged.loss(images[:100], labels[:100]) - before.loss(images[:100], labels[:100])) / 1e-3
    assert slope == pytest.approx(-(step**2).sum() / 0.1, rel=0.05)  # rate 0.1: step = -0.1 gradient


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (np.arange(12) % 10, r"for each of 20 images, received int64 of shape \(12,\)"),
        (np.arange(20) % 10 - 1, r"0 \.\. 9, received -1 \.\. 8"),
        (np.arange(20) % 11, r"0 \.\. 9, received 0 \.\. 10"),
        (np.arange(20) / 2, "received float64"),
    ],
)
def test_labels_that_are_none_of_these_images_are_named(labels, complaint):
    for classifier in (fit_linear, class_means):
        with pytest.raises(ValueError, match=complaint):
            classifier(np.zeros((20, 32, 32, 3), np.uint8), labels)


def test_guessing_among_unequal_classes():
    assert Guessing(10, pytest.approx(math.log(10)), 0.1) == AMONG_TEN and AMONG_TEN.even
    two = Guessing.from_labels(np.repeat([0, 1], [9, 1]), 2)
    assert two == (2, pytest.approx(0.325083, abs=1e-6), 0.9) and not two.even
    assert majority_share(["cat", "dog", "cat", "ship"]) == 0.5
