"""The preview by hand does what the training's augmentation does."""

import numpy as np
import pytest

from vgg_lesson.preview import move

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)


def test_nothing_asked_nothing_changed():
    moved = move(IMAGE)
    assert np.array_equal(moved, IMAGE) and not np.shares_memory(moved, IMAGE)


def test_mirror_and_shift():
    assert np.array_equal(move(IMAGE, mirror=True), IMAGE[:, ::-1])
    assert np.array_equal(move(IMAGE, right=2)[:, 2:], IMAGE[:, :-2])
    assert np.array_equal(move(IMAGE, down=-3)[:-3], IMAGE[3:])
    assert np.array_equal(move(IMAGE, right=1, down=2)[2:, 1:], IMAGE[:-2, :-1])


def test_edges_are_mirrored():
    assert np.array_equal(move(IMAGE, right=2)[:, 0], IMAGE[:, 2])
    assert np.array_equal(move(IMAGE, down=-1)[-1], IMAGE[-2])


def test_mirror_comes_first():
    assert np.array_equal(move(IMAGE, mirror=True, right=2)[:, 2:], IMAGE[:, ::-1][:, :-2])


@pytest.mark.parametrize("shift", [{"right": 6}, {"down": -8}])
def test_refuses(shift):
    with pytest.raises(ValueError, match="smaller than the image"):
        move(IMAGE, **shift)


def test_training_does_the_same():
    """Each image that the training's augmentation makes is one that the preview can make."""
    tf = pytest.importorskip("tensorflow")
    from vgg_lesson.augmentation import SHIFT, augment

    square = IMAGE[:6].astype(np.float32)
    batch = augment(tf.constant(np.stack([square] * 20)), ("flip", "shift"), tf.constant([1, 2])).numpy()
    shifts = range(-SHIFT, SHIFT + 1)
    made = {
        move(square, mirror=mirror, right=right, down=down).tobytes()
        for mirror in (False, True)
        for right in shifts
        for down in shifts
    }
    assert {image.tobytes() for image in batch} <= made
