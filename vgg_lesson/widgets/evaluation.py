"""The labs of lesson 4 that need outputs only: confusions, calibration, and when to say "I don't know"."""

from vgg_lesson.outputs import Outputs
from vgg_lesson.plots.answers import draw_cell
from vgg_lesson.plots.confidence import draw_reliability, draw_selection
from vgg_lesson.widgets.common import Explorer, choice, step_slider

TEMPERATURES = (0.25, 0.33, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
THRESHOLDS = tuple(step / 100 for step in range(0, 100, 2)) + (0.99,)


def confusion_explorer(*networks: Outputs) -> Explorer:
    """Choose a true class and an answer; see the images behind that cell of the confusion matrix.

    Args:
        networks: outputs to choose from, at least one; their names must differ.
    """
    by_name = _by_name(networks)
    names = [(name, number) for number, name in enumerate(networks[0].class_names)]
    return Explorer(
        "Find the two classes that this network confuses most. Is the error as frequent in both directions?",
        lambda network, true, predicted: draw_cell(by_name[network], true, predicted),
        {
            "network": _network(by_name),
            "true": choice("Truth", names, 3, "The class that the images really show: a row of the matrix"),
            "predicted": choice("Answer", names, 5, "The class that the network answered: a column of the matrix"),
        },
        height=460,
    )


def calibration_explorer(*networks: Outputs) -> Explorer:
    """Divide the logits by a temperature; see whether confidence and accuracy agree.

    Args:
        networks: outputs to choose from, at least one; their names must differ.
    """
    by_name = _by_name(networks)
    options = [(f"{temperature:g}", temperature) for temperature in TEMPERATURES]
    return Explorer(
        "Find the temperature with the smallest calibration error. Which number in the text never changes, and why?",
        lambda network, temperature: draw_reliability(by_name[network], temperature),
        {
            "network": _network(by_name),
            "temperature": step_slider(
                "Temperature", options, 1.0, "Logits are divided by it: above 1 more cautious, below 1 bolder"
            ),
        },
        height=500,
    )


def threshold_explorer(*networks: Outputs) -> Explorer:
    """Set the confidence from which answers are given; see how many are given and how many are right.

    Args:
        networks: outputs to choose from, at least one; their names must differ.
    """
    by_name = _by_name(networks)
    options = [(f"{threshold:.2f}", threshold) for threshold in THRESHOLDS]
    return Explorer(
        "Find the lowest threshold at which at most 1 answer in 20 is wrong. "
        "What share of the images gets no answer then?",
        lambda network, threshold: draw_selection(by_name[network], threshold),
        {
            "network": _network(by_name),
            "threshold": step_slider(
                "Threshold", options, 0.5, "Below this confidence the network says 'I don't know'"
            ),
        },
        height=390,
    )


def _by_name(networks: tuple[Outputs, ...]) -> dict[str, Outputs]:
    by_name = {outputs.name: outputs for outputs in networks}
    if not networks or len(by_name) < len(networks):
        raise ValueError(
            f"need outputs of at least one network, with different names, received {[o.name for o in networks]}"
        )
    return by_name


def _network(by_name: dict[str, Outputs]):
    return choice("Network", list(by_name), next(iter(by_name)), "Whose answers to look at")
