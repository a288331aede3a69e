"""Convolutions of small feature maps, and the gradients of their kernels, as matrix products.

On the smallest maps every place of the output sees every place of the input, and the whole layer is one product: of the
images' values and a matrix that is made of the kernel's places. On larger maps that would be mostly zeros.

On these, what one place of the output holds is a product of two matrices: of that part of the map which the kernel
reaches from there, and of the kernel's places that lie on it. Nothing is computed for the padding, nearly a third of
what a 3 x 3 kernel covers on a map of 4 x 4. The gradient with respect to one of a kernel's places is such a product,
too: of what this place was laid on, and of the output's gradient there.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import product

import numpy as np
import tensorflow as tf

_made: ContextVar[dict | None] = ContextVar("matrices that were made", default=None)


def by_one_product(images, kernel):
    """Stride-1, 'same' convolution of (N, H, W, C) images, H and W known, with an (odd, odd, C, D) kernel.

    Made of TensorFlow's own operations only, so that it finds both gradients by itself: two more products.
    """
    (height, width), outputs = images.shape[1:3], kernel.shape[3]
    values = tf.reshape(images, [-1, math.prod(images.shape[1:])])
    return tf.reshape(tf.matmul(values, _matrix(kernel, height, width)), [-1, height, width, outputs])


@contextmanager
def matrices_made_once() -> Iterator[None]:
    """Within this block :func:`by_one_product` makes a kernel's matrix once, for whatever images it is used."""
    token = _made.set({})
    try:
        yield
    finally:
        _made.reset(token)


def _matrix(kernel, height: int, width: int):
    """What a kernel, a tensor or a variable, does to maps of this size: (H * W * C, H * W * D)."""
    made = _made.get()
    key = id(kernel), height, width
    if made is None or key not in made:
        matrix = _as_matrix(tf.convert_to_tensor(kernel), height, width)
        if made is None:
            return matrix
        made[key] = kernel, matrix  # with the kernel, so that its id stays its own
    return made[key][1]


def _as_matrix(kernel, height: int, width: int):
    rows, columns, inputs, outputs = kernel.shape
    places = height * width
    which = tf.constant(_connections(height, width, rows, columns), kernel.dtype)
    parts = tf.matmul(which, tf.reshape(kernel, [rows * columns, inputs * outputs]))  # picks, and back it adds up
    matrix = tf.transpose(tf.reshape(parts, [places, places, inputs, outputs]), [0, 2, 1, 3])
    return tf.reshape(matrix, [places * inputs, places * outputs])


def _connections(height: int, width: int, rows: int, columns: int) -> np.ndarray:
    """A row for each pair of places (input, output): 1 for the kernel's place that connects them, 0 for the others."""

    def along(axis, size):
        return np.stack([np.eye(axis, k=size // 2 - place) for place in range(size)], axis=-1)

    both = np.einsum("abk,cdl->acbdkl", along(height, rows), along(width, columns))
    return both.reshape(-1, rows * columns)


def convolution(images, kernel):
    """Stride-1, 'same' convolution of (N, H, W, C) images, H and W known, with an (odd, odd, C, D) kernel."""
    (height, width), channels = images.shape[1:3], kernel.shape[3]
    outputs = []
    for row, column in product(range(height), range(width)):
        rows, kernel_rows = _overlap(row, height, kernel.shape[0])
        columns, kernel_columns = _overlap(column, width, kernel.shape[1])
        window = tf.reshape(kernel[kernel_rows, kernel_columns], [-1, channels])
        outputs.append(tf.matmul(tf.reshape(images[:, rows, columns], [-1, window.shape[0]]), window))
    return tf.reshape(tf.stack(outputs, axis=1), [-1, height, width, channels])


def _overlap(place: int, size: int, kernel: int) -> tuple[slice, slice]:
    """Along one axis: the places that a kernel reaches from this one, and the places of the kernel that lie there."""
    first, last = max(0, place - kernel // 2), min(size, place + kernel // 2 + 1)
    return slice(first, last), slice(first - place + kernel // 2, last - place + kernel // 2)


def kernel_gradient(images, upstream, kernel):
    """Gradient with respect to the kernel; ``upstream``, (N, H, W, D), is the one with respect to the outputs."""
    rows, columns, inputs, outputs = kernel.shape
    height, width = images.shape[1:3]

    def at(down, right):
        """Gradient of the kernel's place so far from its centre; where it lies on the padding, nothing is added."""
        if abs(down) >= height or abs(right) >= width:
            return tf.zeros([inputs, outputs], images.dtype)
        under = images[:, max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
        above = upstream[:, max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)]
        return tf.matmul(tf.reshape(under, [-1, inputs]), tf.reshape(above, [-1, outputs]), transpose_a=True)

    places = [(row - rows // 2, column - columns // 2) for row in range(rows) for column in range(columns)]
    return tf.reshape(tf.stack([at(*place) for place in places]), [rows, columns, inputs, outputs])
