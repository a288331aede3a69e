"""Images of four classes and a network that learns them in seconds."""

import keras
import numpy as np


def stripes(count=600, seed=0):
    """Four classes that a tiny network learns in seconds: bright stripes at one of four heights."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, count)
    x = rng.uniform(0, 0.5, (count, 8, 8, 3)).astype(np.float32)
    for row, label in enumerate(y):
        x[row, 2 * label : 2 * label + 2] += 0.5
    return x, y


def small(optimizer=None, depth=1, initializer="he_normal", dropout=0.0):
    layers = [
        keras.layers.Conv2D(8, 3, padding="same", activation="relu", kernel_initializer=initializer, name=f"conv{n}")
        for n in range(depth)
    ]
    if dropout:
        layers.append(keras.layers.Dropout(dropout, name="drop"))
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            *layers,
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(4, activation="softmax", name="out"),
        ],
        name="small",
    )
    model.compile(optimizer or keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Undeclared(keras.Model):
    """A class as one writes it: no declared input, no configuration."""

    def __init__(self):
        super().__init__()
        self.flat, self.out = keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")

    def call(self, images):
        return self.out(self.flat(images))
