"""The paper's way to start a deep network: from the weights of a trained shallower one."""

import keras

CONVOLUTIONS = 4


class StartFrom(keras.callbacks.Callback):
    """Copies the first four convolutions and the dense layers of a trained net A before the first step.

    Simonyan and Zisserman (arXiv 1409.1556, section 3.1) start configurations B to E so; the layers in between
    keep their random weights. Which of the deeper network's layers they mean follows from the shapes: A's first
    four are block1_conv1, block2_conv1, block3_conv1 and block3_conv2, and fit the layers of the same names.

    Args:
        source: the trained network A.

    Raises:
        ValueError: at the start of ``fit``, for a model that lacks one of these layers, or has it in another shape.
    """

    def __init__(self, source: keras.Model):
        super().__init__()
        convolutions = [layer for layer in source.layers if isinstance(layer, keras.layers.Conv2D)]
        dense = [layer for layer in source.layers if isinstance(layer, keras.layers.Dense)]
        self.start = {layer.name: layer.get_weights() for layer in convolutions[:CONVOLUTIONS] + dense}

    def on_train_begin(self, logs=None):
        for name, weights in self.start.items():
            self.model.get_layer(name).set_weights(weights)
