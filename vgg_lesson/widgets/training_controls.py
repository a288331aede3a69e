"""The controls of the training panel, and the configuration that they show."""

from ipywidgets import Widget

from vgg_lesson.configurations import CONFIGURATIONS, DEPTHS, configuration_of_depth
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets.common import choice, int_slider, rate_of, rate_slider, step_slider, switch


def training_controls(start: TrainingConfig, most_images: int) -> dict[str, Widget]:
    """Name -> control, each showing what ``start`` has.

    Args:
        start: where the controls stand at first.
        most_images: training images there are.
    """
    sizes = [size for size in (500, 1000, 2000, 4000, 10_000, 20_000) if size < most_images] + [most_images]
    images = [(f"{size:,}", size) for size in sizes]
    widths = [("1/8", 0.125), ("1/4", 0.25), ("1/2", 0.5), ("1, the paper's", 1.0)]
    weights = [("Glorot uniform, Keras's default", "glorot_uniform"), ("He normal", "he_normal")]
    optimizers = [("Adam", "adam"), ("SGD with momentum", "sgd")]
    depth = CONFIGURATIONS[start.configuration].weight_layers
    return {
        "depth": step_slider("Weight layers", sorted(DEPTHS), depth, "11, 13, 16, 19: the paper's A, B, D, E"),
        "learning_rate": rate_slider("Learning rate", start.learning_rate, 1e-5, 1e-1, "Step size of the optimizer"),
        "batch_norm": switch("Batch norm", start.batch_norm, "Normalise between each convolution and its ReLU"),
        "initializer": choice("Initial weights", weights, start.initializer, "How the weights are drawn"),
        "optimizer": choice("Optimizer", optimizers, start.optimizer, "How a gradient becomes a step"),
        "width": choice(
            "Width", widths, start.width, "Factor on the number of filters; the cost grows with its square"
        ),
        "images": step_slider("Training images", images, min(2000, most_images), "Images of one epoch"),
        "epochs": int_slider("Epochs", start.epochs, 1, 10, "Passes over the training images"),
        "seed": int_slider("Seed", start.seed, 0, 9, "Another seed: other initial weights and another order of images"),
    }


def config_of(controls: dict[str, Widget], base: TrainingConfig) -> TrainingConfig:
    """The choices that the controls show; what they do not show is taken from ``base``."""
    shown = ("batch_norm", "initializer", "optimizer", "width", "epochs", "seed")
    return base.change(
        configuration=configuration_of_depth(controls["depth"].value),
        learning_rate=rate_of(controls["learning_rate"]),
        **{name: controls[name].value for name in shown},
    )
