"""The quick search against the slow one, which compares all numbers of all images."""

import numpy as np
import pytest

from vgg_lesson.neighbours import Neighbourhood
from vgg_lesson.sketches import draw_sketches

IMAGES, LABELS = draw_sketches(700, seed=6)
NEW, _ = draw_sketches(60, seed=7)
NEIGHBOURHOOD = Neighbourhood(IMAGES)


def slow(image, images=IMAGES):
    return np.sqrt(((images.astype(float) - image) ** 2).mean(axis=(1, 2, 3)))


@pytest.mark.parametrize("count", [1, 6, 300, 700])
def test_exact(count):
    for image in NEW[:12]:
        found = NEIGHBOURHOOD.nearest(image, count)
        distances = slow(image)
        assert [row for row, _ in found] == np.argsort(distances, kind="stable")[:count].tolist()
        assert np.allclose([distance for _, distance in found], np.sort(distances)[:count], atol=1e-3)


def test_exact_on_noise_and_flat_images():
    """Where small copies say little, and where many distances are equal."""
    rng = np.random.default_rng(8)
    noise = rng.integers(0, 256, (600, 32, 32, 3), dtype=np.uint8)
    flat = np.broadcast_to(rng.integers(0, 256, (600, 1, 1, 3), dtype=np.uint8), noise.shape).copy()
    for images in (noise, flat):
        for image in (noise[0], flat[1], NEW[0]):
            found = [distance for _, distance in Neighbourhood(images).nearest(image, 9)]
            assert np.allclose(found, np.sort(slow(image, images))[:9], atol=1e-3)


def test_an_image_finds_itself():
    assert NEIGHBOURHOOD.nearest(IMAGES[123], 1) == [(123, 0.0)]


def test_closest_first_finds_a_planted_twin():
    asked = NEW.copy()
    asked[41] = np.clip(IMAGES[77].astype(int) + 3, 0, 255)  # the same picture, a little brighter
    order = NEIGHBOURHOOD.closest_first(asked)
    assert order[0] == 41 and sorted(order.tolist()) == list(range(60))


@pytest.mark.parametrize(
    ("image", "count", "words"),
    [
        (NEW[0].astype(float), 1, "float64"),
        (NEW[:2], 1, r"\(2, 32, 32, 3\)"),
        (NEW[0], 0, "received 0"),
        (NEW[0], 701, "received 701"),
        (NEW[0], 2.0, "received 2.0"),
        (NEW[0], True, "received True"),
    ],
)
def test_refuses(image, count, words):
    with pytest.raises(ValueError, match=words):
        NEIGHBOURHOOD.nearest(image, count)


@pytest.mark.parametrize("images", [IMAGES[:0], IMAGES[0], IMAGES / 255])
def test_refuses_collections(images):
    with pytest.raises(ValueError, match="received"):
        Neighbourhood(images)
