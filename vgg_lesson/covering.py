"""A Grad-CAM map put to the test: what does covering the part that it names cost the class?"""

import itertools
from dataclasses import dataclass

import keras
import numpy as np

from vgg_lesson.explain import GradCam, Prepare, class_probabilities, enlarge, grad_cams

HIDDEN = 0.25
"""Share of the image that :func:`hide` covers unless told otherwise."""
_AT_ONCE = 50
"""Images that a network is run on at a time."""


def hide(image: np.ndarray, heat: np.ndarray, share: float = HIDDEN, *, hottest=True, seed: int = 0) -> np.ndarray:
    """Cover a share of an image with its mean colour: where a map is hottest, or where it is coldest.

    If the map tells the truth, covering the hottest part lowers the class's probability more
    (deletion, after Petsiuk et al., arXiv 1806.07421).

    Args:
        image: (H, W, C) uint8.
        heat: (H', W') map of any size.
        share: of the pixels to cover, in 0 .. 1.
        hottest: False covers the coldest pixels instead.
        seed: decides between equally warm places, of which a ReLU leaves many: else the sky, being on top, is hidden.

    Returns:
        (H, W, C) uint8, a copy.

    Raises:
        ValueError: a share outside 0 .. 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in 0 .. 1, received {share!r}")
    height, width = image.shape[:2]
    # One number a place of the map: patches, not speckle, unless the map has a single place.
    ties = np.random.default_rng(seed).random(heat.shape if heat.size > 1 else (height, width))
    order = np.lexsort([enlarge(key, height, width).ravel() for key in (ties, heat)])
    pixels = order[::-1] if hottest else order
    covered = image.copy().reshape(height * width, -1)
    covered[pixels[: round(share * len(pixels))]] = image.mean(axis=(0, 1)).round().astype(image.dtype)
    return covered.reshape(image.shape)


@dataclass(frozen=True)
class Covered:
    """What covering a part of an image does to a class.

    Attributes:
        map: the :class:`~vgg_lesson.explain.GradCam` that said which part.
        images: (2, H, W, C) uint8: the hottest part covered, and the coldest.
        after: (2,) the probability of ``map.target`` then.
    """

    map: GradCam
    images: np.ndarray
    after: np.ndarray

    @property
    def before(self) -> float:
        """The probability of ``map.target`` for the whole image."""
        return float(self.map.probabilities[self.map.target])


def cover(model, image: np.ndarray, prepare: Prepare, layer=None, target=None, share=HIDDEN, seed=0) -> Covered:
    """Grad-CAM of an image, put to the test by :func:`hide`.

    Args:
        model, layer, target: as for :func:`vgg_lesson.explain.grad_cam`.
        image: (H, W, C) uint8.
        prepare: preprocesses uint8 images (N, H, W, C) as in training.
        share, seed: as for :func:`hide`.
    """
    return _covered(model, image[None], prepare, layer, target, share, seeds=[seed])[0]


def covering_test(model: keras.Model, images: np.ndarray, prepare: Prepare, layer=None) -> np.ndarray:
    """What covering costs the predicted class, for many images; arguments as for :func:`cover`.

    Returns:
        (2, N), the probability lost when the hottest part is covered, and when the coldest is.
    """
    starts = range(0, len(images), _AT_ONCE)
    results = [
        result
        for start in starts
        for result in _covered(model, images[start : start + _AT_ONCE], prepare, layer, seeds=itertools.count(start))
    ]
    return np.array([result.before - result.after for result in results]).reshape(-1, 2).T


def _covered(model, images: np.ndarray, prepare, layer, target=None, share=HIDDEN, *, seeds) -> list[Covered]:
    """:func:`cover` of some images at once."""
    found = grad_cams(model, prepare(images), layer, target)
    covered = [
        np.stack([hide(image, one.heat, share, hottest=hottest, seed=seed) for hottest in (True, False)])
        for image, one, seed in zip(images, found, seeds, strict=False)
    ]
    after = class_probabilities(model, prepare(np.concatenate(covered))).reshape(len(images), 2, -1)
    return [Covered(one, pair, two[:, one.target]) for one, pair, two in zip(found, covered, after, strict=True)]
