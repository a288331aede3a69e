"""CIFAR-10 as files: where they may lie, how they are read without trust, and how they are fetched. No TensorFlow."""
