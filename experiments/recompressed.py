"""Images that lose more: what compression costs a network, where the originals are not to be had."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from vgg_lesson.data import Dataset


def recompressed(dataset: Dataset, quality: int) -> Dataset:
    """The same data set, all images written as JPEG and read back, colour at half the resolution.

    Args:
        dataset: images as uint8 (N, H, W, 3).
        quality: Pillow's, 1 to 95.
    """
    parts = {name: _through_jpeg(getattr(dataset, name), quality) for name in ("x_train", "x_val", "x_test")}
    return replace(dataset, **parts, description=f"{dataset.description}, compressed again at quality {quality}")


def _through_jpeg(images: np.ndarray, quality: int) -> np.ndarray:
    read_back = np.empty_like(images)
    for number, image in enumerate(images):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        read_back[number] = Image.open(file)
    return read_back
