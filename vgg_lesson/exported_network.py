"""The network of a configuration as lines of plain Keras: the part of an exported script that builds it."""

from vgg_lesson.configurations import CONFIGURATIONS, pooling_window
from vgg_lesson.training_config import TrainingConfig


def network_code(config: TrainingConfig) -> str:
    """Lines that build ``model``, the network of ``build_vgg`` for these choices, from Keras's layers alone."""
    plan = CONFIGURATIONS[config.configuration]
    blocks = [
        (kernels, round(filters * config.width))
        for kernels, filters in zip(plan.kernels[: config.blocks], config.filters, strict=False)
    ]
    shape = config.body_shape((32, 32, 3))
    bias = ", use_bias=False" if config.batch_norm else ', activation="relu"'
    lines = [
        "# Network: for each block the kernel sizes of its convolutions, and their filters",
        f"blocks = {blocks!r}",
        f'model = keras.Sequential([keras.Input({shape})], name="vgg_{plan.letter.lower().replace("-", "_")}")',
        "for block, (kernels, filters) in enumerate(blocks, start=1):",
        "    for number, kernel in enumerate(kernels, start=1):",
        "        model.add(",
        f'            keras.layers.Conv2D(filters, kernel, padding="same"{bias},',
        f'                kernel_initializer="{config.initializer}", name=f"block{{block}}_conv{{number}}")',
        "        )",
    ]
    share = config.batch_norm_momentum
    momentum = "" if share == TrainingConfig.batch_norm_momentum else f"momentum={share}, "
    normalise = [
        f'model.add(keras.layers.BatchNormalization({momentum}name=f"block{{block}}_bn{{number}}"))',
        'model.add(keras.layers.ReLU(name=f"block{block}_relu{number}"))',
    ]
    if config.batch_norm == "after_pooling":
        lines += ["        if number < len(kernels):", *(" " * 12 + line for line in normalise)]
    elif config.batch_norm:
        lines += [" " * 8 + line for line in normalise]
    if plan.normalise_responses:
        lines = [*_RESPONSE_NORMALISATION.splitlines(), *lines]
        lines += [
            "        if block == number == 1:",
            '            model.add(LocalResponseNormalization(name="block1_lrn1"))',
        ]
    last = pooling_window(config.blocks, config.blocks, shape[0])
    window = "2" if last == 2 else f"{last} if block == len(blocks) else 2"
    lines.append(f'    model.add(keras.layers.MaxPooling2D({window}, name=f"block{{block}}_pool"))')
    if config.batch_norm == "after_pooling":
        lines += [" " * 4 + line for line in normalise]
    lines.append('model.add(keras.layers.Flatten(name="flatten"))')
    for number, units in enumerate(config.head, start=1):
        lines.append(
            f'model.add(keras.layers.Dense({units}, activation="relu", '
            f'kernel_initializer="{config.initializer}", name="fc{number}"))'
        )
        if config.dropout:
            lines.append(f'model.add(keras.layers.Dropout({config.dropout}, name="fc{number}_dropout"))')
    dtype = "" if config.dtype_policy == "float32" else ', dtype="float32"'
    rest = f'kernel_initializer="{config.initializer}"{dtype}, name="predictions"'
    lines.append(f'model.add(keras.layers.Dense(10, activation="softmax", {rest}))')
    return "\n".join(lines) + "\n"


_RESPONSE_NORMALISATION = '''
@keras.saving.register_keras_serializable()
class LocalResponseNormalization(keras.layers.Layer):
    """Krizhevsky, Sutskever and Hinton (2012), section 3.3."""

    def call(self, inputs):
        channels = inputs.shape[-1]
        values = keras.ops.cast(inputs, "float32")  # squares overflow float16
        padded = keras.ops.pad(keras.ops.square(values), ((0, 0), (0, 0), (0, 0), (2, 2)))
        energy = sum(padded[..., shift : shift + channels] for shift in range(5))
        return keras.ops.cast(values / keras.ops.power(2.0 + 1e-4 * energy, 0.75), inputs.dtype)

'''
