"""Helpers of the VGG lesson suite: small modules that the five notebooks import.

Importing the package costs milliseconds: it prepares the process for a fast TensorFlow
(see :mod:`vgg_lesson.environment`) but does not import it. Modules that need TensorFlow do.
"""

from vgg_lesson.environment import prepare

__version__ = "0.1.0"

speed_settings = prepare()
