"""The same layers, optimizers and steps, computed faster on CPUs; the models stay plain Keras models."""
