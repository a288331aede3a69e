"""The stand-in: made from a seed, drawn rather than noise, hard enough, and confusable where promised."""

import random
import time

import numpy as np
import pytest

from vgg_lesson.cifar10.batch import CLASS_NAMES
from vgg_lesson.sketches import draw_sketches


@pytest.fixture(scope="module")
def training():
    return draw_sketches(1500, seed=11)


@pytest.fixture(scope="module")
def test():
    return draw_sketches(500, seed=12)


def test_shapes_dtypes_and_balance(training):
    x, y = training
    assert (x.shape, x.dtype) == ((1500, 32, 32, 3), np.uint8)
    assert (y.shape, y.dtype) == ((1500,), np.int64)
    assert np.bincount(y).tolist() == [150] * 10
    assert len({tuple(ten) for ten in y.reshape(-1, 10)}) == 150  # shuffled: no two tens in the same order
    assert sorted(np.bincount(draw_sketches(23, seed=0)[1]).tolist()) == [2] * 7 + [3] * 3


def test_a_seed_fixes_everything_and_another_changes_everything(training):
    x, y = draw_sketches(30, seed=5)
    again, labels = draw_sketches(30, seed=5)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, labels)
    other, labels = draw_sketches(30, seed=6)
    assert not any(np.array_equal(x[k], other[k]) for k in range(30))
    assert len({bytes(image) for image in training[0]}) == 1500


def test_other_random_numbers_are_left_alone():
    random.seed(3)
    before = random.getstate()
    draw_sketches(5, seed=0)
    assert random.getstate() == before


def test_light_and_contrast_are_like_photographs(training):
    x = training[0] / 255
    assert np.all(np.abs(x.mean((0, 1, 2)) - 0.47) < 0.06)  # CIFAR-10: 0.49, 0.48, 0.45
    assert np.all(np.abs(x.std((0, 1, 2)) - 0.25) < 0.06)  # CIFAR-10: 0.25, 0.24, 0.26


def test_images_are_drawings_not_noise(training):
    x = training[0].astype(float) - training[0].mean((1, 2, 3), keepdims=True)
    neighbours = (x[:, :, 1:] * x[:, :, :-1]).mean() / (x**2).mean()
    assert neighbours > 0.8
    assert x.std((1, 2, 3)).min() > 4  # none is blank


def features(images):
    flat = images.reshape(len(images), -1) / 255
    return ((flat - 0.47) / 0.25).astype(np.float32)


def linear_accuracy(training, test, classes, steps=60):
    """Accuracy of softmax regression on the given classes, by gradient descent with momentum."""
    (x, y), (x_test, y_test) = (
        (features(x), np.searchsorted(classes, y)) for x, y in map(only(classes), (training, test))
    )
    weights, bias = np.zeros((x.shape[1], len(classes)), np.float32), np.zeros(len(classes), np.float32)
    velocity = np.zeros_like(weights)
    best = 0.0
    for _ in range(steps):
        logits = x @ weights + bias
        chances = np.exp(logits - logits.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        chances[np.arange(len(y)), y] -= 1
        velocity = 0.9 * velocity - 2e-3 * (x.T @ chances / len(y) + 0.01 * weights)
        weights += velocity
        bias -= 1e-2 * chances.mean(0)
        # The best step on the test images: an upper bound, which makes the ceiling stricter.
        best = max(best, float(np.mean((x_test @ weights + bias).argmax(1) == y_test)))
    return best


def only(classes):
    def keep(images_and_labels):
        images, labels = images_and_labels
        rows = np.isin(labels, classes)
        return images[rows], labels[rows]

    return keep


def test_a_linear_model_is_better_than_chance_and_not_enough(training, test):
    accuracy = linear_accuracy(training, test, list(range(10)))
    assert 0.2 < accuracy < 0.6


def test_cats_and_dogs_and_cars_and_trucks_are_harder_to_tell_apart_than_others(training, test):
    def pair(one, other):
        return linear_accuracy(training, test, sorted((CLASS_NAMES.index(one), CLASS_NAMES.index(other))))

    alike = [pair("cat", "dog"), pair("automobile", "truck")]
    unlike = [pair("airplane", "frog"), pair("ship", "deer"), pair("cat", "ship"), pair("truck", "bird")]
    assert max(alike) < min(unlike)
    assert alike[0] < 0.75


def test_drawing_takes_less_than_two_and_a_half_milliseconds_an_image():
    def seconds():
        start = time.process_time()  # of this process alone: a busy machine counts less
        draw_sketches(200, seed=1)
        return time.process_time() - start

    assert any(seconds() < 200 * 2.5e-3 for _ in range(5))


@pytest.mark.parametrize("images", [0, -5, 2.0, True, "ten"])
def test_odd_numbers_of_images_are_named(images):
    with pytest.raises(ValueError, match=f"images must be an integer of at least 1, received {images!r}"):
        draw_sketches(images)


@pytest.mark.parametrize("seed", [-1, 1.5, None, False])
def test_odd_seeds_are_named(seed):
    with pytest.raises(ValueError, match=f"seed must be an integer of at least 0, received {seed!r}"):
        draw_sketches(10, seed)
