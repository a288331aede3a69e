"""A training configuration as a plain Keras script that runs where this package is not installed."""

import inspect

from vgg_lesson.augmentation import CUTOUT, SHIFT
from vgg_lesson.configurations import weight_layers
from vgg_lesson.exported_network import network_code
from vgg_lesson.optimizers.kernel_muon import KernelMuon
from vgg_lesson.starting_weights import SAMPLE, add_whitening_layer, start_as_identity, whiten_first_layer
from vgg_lesson.training_config import NOT_DECAYED, STARTS, TrainingConfig
from vgg_lesson.whole import require_whole


def keras_code(config: TrainingConfig, train_images: int | None = None) -> str:
    """Write a run as a script that needs Keras and NumPy, and nothing else.

    The network, its initial weights' distribution, the preprocessing, the changes to training
    images, the optimizer with its schedule, the loss, and the dtype policy are the same as in
    :func:`vgg_lesson.training.train`; the order of random draws is not, so results agree as two
    seeds agree. Validation images are the last fifth of the training images, as in the lecture.

    Args:
        config: the choices.
        train_images: use only so many images for training (and for validation a quarter of that, at least 100); a
            comment in the script says so where CIFAR-10 without its last fifth has fewer.

    Returns:
        The text of the script. It takes CIFAR-10 from ``keras.datasets``, or from an ``.npz`` file
        with the arrays x_train, y_train, x_test, y_test that is named on its command line.

    Raises:
        ValueError: train_images is not a whole number of at least 1.
    """
    if train_images is not None:
        require_whole("train_images", train_images, 1)
    parts = [_head(config), _data(config, train_images), network_code(config), _start(config), _compiling(config)]
    if config.augmentation:
        parts.append(_augmented_batches(config))
    return "\n".join([*parts, _fitting(config)])


def _head(config: TrainingConfig) -> str:
    depth = weight_layers(config.configuration, config.head, config.blocks) + (config.whitening == "whitening_layer")
    title = f"VGG {config.configuration}, {depth} weight layers, on CIFAR-10."
    needs_math = config.augmentation or config.schedule != "constant" or config.optimizer == "muon"
    imports = "import math\nimport sys\n" if needs_math else "import sys\n"
    policy = config.dtype_policy
    precision = "" if policy == "float32" else f'keras.config.set_dtype_policy("{policy}")\n'
    return f'''"""{title}"""

{imports}
import keras
import numpy as np

keras.utils.set_random_seed({config.seed})
{precision}'''


def _data(config: TrainingConfig, train_images: int | None) -> str:
    smaller = ""
    if train_images is not None:
        validation = max(100, train_images // 4)
        smaller = f"x_train, y_train = x_train[:{train_images}], y_train[:{train_images}]\n"
        smaller += f"x_val, y_val = x_val[:{validation}], y_val[:{validation}]\n"
        if train_images > 40_000:
            smaller += f"# CIFAR-10 leaves 40,000 images for training, fewer than the {train_images:,} asked for.\n"
    return f"""# Data: (N, 32, 32, 3) bytes and class numbers 0..9
if len(sys.argv) > 1:
    with np.load(sys.argv[1]) as file:
        x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
else:
    (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
held = len(x_train) // 5
x_train, x_val = x_train[:-held], x_train[-held:]
y_train, y_val = y_train[:-held], y_train[-held:]
{smaller}{_preprocessing(config.preprocessing)}
x_train, x_val, x_test = prepare(x_train), prepare(x_val), prepare(x_test)
y_train, y_val, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_val, y_test))
"""


def _preprocessing(how: str) -> str:
    formula = {
        "unit": "x / 255",
        "standardise": "(x / 255 - mean) / std",
        "mean_rgb": "x - 255 * mean",
        "raw": "x",
    }[how]
    statistics = ""
    if "mean" in formula:
        statistics += "mean = (x_train / 255).mean(axis=(0, 1, 2))  # one number a channel\n"
    if "std" in formula:
        statistics += "std = (x_train / 255).std(axis=(0, 1, 2))\n"
    return f"""{statistics}

def prepare(x):
    x = x.astype("float32")
    return ({formula}).astype("float32")

"""


def _start(config: TrainingConfig) -> str:
    """The package's own functions for the start: they need Keras and NumPy only."""
    calls = {
        "whitening": ((whiten_first_layer,), f"whiten_first_layer(model, x_train[:{SAMPLE}])"),
        "whitening_layer": (
            (whiten_first_layer, add_whitening_layer),
            f"model = add_whitening_layer(model, x_train[:{SAMPLE}])",
        ),
        "identity": ((start_as_identity,), "start_as_identity(model)"),
    }
    chosen = [calls[name] for name in STARTS if name in config.start]
    return "".join("\n\n" + "\n\n".join(map(inspect.getsource, needed)) + f"\n\n{call}\n" for needed, call in chosen)


def _compiling(config: TrainingConfig) -> str:
    steps = f"steps = {config.epochs} * math.ceil(len(x_train) / {config.batch_size})\n"
    rate = {
        "constant": f"rate = {config.learning_rate}\n",
        "linear": f"{steps}rate = keras.optimizers.schedules.PolynomialDecay({config.learning_rate}, steps, "
        "end_learning_rate=0.0)\n",
        "cosine": f"{steps}rate = keras.optimizers.schedules.CosineDecay({config.learning_rate}, steps)\n",
        "one_cycle": f"{steps}warm_up = max(1, steps // 4)\n"
        f"rate = keras.optimizers.schedules.CosineDecay({config.learning_rate / 10}, max(1, steps - warm_up),\n"
        f"    warmup_target={config.learning_rate}, warmup_steps=warm_up)\n",
    }[config.schedule]
    decay = f", weight_decay={config.weight_decay}" if config.weight_decay else ""
    if config.optimizer == "adam":
        optimizer = f"optimizer = keras.optimizers.Adam(rate{decay})\n"
    elif config.optimizer == "muon":
        # Without a weight decay: Keras's own is not zero.
        options = f", weight_decay={config.weight_decay or None}, adam_weight_decay={config.weight_decay or None}"
        options += f", ns_dtype={config.ns_dtype!r}" if config.ns_dtype != "float32" else ""
        optimizer = f"\n\n{inspect.getsource(KernelMuon)}\n\n"
        optimizer += f"optimizer = KernelMuon(rate, momentum={config.momentum}{options})\n"
    else:
        nesterov = ", nesterov=True" if config.momentum > 0 else ""
        optimizer = f"optimizer = keras.optimizers.SGD(rate, momentum={config.momentum}{nesterov}{decay})\n"
    if config.weight_decay:
        optimizer += f"optimizer.exclude_from_weight_decay(var_names={list(NOT_DECAYED)})\n"
    smoothing = f"label_smoothing={config.label_smoothing}" if config.label_smoothing else ""
    return f"""{rate}{optimizer}loss = keras.losses.CategoricalCrossentropy({smoothing})
model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
"""


def _augmented_batches(config: TrainingConfig) -> str:
    steps = {
        "flip": """        mirrored = random.random(len(x)) < 0.5
        x[mirrored] = x[mirrored, :, ::-1]
""",
        "shift": f"""        edge = ({SHIFT}, {SHIFT})
        padded = np.pad(x, ((0, 0), edge, edge, (0, 0)), mode="reflect")
        for image, (top, left) in enumerate(random.integers(0, {2 * SHIFT + 1}, (len(x), 2))):
            x[image] = padded[image, top : top + 32, left : left + 32]
""",
        "cutout": f"""        blank, reach = x.mean(axis=(0, 1, 2)), {CUTOUT // 2}
        for image, (row, column) in enumerate(random.integers(0, 32, (len(x), 2))):
            top, left = max(0, row - reach), max(0, column - reach)
            x[image, top : row + reach + 1, left : column + reach + 1] = blank
""",
    }
    body = "".join(steps[name] for name in config.augmentation)
    return f'''
class ChangedImages(keras.utils.PyDataset):
    """Shuffled batches of training images, changed at random in ways that keep their class."""

    def __init__(self):
        super().__init__()
        self.random = np.random.default_rng({config.seed})
        self.order = self.random.permutation(len(x_train))

    def __len__(self):
        return math.ceil(len(x_train) / {config.batch_size})

    def on_epoch_end(self):
        self.order = self.random.permutation(len(x_train))

    def __getitem__(self, batch):
        random = self.random
        rows = self.order[batch * {config.batch_size} : (batch + 1) * {config.batch_size}]
        x = x_train[rows]
{body}        return x, y_train[rows]

'''


def _fitting(config: TrainingConfig) -> str:
    images = "ChangedImages()" if config.augmentation else f"x_train, y_train, batch_size={config.batch_size}"
    return f"""model.fit({images}, epochs={config.epochs}, validation_data=(x_val, y_val), verbose=2)
model.save("vgg.keras")
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {{loss:.4f}}, test accuracy {{accuracy:.4f}}")
"""
