"""Muon for kernels: orthogonal updates for convolutions, Keras's AdamW for the rest, and it survives saving."""

import keras
import numpy as np
import pytest

from vgg_lesson.kernel_muon import KernelMuon

SETTINGS = {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": None, "adam_weight_decay": None}


def moved(optimizer, start, gradients):
    """A variable's value after steps along these gradients."""
    variable = keras.Variable(start, name="kernel")
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(variable)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_a_kernel_moves_as_the_matrix_of_its_patches_does_under_keras():
    start, gradients = numbers(3, 3, 4, 20), [numbers(3, 3, 4, 20, seed=seed) for seed in (1, 2)]
    ours = moved(KernelMuon(**SETTINGS), start, gradients)
    flat = [gradient.reshape(36, 20) for gradient in gradients]
    theirs = moved(keras.optimizers.Muon(**SETTINGS), start.reshape(36, 20), flat)
    np.testing.assert_allclose(ours, theirs.reshape(start.shape), atol=1e-5)
    assert np.abs(ours - start).max() > 0.01


def test_all_directions_of_a_kernel_move_alike():
    """A gradient with one strong and many weak directions: the update's singular values lie close together."""
    gradient = numbers(36, 1) @ numbers(1, 20, seed=1) * 100 + numbers(36, 20, seed=2)
    step = moved(KernelMuon(**SETTINGS), np.zeros((3, 3, 4, 20), "float32"), [gradient.reshape(3, 3, 4, 20)]).reshape(
        36, 20
    )
    sizes = np.linalg.svd(step, compute_uv=False)
    assert sizes.max() / sizes.min() < 3 < np.divide(*np.linalg.svd(gradient, compute_uv=False)[[0, -1]])


@pytest.mark.parametrize("shape", [(20,), (36, 20)])
def test_shifts_and_dense_kernels_move_as_under_adamw(shape):
    start, gradients = numbers(*shape), [numbers(*shape, seed=seed) for seed in (1, 2)]
    adamw = keras.optimizers.AdamW(0.1, weight_decay=0.0)
    np.testing.assert_allclose(
        moved(KernelMuon(**SETTINGS), start, gradients), moved(adamw, start, gradients), atol=1e-5
    )


def test_weight_decay_shrinks_a_kernel_by_the_rate():
    decayed = KernelMuon(**{**SETTINGS, "weight_decay": 0.5})
    start, gradient = numbers(3, 3, 4, 20), [np.zeros((3, 3, 4, 20), "float32")]
    np.testing.assert_allclose(moved(decayed, start, gradient), start * (1 - 0.1 * 0.5), rtol=1e-5)


def test_a_saved_model_goes_on_as_if_nothing_had_been(tmp_path):
    model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    model.compile(optimizer=KernelMuon(**SETTINGS), loss="mse")
    images, targets = numbers(8, 6, 6, 3), numbers(8, 64, seed=1)
    model.fit(images, targets, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is KernelMuon
    for trained in (model, again):
        trained.fit(images, targets, shuffle=False, verbose=0)
    for kept, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(kept, expected, atol=1e-6)
