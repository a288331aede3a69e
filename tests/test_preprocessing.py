"""Scaling agrees with NumPy's plain formulas, and refuses what would be scaled wrongly."""

import numpy as np
import pytest

from vgg_lesson.preprocessing import PREPROCESSINGS, ChannelStatistics, fit_statistics, preprocess


@pytest.fixture(scope="module")
def images():
    # Channels of different mean and spread; more images than one block of the histogram.
    rng = np.random.default_rng(0)
    return (rng.integers(0, 256, (2100, 8, 8, 3)) * [1.0, 0.5, 0.25] + [0, 20, 100]).astype(np.uint8)


def test_statistics_are_numpys(images):
    statistics = fit_statistics(images)
    np.testing.assert_allclose(statistics.mean, (images / 255).mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(statistics.std, (images / 255).std((0, 1, 2)), rtol=1e-12)


def test_each_preprocessing_is_its_formula(images):
    statistics = fit_statistics(images)
    mean, std = (images / 255).mean((0, 1, 2)), (images / 255).std((0, 1, 2))
    formulas = {
        "unit": images / 255,
        "standardise": (images / 255 - mean) / std,
        "mean_rgb": images - 255 * mean,
        "raw": images.astype(float),
    }
    assert tuple(formulas) == PREPROCESSINGS
    for how, expected in formulas.items():
        made = preprocess(images, how, statistics)
        assert made.dtype == np.float32 and made.shape == images.shape
        np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-4)


def test_standardised_training_images_have_mean_0_and_deviation_1(images):
    made = preprocess(images, "standardise", fit_statistics(images))
    np.testing.assert_allclose(made.mean((0, 1, 2), dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(made.std((0, 1, 2), dtype=float), 1, atol=1e-5)


def test_other_images_are_scaled_with_the_training_statistics(images):
    statistics = fit_statistics(images)
    together = preprocess(images, "standardise", statistics)
    np.testing.assert_array_equal(preprocess(images[5:6], "standardise", statistics), together[5:6])


def test_images_are_not_changed(images):
    before = images.copy()
    for how in PREPROCESSINGS:
        preprocess(images, how, fit_statistics(images))
    np.testing.assert_array_equal(images, before)


def test_scaling_twice_is_refused(images):
    with pytest.raises(TypeError, match="uint8 .*received float32"):
        preprocess(preprocess(images, "unit"), "unit")
    with pytest.raises(TypeError, match="received float64"):
        fit_statistics(images / 255)
    with pytest.raises(TypeError, match="received list"):
        preprocess(images[:1].tolist(), "unit")


@pytest.mark.parametrize("how", ["standardise", "mean_rgb"])
def test_missing_or_foreign_statistics_are_named(images, how):
    with pytest.raises(ValueError, match=f"'{how}' needs statistics.*received None"):
        preprocess(images, how)
    for mean, std in ((1, 1), (1, 3), (3, 1)):
        with pytest.raises(ValueError, match=rf"3 channels, received shapes \({mean},\) and \({std},\)"):
            preprocess(images, how, ChannelStatistics(np.ones(mean), np.ones(std)))


def test_wrong_names_shapes_and_flat_channels_are_named(images):
    with pytest.raises(ValueError, match="preprocessing must be one of .*received 'zscore'"):
        preprocess(images, "zscore")
    with pytest.raises(ValueError, match=r"received shape \(8, 8, 3\)"):
        preprocess(images[0], "unit")
    with pytest.raises(ValueError, match=r"received shape \(8, 8, 3\)"):
        fit_statistics(images[0])
    with pytest.raises(ValueError, match="at least one image"):
        fit_statistics(images[:0])
    flat = np.full((2, 4, 4, 3), 7, np.uint8)
    with pytest.raises(ValueError, match="standard deviation, received std"):
        preprocess(flat, "standardise", fit_statistics(flat))
