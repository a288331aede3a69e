"""The controls of the training panel, and the configuration that they show."""

from ipywidgets import Widget

from vgg_lesson.configurations import CONFIGURATIONS, DEPTHS, configuration_of_depth, weight_layers
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets.common import choice, int_slider, rate_of, rate_slider, step_slider, switch, two_digits

SLOWEST, FASTEST = 1e-5, 1e-1
EPOCHS, SEEDS = 10, 9
"""Where the sliders end, unless the panel starts beyond."""


def training_controls(start: TrainingConfig, most_images: int) -> dict[str, Widget]:
    """Name -> control, each showing what ``start`` has.

    Args:
        start: where the controls stand at first.
        most_images: training images there are.

    Raises:
        ValueError: the controls cannot show a choice of ``start``; names it and what is allowed.
    """
    _refuse_unseen(start)
    sizes = [size for size in (500, 1000, 2000, 4000, 10_000, 20_000) if size < most_images] + [most_images]
    images = [(f"{size:,}", size) for size in sizes]
    widths = {0.125: "1/8", 0.25: "1/4", 0.5: "1/2", 1.0: "1, the paper's"}
    weights = {"glorot_uniform": "Glorot uniform, Keras's default", "he_normal": "He normal"}
    optimizers = {"adam": "Adam", "sgd": "SGD with momentum"}
    depth = CONFIGURATIONS[start.configuration].weight_layers
    # The paper's numbers, unless the head has not two layers or blocks are left out.
    depths = [(str(weight_layers(letter, start.head, start.blocks)), paper) for paper, letter in DEPTHS.items()]
    tooltip = f"{', '.join(text for text, _ in depths)}: the paper's {', '.join(DEPTHS.values())}"
    return {
        "depth": step_slider("Weight layers", depths, depth, tooltip),
        "learning_rate": rate_slider(
            "Learning rate", start.learning_rate, SLOWEST, FASTEST, "Step size of the optimizer"
        ),
        "batch_norm": switch("Batch norm", start.batch_norm, "Normalise between each convolution and its ReLU"),
        "initializer": _list("Initial weights", weights, start.initializer, "How the weights are drawn"),
        "optimizer": _list("Optimizer", optimizers, start.optimizer, "How a gradient becomes a step"),
        "width": _list("Width", widths, start.width, "Factor on the number of filters; the cost grows with its square"),
        "images": step_slider("Training images", images, min(2000, most_images), "Images of one epoch"),
        "epochs": int_slider("Epochs", start.epochs, 1, max(EPOCHS, start.epochs), "Passes over the training images"),
        "seed": int_slider(
            "Seed", start.seed, 0, max(SEEDS, start.seed),
            "Another seed: other initial weights and another order of images",
        ),
    }  # fmt: skip


def _refuse_unseen(start: TrainingConfig) -> None:
    rate = start.learning_rate
    for name, value, shown, allowed in (
        ("configuration", start.configuration, start.configuration in DEPTHS.values(), sorted(DEPTHS.values())),
        ("batch_norm", start.batch_norm, isinstance(start.batch_norm, bool), [False, True]),
        ("learning_rate", rate, SLOWEST <= rate <= FASTEST, f"{SLOWEST:g} to {FASTEST:g}"),
        ("learning_rate", rate, rate == two_digits(rate), "two digits, such as 3.2e-4"),
    ):
        if not shown:
            raise ValueError(f"the panel has no control that shows {name} {value!r}; allowed: {allowed}")


def _list(label: str, names: dict, value, tooltip: str) -> Widget:
    """A list of values by name; a value that has none is added under its own."""
    shown = names if value in names else names | {value: str(value)}
    return choice(label, [(name, key) for key, name in shown.items()], value, tooltip)


def config_of(controls: dict[str, Widget], base: TrainingConfig) -> TrainingConfig:
    """The choices that the controls show; what they do not show is taken from ``base``."""
    shown = ("batch_norm", "initializer", "optimizer", "width", "epochs", "seed")
    return base.change(
        configuration=configuration_of_depth(controls["depth"].value),
        learning_rate=rate_of(controls["learning_rate"]),
        **{name: controls[name].value for name in shown},
    )
