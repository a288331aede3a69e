"""Changes to training images: drawn anew for each, repeatable, and exactly what their names say."""

import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.augmentation import CUTOUT, SHIFT, augment

IMAGES = tf.constant(np.random.default_rng(0).random((64, 32, 32, 3), np.float32))
SEED = tf.constant([1, 2])


def test_flip_mirrors_about_half_of_the_images():
    changed = augment(IMAGES, ("flip",), SEED).numpy()
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(changed, IMAGES.numpy(), strict=True)]
    same = [np.array_equal(new, old) for new, old in zip(changed, IMAGES.numpy(), strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True)) and 16 < sum(mirrored) < 48


def test_shift_moves_by_at_most_two_pixels_over_a_mirrored_edge():
    changed = augment(IMAGES, ("shift",), SEED).numpy()
    padded = np.pad(IMAGES.numpy(), ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
    moves = set()
    for number, new in enumerate(changed):
        places = [
            (t, s) for t in range(5) for s in range(5) if np.array_equal(new, padded[number, t : t + 32, s : s + 32])
        ]
        moves.update(places[:1])
        assert places
    assert len(moves) > 10


def test_cutout_blanks_one_square():
    changed = augment(IMAGES, ("cutout",), SEED).numpy()
    for new, old in zip(changed, IMAGES.numpy(), strict=True):
        rows, columns = np.nonzero((new != old).any(axis=2))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height <= CUTOUT and width <= CUTOUT and len(rows) == height * width
    np.testing.assert_allclose(new[rows[0], columns[0]], IMAGES.numpy().mean(axis=(0, 1, 2)), rtol=1e-4)


def test_equal_seeds_give_equal_changes_and_others_do_not():
    names = ("flip", "shift", "cutout")
    first = augment(IMAGES, names, SEED).numpy()
    assert np.array_equal(first, augment(IMAGES, names, SEED))
    assert not np.array_equal(first, augment(IMAGES, names, SEED + 5))
    assert np.array_equal(augment(IMAGES, (), SEED), IMAGES)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="'rotate'"):
        augment(IMAGES, ("rotate",), SEED)
