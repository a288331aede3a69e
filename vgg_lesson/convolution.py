"""A convolution of one image with one 3 x 3 kernel, in NumPy, as the lab and lesson 2 show it."""

from dataclasses import dataclass

import numpy as np

KERNELS = {
    "vertical edges": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "horizontal edges": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "blur": ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "spots": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "copy": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
}
"""Kernels to start from. The two edge kernels are Sobel's."""


@dataclass(frozen=True, eq=False)
class Window:
    """What one output value of a 3 x 3 convolution is made of.

    Attributes:
        values: (3, 3) float, the image under the kernel; 0 where it hangs over the edge.
        kernel: (3, 3) float.
        inside: (3, 3) bool, False where the kernel hangs over the edge (padding).
    """

    values: np.ndarray
    kernel: np.ndarray
    inside: np.ndarray

    @property
    def products(self) -> np.ndarray:
        """(3, 3) value times weight."""
        return self.values * self.kernel

    @property
    def total(self) -> float:
        """The output value: the sum of the nine products."""
        return float(self.products.sum())


def grey(image: np.ndarray) -> np.ndarray:
    """Return the mean over the colours of an (H, W, 3) uint8 image, as (H, W) float64 in 0..1."""
    return np.asarray(image).mean(axis=-1) / 255


def convolve(image: np.ndarray, kernel) -> np.ndarray:
    """Slide a 3 x 3 kernel over an image: stride 1, one ring of zeros around the image ("same" padding).

    As in all deep-learning libraries the kernel is not flipped (mathematicians call this a
    cross-correlation).

    Args:
        image: (H, W) float.
        kernel: (3, 3) numbers.

    Returns:
        (H, W) float64.

    Raises:
        ValueError: another shape; the message names it.
    """
    image, kernel = _checked(image, kernel)
    high, wide = image.shape
    padded = np.pad(image, 1)
    return sum(kernel[i, j] * padded[i : i + high, j : j + wide] for i in range(3) for j in range(3))


def window(image: np.ndarray, kernel, row: int, column: int) -> Window:
    """Return what the output value at ``(row, column)`` is made of; counted from 0 at the top left.

    Raises:
        ValueError: a wrong shape, or a cell outside the image; the message names it.
    """
    image, kernel = _checked(image, kernel)
    if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]):
        raise ValueError(f"the cell must lie in an image of {image.shape}, received row {row!r}, column {column!r}")
    here = np.s_[row : row + 3, column : column + 3]
    return Window(np.pad(image, 1)[here], kernel, np.pad(np.ones(image.shape, bool), 1)[here])


def _checked(image, kernel) -> tuple[np.ndarray, np.ndarray]:
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    if image.ndim != 2:
        raise ValueError(f"image must have rows and columns only, shape (H, W), received shape {image.shape}")
    if kernel.shape != (3, 3):
        raise ValueError(f"kernel must have shape (3, 3), received shape {kernel.shape}")
    return image, kernel
