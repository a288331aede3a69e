"""Changes that could bring validation images back to what the training images are like, and whether one does."""

import math

import numpy as np

SCALED = "scaling them by their own mean and spread"


def mendings(images) -> dict[str, np.ndarray]:
    """Every change by name, each upon images scaled by their own mean and spread: any scale and shift is gone.

    Args:
        images: (N, height, width, channels) floats.
    """
    z = scaled(images)
    found = {
        SCALED: z,
        "reversing their channels": z[..., ::-1],
        "inverting them": -z,
        "turning them upside down": z[:, ::-1],
        "mirroring them": z[:, :, ::-1],
    }
    if z.shape[1] == z.shape[2]:
        found |= {
            "swapping rows and columns": z.transpose(0, 2, 1, 3),
            "turning them by 90 degrees": np.rot90(z, 1, (1, 2)),
            "turning them by 270 degrees": np.rot90(z, 3, (1, 2)),
        }
    return found


def relaid(images) -> dict[str, np.ndarray]:
    """Every change of what a reshape in place of a transpose does to pictures in colour, by name, in full detail.

    Args:
        images: (N, height, width, channels).
    """
    if images.ndim != 4 or images.shape[-1] == 1 or images.shape[1] == 1:
        return {}
    count, height, width, channels = images.shape
    return {
        "reading their channels' planes as pixels": images.transpose(0, 3, 1, 2).reshape(images.shape),
        "reading their pixels as channels' planes": images.reshape(count, channels, height, width).transpose(
            0, 2, 3, 1
        ),
    }


def scaled(images) -> np.ndarray:
    """Each channel with mean 0 and spread 1."""
    return (images - images.mean(axis=tuple(range(images.ndim - 1)))) / spread(images)


def spread(images) -> np.ndarray:
    """(channels,) standard deviations to divide by, at least a tenth of their mean.

    A channel that never changes (a flattened image's corner pixel) would be divided by its rounding error.

    Args:
        images: (N, ..., channels) floats.
    """
    std = images.std(axis=tuple(range(images.ndim - 1)))
    return np.maximum(std, max(0.1 * std.mean(), 1e-12))


def gain(before, after) -> float:
    """By how many standard errors ``after`` is more often right than ``before`` on the same images.

    McNemar's statistic (Psychometrika 12, 1947): only images that one of the two gets right tell; by chance it is
    above 4 once in 30,000.

    Args:
        before, after: (N,) booleans, right or wrong.
    """
    won, lost = int(np.sum(after & ~before)), int(np.sum(before & ~after))
    return (won - lost) / math.sqrt(won + lost) if won + lost else 0.0
