"""Measurements. Importing the package first makes its settings before any module here imports TensorFlow."""

import vgg_lesson  # noqa: F401
