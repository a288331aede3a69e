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

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign_add(m, gradient + m * (self.momentum - 1))
        update = gradient + self.momentum * m if self.nesterov else m
        matrix = keras.ops.reshape(update, (-1, variable.shape[-1]))
        matrix = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, keras.ops.reshape(matrix, variable.shape))
