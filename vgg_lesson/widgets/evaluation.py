"""The labs of lesson 4 that need outputs only: confusions, calibration, and when to say "I don't know"."""

from vgg_lesson.outputs import Outputs
from vgg_lesson.plots.answers import draw_cell
from vgg_lesson.plots.confidence import draw_reliability, draw_selection
from vgg_lesson.widgets.common import choice, step_slider
from vgg_lesson.widgets.explorer import Explorer

TEMPERATURES = (0.25, 0.33, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
THRESHOLDS = tuple(step / 100 for step in range(0, 100, 2)) + (0.99,)


def confusion_explorer(*networks: Outputs) -> Explorer:
    """Choose a true class and an answer; see the images behind that cell of the confusion matrix.

    Args:
        networks: outputs to choose from, at least one; their names must differ.
    """
    _checked(networks)
    names = [(name, number) for number, name in enumerate(networks[0].class_names)]
    cat, dog = min(3, len(names) - 1), min(5, len(names) - 1)
    return _explorer(
        networks,
        "Find the two classes that this network confuses most. Is the error as frequent in both directions?",
        draw_cell,
        460,
        {
            "true": choice("Truth", names, cat, "The class that the images really show: a row of the matrix"),
            "predicted": choice("Answer", names, dog, "The class that the network answered: a column of the matrix"),
        },
    )


def calibration_explorer(*networks: Outputs) -> Explorer:
    """Divide the logits by a temperature; see whether confidence and accuracy agree.

    Args:
        networks: outputs to choose from, at least one; their names must differ.
    """
    options = [(f"{temperature:g}", temperature) for temperature in TEMPERATURES]
    tip = "Logits are divided by it: above 1 more cautious, below 1 bolder"
    return _explorer(
        networks,
        "Find the temperature with the smallest calibration error. Which number in the text never changes, and why?",
        draw_reliability,
        500,
        {"temperature": step_slider("Temperature", options, 1.0, tip)},
    )


def threshold_explorer(*networks: Outputs) -> Explorer:
    """Set the confidence from which answers are given; see how many are given and how many are right.

    Args:
        networks: outputs to choose from, at least one; their names must differ.
    """
    options = [(f"{threshold:.2f}", threshold) for threshold in THRESHOLDS]
    tip = "Below this confidence the network says 'I don't know'"
    return _explorer(
        networks,
        "Find the lowest threshold at which at most 1 answer in 20 is wrong. "
        "What share of the images gets no answer then?",
        draw_selection,
        390,
        {"threshold": step_slider("Threshold", options, 0.5, tip)},
    )


def _explorer(networks: tuple[Outputs, ...], goal: str, draw, height: int, controls: dict) -> Explorer:
    """Pictures of one network's outputs; ``controls`` are those of the other arguments of ``draw``."""
    by_name = _checked(networks)
    network = choice("Network", list(by_name), next(iter(by_name)), "Whose answers to look at")
    return Explorer(
        goal, lambda network, **values: draw(by_name[network], **values), {"network": network, **controls}, height
    )


def _checked(networks: tuple[Outputs, ...]) -> dict[str, Outputs]:
    by_name = {outputs.name: outputs for outputs in networks}
    if not networks or len(by_name) < len(networks):
        raise ValueError(
            f"need outputs of at least one network, with different names, received {[o.name for o in networks]}"
        )
    if len({outputs.class_names for outputs in networks}) > 1:
        raise ValueError(f"all networks must have the same classes, received {[o.class_names for o in networks]}")
    return by_name
