"""The signal explorer: what goes through a VGG forward and backward, before and after its first steps."""

from vgg_lesson.configurations import configuration_of_depth
from vgg_lesson.data import Dataset
from vgg_lesson.plots.signals import draw_moments
from vgg_lesson.plots.style import Picture
from vgg_lesson.preprocessing import preprocess
from vgg_lesson.signals import SignalLab
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets.common import choice, rate_slider, step_slider, switch
from vgg_lesson.widgets.explorer import Explorer

GOAL = (
    "Take the lecture's settings as they are (16 layers, Glorot, 1e-3) and look at the network after 10 steps. "
    "Then find two different single changes after which the spread still reaches the last layer."
)
WIDTH, HEAD, STEPS = 1 / 16, (256, 256), 10
"""A sixteenth of the lecture's network in every layer: ten steps take about a fifth of a second."""
IMAGES = 640


def signal_explorer(dataset: Dataset) -> Explorer:
    """Depth, initialiser, batch norm and rate: signals layer by layer before the first step and after some.

    The first picture of another depth, or with batch norm switched, takes some seconds more: its
    training step is compiled.

    Args:
        dataset: images to train on; a few hundred are used.
    """
    some = dataset.subset(train=min(IMAGES, len(dataset.x_train)))
    lab = SignalLab(preprocess(some.x_train, "unit"), some.y_train, len(some.class_names))

    def compute(depth: int, initializer: str, batch_norm: bool, rate: float, steps: int) -> Picture:
        config = TrainingConfig(
            configuration=configuration_of_depth(depth), width=WIDTH, head=HEAD, initializer=initializer,
            batch_norm=batch_norm, learning_rate=rate,
        )  # fmt: skip
        return before_and_after(lab, config, steps)

    return Explorer(
        GOAL,
        compute,
        {
            "depth": step_slider("Weight layers", [11, 13, 16, 19], 16, "11, 13, 16, 19: the paper's A, B, D, E"),
            "initializer": choice("Initialiser", INITIALISERS, "glorot_uniform", "How the weights start"),
            "batch_norm": switch("Batch norm", False, "Normalise between each convolution and its ReLU"),
            "rate": rate_slider("Adam's rate", 1e-3, 1e-5, 1e-1, "Learning rate of Adam"),
            "steps": step_slider("Steps", [1, 2, 5, STEPS, 20], STEPS, "Steps between the two lines; batches of 32"),
        },
        height=400,
    )


INITIALISERS = [("Glorot uniform (Keras's default)", "glorot_uniform"), ("He normal", "he_normal"),
                ("normal, deviation 0.05 in every layer", "random_normal")]  # fmt: skip


def before_and_after(lab: SignalLab, config: TrainingConfig, steps: int) -> Picture:
    """Train ``steps`` steps and draw the signals of the first step and of the one after the last."""
    run = lab.run(config, steps + 1)
    first, last = run.moments[0], run.moments[-1]
    return draw_moments({"before": first, f"after {last.step} {'step' if last.step == 1 else 'steps'}": last})
