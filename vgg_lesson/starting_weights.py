"""Initial weights that spare a network its first epochs: a first layer that whitens, later ones that hand on.

Both come from recipes for fast training on CIFAR-10: Page's "How to train your ResNet" (2018) and Jordan,
"94% on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498).
"""

import keras
import numpy as np

SAMPLE = 2_000
"""Images whose patches are whitened: 1.8 million patches of 3 x 3 for CIFAR-10."""


def whiten_first(model, images, floor=5e-4):
    """Let the first convolution tell patches apart by their principal components, and keep it so.

    Its filters become the eigenvectors of the patches' second moments, those of the largest eigenvalues first,
    each divided by the root of its eigenvalue and followed by its negative, since ReLU keeps only one sign. What is
    left of an odd or greater number of filters keeps its random weights. The layer does not train any more.

    Args:
        model: a built Keras model that is not compiled yet.
        images: (N, H, W, C) float, preprocessed as for training; a few thousand are enough.
        floor: added to the eigenvalues, in the square of the images' unit, so that no noise is blown up.
    """
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    rows, columns, channels, filters = first.kernel.shape
    windows = np.lib.stride_tricks.sliding_window_view(images, (rows, columns), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, rows * columns * channels)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    scaled = (vectors / np.sqrt(values + floor))[:, ::-1][:, : filters // 2]
    kernel = first.get_weights()[0].reshape(len(vectors), filters)
    kernel[:, : 2 * scaled.shape[1]] = np.stack([scaled, -scaled], axis=2).reshape(len(vectors), -1)
    first.kernel.assign(kernel.reshape(first.kernel.shape))
    first.trainable = False


def hand_on(model):
    """Let each convolution but the first start with filters that hand on one input channel each, unchanged.

    Further filters, where a layer has more than its input has channels, keep their random weights.

    Args:
        model: a built Keras model.
    """
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    for layer in convolutions[1:]:
        kernel = layer.get_weights()[0]
        rows, columns, inputs, filters = kernel.shape
        kept = np.arange(min(inputs, filters))
        kernel[..., kept] = 0
        kernel[rows // 2, columns // 2, kept, kept] = 1
        layer.kernel.assign(kernel)
