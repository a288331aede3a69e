"""Products of matrices against TensorFlow's own convolution, for kernels and maps of every shape."""

import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.speed import small_maps


def drawn(map_size, kernel_size):
    """Images, a kernel and a gradient with respect to the outputs."""
    random = np.random.default_rng(0)
    shapes = (3, *map_size, 4), (*kernel_size, 4, 6), (3, *map_size, 6)
    return [tf.constant(random.normal(size=shape), tf.float32) for shape in shapes]


@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (5, 5), (3, 5), (1, 7)])
@pytest.mark.parametrize("map_size", [(1, 1), (2, 2), (4, 4), (2, 5)])
def test_products_equal_the_convolution_and_its_gradient(kernel_size, map_size):
    images, kernel, upstream = drawn(map_size, kernel_size)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        expected = tf.nn.conv2d(images, kernel, strides=1, padding="SAME")
    np.testing.assert_allclose(small_maps.convolution(images, kernel), expected, rtol=1e-4, atol=1e-5)
    gradient = tape.gradient(expected, kernel, upstream)
    np.testing.assert_allclose(small_maps.kernel_gradient(images, upstream, kernel), gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (5, 5), (3, 5), (1, 7)])
@pytest.mark.parametrize("map_size", [(1, 1), (2, 2), (1, 3), (2, 5)])
def test_one_product_equals_the_convolution_and_both_gradients(kernel_size, map_size):
    images, kernel, upstream = drawn(map_size, kernel_size)
    found = []
    for convolution in (small_maps.by_one_product, lambda x, k: tf.nn.conv2d(x, k, strides=1, padding="SAME")):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            outputs = convolution(images, kernel)
        found.append([outputs, *tape.gradient(outputs, [images, kernel], upstream)])
    for have, want in zip(*found, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-5)
