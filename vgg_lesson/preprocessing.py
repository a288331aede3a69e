"""Images as stored (0 to 255) to images as a network wants them. NumPy only.

What is subtracted and divided by comes from the training images alone: validation and test
images are scaled with the training set's statistics, else they would leak into the training.
"""

from dataclasses import dataclass

import numpy as np

PREPROCESSINGS = ("unit", "standardise", "mean_rgb", "raw")


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """Per-channel statistics of images scaled to 0..1.

    Attributes:
        mean: (C,) float64.
        std: (C,) float64, population standard deviation.
    """

    mean: np.ndarray
    std: np.ndarray


def fit_statistics(images: np.ndarray) -> ChannelStatistics:
    """Mean and standard deviation of each colour channel, over all images and pixels.

    Args:
        images: (N, H, W, C) uint8, N at least 1: the training images.

    Returns:
        Statistics on the scale 0..1.

    Raises:
        TypeError: another dtype. ValueError: another number of axes, or no images.
    """
    _refuse_wrong_images(images)
    if len(images) == 0:
        raise ValueError("statistics need at least one image, received none")
    # A histogram per channel: exact integers, and no float copy of 150 MB of images.
    channels = images.shape[-1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for start in range(0, len(images), 2000):
        block = images[start : start + 2000]
        for channel in range(channels):
            counts[channel] += np.bincount(block[..., channel].ravel(), minlength=256)
    levels = np.arange(256) / 255
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ levels
    variance = (share * (levels - mean[:, None]) ** 2).sum(axis=1)
    return ChannelStatistics(mean, np.sqrt(variance))


def preprocess(images: np.ndarray, how: str, statistics: ChannelStatistics | None = None) -> np.ndarray:
    """Scale images for a network.

    Args:
        images: (N, H, W, C) uint8.
        how: "unit": x / 255, as the lecture's code does. "standardise": (x / 255 - mean) / std per
            channel. "mean_rgb": x - 255 mean per channel, as the VGG paper does (its section 2.1).
            "raw": the values 0..255 as floats.
        statistics: of the training images; needed for "standardise" and "mean_rgb".

    Returns:
        (N, H, W, C) float32.

    Raises:
        TypeError: images are not uint8 (scaling twice is a classic mistake).
        ValueError: unknown name, missing statistics, wrong number of axes, or a channel without
            any variation under "standardise".
    """
    if how not in PREPROCESSINGS:
        raise ValueError(f"preprocessing must be one of {PREPROCESSINGS}, received {how!r}")
    _refuse_wrong_images(images)
    if how == "raw":
        return images.astype(np.float32)
    if how == "unit":
        return images / np.float32(255)
    if statistics is None:
        raise ValueError(f"preprocessing {how!r} needs statistics=fit_statistics(training images), received None")
    channels = images.shape[-1]
    if np.shape(statistics.mean) != (channels,) or np.shape(statistics.std) != (channels,):
        raise ValueError(
            f"statistics must have one mean and std for each of the {channels} channels, "
            f"received shapes {np.shape(statistics.mean)} and {np.shape(statistics.std)}"
        )
    if how == "mean_rgb":
        return images - (255 * statistics.mean).astype(np.float32)
    if not np.all(statistics.std > 0):
        raise ValueError(f"standardise divides by the standard deviation, received std {statistics.std.tolist()}")
    scale = (1 / (255 * statistics.std)).astype(np.float32)
    shift = (statistics.mean / statistics.std).astype(np.float32)
    return images * scale - shift


def _refuse_wrong_images(images: np.ndarray) -> None:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        received = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"images must be a uint8 array with values 0..255, received {received}")
    if images.ndim != 4:
        raise ValueError(f"images must have the axes (image, row, column, channel), received shape {images.shape}")
