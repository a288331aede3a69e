"""Initial weights: a first layer that whitens and later ones that hand on spare a VGG its first epochs.

Whitening with fixed weights: Page, "How to Train Your ResNet 8: Bag of Tricks" (2019); with both signs of each filter,
and the identity start: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv 2404.00498). Different here:
kernels of the VGG's own size, the bias is fixed as well, and batch norm, where there is any, follows the first layer.
"""

import keras
import numpy as np

SAMPLE = 2_000
"""Images whose patches are whitened: 1.8 million patches of 3 x 3 for CIFAR-10."""


def whiten_first_layer(model, images, epsilon=5e-4):
    """Let the first convolution tell patches apart by their principal components, and keep it so.

    Its filters become the eigenvectors of the patches' second moments, those of the largest eigenvalues first,
    each divided by the root of its eigenvalue and followed by its negative, since ReLU keeps only one sign. Filters
    that are left over keep their random weights. The layer does not train any more.

    Args:
        model: a network of ``build_vgg`` that is not compiled yet.
        images: (N, H, W, C) float, preprocessed as for training; a few thousand are enough.
        epsilon: added to the eigenvalues, as a share of their mean: directions with less are mostly noise.

    Raises:
        ValueError: images of another shape than the model's, images of zeros only or with values that are not finite,
            a first convolution with a single filter, or none.
    """
    first = next((layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)), None)
    if first is None:
        raise ValueError(f"whitening needs a Conv2D, received a model of {[type(x).__name__ for x in model.layers]}")
    rows, columns, channels, filters = first.kernel.shape
    if images.shape[1:] != model.input_shape[1:]:
        raise ValueError(f"images must have the shape (N, *{model.input_shape[1:]}), received {images.shape}")
    if filters < 2:
        raise ValueError(f"whitening needs at least 2 filters in the first layer, received {filters}")
    if not np.isfinite(images).all() or not np.any(images):
        raise ValueError(f"images must be finite and not all 0, received {images.min()} to {images.max()}")
    windows = np.lib.stride_tricks.sliding_window_view(images.astype("float32"), (rows, columns), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, rows * columns * channels)
    values, vectors = np.linalg.eigh((patches.T @ patches / len(patches)).astype("float64"))
    scale = np.sqrt(np.maximum(values, 0) + epsilon * values.mean())
    strongest = (vectors / scale)[:, ::-1][:, : filters // 2]
    kernel = first.get_weights()[0].reshape(len(vectors), filters)
    kernel[:, : 2 * strongest.shape[1]] = np.stack([strongest, -strongest], axis=2).reshape(len(vectors), -1)
    first.kernel.assign(kernel.reshape(first.kernel.shape))
    first.trainable = False


def add_whitening_layer(model, images):
    """Put a convolution in front that tells 2 x 2 patches apart by their principal components; it does not train.

    Args:
        model: a network of ``build_vgg`` whose inputs have a row and a column less than the images and, for all
            components, eight times their channels.
        images: as for :func:`whiten_first_layer`.

    Returns:
        A network of the same layers behind "whitening": a filter and its negative for each component, then ReLU.
    """
    layer = keras.layers.Conv2D(model.input_shape[-1], 2, activation="relu", name="whitening")
    longer = keras.Sequential([keras.Input(images.shape[1:]), layer, *model.layers], name=model.name)
    whiten_first_layer(longer, images)
    return longer


def start_as_identity(model):
    """Let each convolution but the first start with filters that hand on one input channel each, unchanged.

    Further filters, where a layer has more than its input has channels, keep their random weights.

    Args:
        model: a network of ``build_vgg``.
    """
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    for layer in convolutions[1:]:
        kernel = layer.get_weights()[0]
        rows, columns, inputs, filters = kernel.shape
        kept = np.arange(min(inputs, filters))
        kernel[..., kept] = 0
        kernel[rows // 2, columns // 2, kept, kept] = 1
        layer.kernel.assign(kernel)
