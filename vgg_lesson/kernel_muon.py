"""Keras's Muon optimizer, which leaves the kernels of convolutions to AdamW, for these kernels as well."""

import keras


@keras.saving.register_keras_serializable()  # no package: an exported script has the same class
class KernelMuon(keras.optimizers.Muon):
    """Muon for kernels of convolutions, AdamW for everything else.

    Muon makes each update of a matrix nearly orthogonal, so that all directions of the weights learn alike. A kernel
    (rows, columns, inputs, filters) counts as the matrix of its patches, (rows * columns * inputs, filters).
    Source: Jordan and others, "Muon: An optimizer for hidden layers in neural networks" (2024); the size of the
    updates as in Liu and others, arXiv 2502.16982. The arguments are those of ``keras.optimizers.Muon``,
    of which ``exclude_layers`` and ``exclude_embeddings`` have no effect.
    """

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x, steps):
        return keras.ops.reshape(super().zeropower_via_newtonschulz5(self._matrix(x), steps), x.shape)

    def lr_adjust(self, x):
        return keras.ops.reshape(super().lr_adjust(self._matrix(x)), x.shape)

    def _matrix(self, kernel):
        return keras.ops.reshape(kernel, (-1, kernel.shape[-1]))
