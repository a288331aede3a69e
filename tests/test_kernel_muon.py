"""Muon for kernels: orthogonal updates for convolutions, Keras's AdamW for the rest, and it survives saving."""

import keras
import numpy as np
import pytest

from vgg_lesson.optimizers.kernel_muon import KernelMuon

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
    """Their lengths apart: Keras lets a matrix grow."""
    start, gradients = numbers(3, 3, 4, 20), [numbers(3, 3, 4, 20, seed=seed) for seed in (1, 2)]
    ours = moved(KernelMuon(**SETTINGS), start, gradients)
    length = np.linalg.norm(start)
    theirs = start.reshape(36, 20)
    optimizer = keras.optimizers.Muon(
        **SETTINGS | {"learning_rate": 0.1 * float(length) / 20**0.5}, rms_rate=None, ns_steps=3
    )
    theirs = moved(optimizer, theirs, [gradients[0].reshape(36, 20)])
    once = moved(KernelMuon(**SETTINGS), start, gradients[:1])
    np.testing.assert_allclose(once.reshape(36, 20), theirs * length / np.linalg.norm(theirs), atol=1e-5)
    assert np.abs(ours - once).max() > 0.01


@pytest.mark.parametrize("filters", [20, 60])
def test_the_rate_is_the_share_of_a_kernel_that_a_step_changes_and_its_length_stays(filters):
    start = numbers(3, 3, 4, filters)
    new = moved(KernelMuon(**SETTINGS), start, [numbers(3, 3, 4, filters, seed=1)])
    assert np.linalg.norm(new) == pytest.approx(np.linalg.norm(start), rel=1e-5)
    assert np.linalg.norm(new - start) / np.linalg.norm(start) == pytest.approx(0.1, rel=0.2)
    assert not np.any(moved(KernelMuon(**SETTINGS), 0 * start, [start]))


def test_the_iteration_in_bfloat16_moves_a_kernel_almost_as_in_float32():
    """Eight bits of each number: a step differs by a few hundredths, whatever the size of the gradient."""
    start, gradient = numbers(3, 3, 4, 20), numbers(3, 3, 4, 20, seed=1) * 1e-6
    exact = moved(KernelMuon(**SETTINGS), start, [gradient]) - start
    half = moved(KernelMuon(**SETTINGS, ns_dtype="bfloat16"), start, [gradient]) - start
    assert 0 < np.linalg.norm(half - exact) / np.linalg.norm(exact) < 0.06


def test_all_directions_of_a_kernel_move_alike():
    """A gradient with one strong and many weak directions: the update's singular values lie close together."""
    gradient = numbers(36, 1) @ numbers(1, 20, seed=1) * 100 + numbers(36, 20, seed=2)
    start = numbers(3, 3, 4, 20)
    step = (
        moved(KernelMuon(**SETTINGS | {"learning_rate": 1e-3, "ns_steps": 5}), start, [gradient.reshape(3, 3, 4, 20)])
        - start
    )
    sizes = np.linalg.svd(step.reshape(36, 20), compute_uv=False)
    assert sizes.max() / sizes.min() < 5 < 50 < np.divide(*np.linalg.svd(gradient, compute_uv=False)[[0, -1]])


@pytest.mark.parametrize("shape", [(20,), (36, 20)])
def test_shifts_and_dense_kernels_move_as_under_adamw(shape):
    start, gradients = numbers(*shape), [numbers(*shape, seed=seed) for seed in (1, 2)]
    adamw = keras.optimizers.AdamW(0.01, weight_decay=0.0)  # a tenth of Muon's rate
    np.testing.assert_allclose(
        moved(KernelMuon(**SETTINGS), start, gradients), moved(adamw, start, gradients), atol=1e-5
    )


def test_a_saved_model_goes_on_as_if_nothing_had_been(tmp_path):
    model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    model.compile(optimizer=KernelMuon(**SETTINGS, ns_dtype="bfloat16"), loss="mse")
    images, targets = numbers(8, 6, 6, 3), numbers(8, 64, seed=1)
    model.fit(images, targets, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    # By name: an exported script that another test runs registers a KernelMuon of its own.
    assert type(again.optimizer).__name__ == "KernelMuon" and again.optimizer.ns_dtype == "bfloat16"
    for trained in (model, again):
        trained.fit(images, targets, shuffle=False, verbose=0)
    for kept, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(kept, expected, atol=1e-6)
