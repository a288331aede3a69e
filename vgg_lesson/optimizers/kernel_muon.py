"""Keras's Muon optimizer, which leaves the kernels of convolutions to AdamW, for these kernels as well."""

import math

import keras


@keras.saving.register_keras_serializable()  # no package: an exported script has the same class
class KernelMuon(keras.optimizers.Muon):
    """Muon for kernels of convolutions, AdamW for everything else.

    Muon makes each update of a matrix nearly orthogonal, so that all directions of the weights learn alike. A kernel
    (rows, columns, inputs, filters) counts as the matrix of its patches, (rows * columns * inputs, filters). A step
    changes a kernel by about ``learning_rate`` of its length (the root of the sum of its squares), and then the kernel
    gets its length back: behind it stands batch norm, to which the length means nothing, or the length is what keeps
    the signal up. A kernel of zeros stays as it is.

    Source: Jordan and others, "Muon: An optimizer for hidden layers in neural networks" (2024), with three steps of the
    Newton-Schulz iteration and constant length as in their training on CIFAR-10. The arguments are those of
    ``keras.optimizers.Muon``, of which ``exclude_layers``, ``exclude_embeddings`` and ``rms_rate`` have no effect;
    AdamW's rate is ``adam_lr_ratio`` of Muon's. The iteration computes in ``ns_dtype``: "bfloat16" is enough for it and
    faster where the device has instructions for that.
    """

    def __init__(self, learning_rate=0.1, adam_lr_ratio=0.1, ns_steps=3, ns_dtype="float32", **options):
        super().__init__(learning_rate, adam_lr_ratio=adam_lr_ratio, ns_steps=ns_steps, **options)
        self.ns_dtype = ns_dtype

    def get_config(self):
        return {**super().get_config(), "ns_dtype": self.ns_dtype}

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4

    def _muon_update_step(self, gradient, variable, lr, m):
        length = self._length(variable)
        orthogonal = math.sqrt(min(math.prod(variable.shape[:-1]), variable.shape[-1]))  # the length of such an update
        super()._muon_update_step(gradient, variable, lr * length / orthogonal, m)
        self.assign(variable, variable * (length / keras.ops.maximum(self._length(variable), self.epsilon)))

    def _length(self, variable):
        return keras.ops.sqrt(keras.ops.sum(keras.ops.square(variable)))

    def lr_adjust(self, x):
        return x

    def zeropower_via_newtonschulz5(self, x, steps):
        matrix = keras.ops.cast(keras.ops.reshape(x, (-1, x.shape[-1])), self.ns_dtype)
        orthogonal = super().zeropower_via_newtonschulz5(matrix, steps)
        return keras.ops.cast(keras.ops.reshape(orthogonal, x.shape), x.dtype)
