"""Which images resemble one another, number by number: exact nearest neighbours in NumPy."""

from typing import NamedTuple

import numpy as np

from vgg_lesson.baselines import shrink
from vgg_lesson.whole import is_whole

SIGNATURE_SIDE = 8
_BLOCK = 256


class Neighbour(NamedTuple):
    """A similar image.

    Attributes:
        row: its number in the collection.
        distance: root of the mean squared difference of the 3,072 numbers, on the scale 0 to 255.
    """

    row: int
    distance: float


class Neighbourhood:
    """A collection of images that can be asked for those nearest to another image.

    The answer is exact and yet most images are never compared in full. Averaging squares of pixels can
    only shrink the distance of two images, so the distance of the small copies is a lower bound: candidates
    are looked at in the order of this bound, until it exceeds the distance of the worst neighbour found.

    Args:
        images: (N, 32, 32, 3) uint8, N at least 1; kept, not copied.

    Raises:
        ValueError: images of another shape or type.
    """

    def __init__(self, images: np.ndarray):
        if images.ndim != 4 or images.dtype != np.uint8 or len(images) == 0:
            raise ValueError(f"images must be (N, H, W, C) uint8, N >= 1, received {images.shape} of {images.dtype}")
        self.images = images
        blocks = [_signatures(images[start : start + 4000]) for start in range(0, len(images), 4000)]
        self._signatures = np.concatenate(blocks)
        self._squares = (self._signatures**2).sum(axis=1)

    def nearest(self, image: np.ndarray, count: int = 5) -> list[Neighbour]:
        """The ``count`` images nearest to ``image`` (32, 32, 3) uint8, nearest first.

        Raises:
            ValueError: an image of another shape or type, or a count that is not whole or not in 1 .. N.
        """
        if image.shape != self.images.shape[1:] or image.dtype != np.uint8:
            raise ValueError(f"image must be {self.images.shape[1:]} uint8, received {image.shape} of {image.dtype}")
        if not (is_whole(count, 1) and count <= len(self.images)):
            raise ValueError(f"count must be a whole number from 1 to {len(self.images)}, received {count!r}")
        bounds = self._bounds(_signatures(image[None]))[0]
        order = np.argsort(bounds, kind="stable")
        found: list[Neighbour] = []
        for start in range(0, len(order), _BLOCK):
            rows = order[start : start + _BLOCK]
            if len(found) == count and bounds[rows[0]] > found[-1].distance:
                break
            difference = self.images[rows].astype(np.float32) - image
            distances = np.sqrt((difference**2).mean(axis=(1, 2, 3)))
            found += [Neighbour(int(row), float(distance)) for row, distance in zip(rows, distances, strict=True)]
            found = sorted(found, key=lambda neighbour: neighbour.distance)[:count]
        return found

    def closest_first(self, images: np.ndarray) -> np.ndarray:
        """Order images by how near they come to any image of the collection: where to look for near-duplicates.

        The distance is that of copies of 8 x 8 pixels, which is enough for an order.

        Args:
            images: (M, 32, 32, 3) uint8.

        Returns:
            (M,) row numbers of ``images``.
        """
        asked, there = _signatures(images), self._signatures
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b; a block of rows at a time keeps the products small.
        nearest = [
            (self._squares - 2 * asked[start : start + 50] @ there.T).min(axis=1) for start in range(0, len(asked), 50)
        ]
        return np.argsort((asked**2).sum(axis=1) + np.concatenate(nearest), kind="stable")

    def _bounds(self, signatures: np.ndarray) -> np.ndarray:
        squares = (signatures**2).sum(axis=1)[:, None] + self._squares - 2 * signatures @ self._signatures.T
        # Float32 rounding of large sums: a bound a little too low is harmless, one too high is not.
        return np.sqrt(np.maximum(squares / signatures.shape[1] - 0.05, 0))


def _signatures(images: np.ndarray) -> np.ndarray:
    # Around 0 instead of 128: smaller squares, less rounding.
    return shrink(images, SIGNATURE_SIDE).reshape(len(images), -1) - 128
