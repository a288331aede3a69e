"""One training image, changed as augmentation changes it, but by hand: to look at, not to train with. NumPy only."""

import numpy as np


def move(image: np.ndarray, *, mirror: bool = False, right: int = 0, down: int = 0) -> np.ndarray:
    """Mirror and shift an image; what a shift uncovers is filled with the mirrored edge, as in training.

    Args:
        image: (H, W, C).
        mirror: exchange left and right first.
        right, down: pixels to shift by, negative for left and up; less than the image's width and height.

    Returns:
        A new (H, W, C) array of the same dtype.

    Raises:
        ValueError: a shift as large as the image.
    """
    height, width = image.shape[:2]
    if not (abs(down) < height and abs(right) < width):
        raise ValueError(f"shifts must be smaller than the image, {width} x {height}, received {right} and {down}")
    if mirror:
        image = image[:, ::-1]
    border = max(abs(right), abs(down))
    padded = np.pad(image, ((border, border), (border, border), (0, 0)), mode="reflect")
    top, left = border - down, border - right
    return padded[top : top + height, left : left + width].copy()
