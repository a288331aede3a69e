"""Pictures of what comes before the first curve: what a probability costs, how large an optimizer's step is."""

import math

import numpy as np

from vgg_lesson.plots.style import COLOURS, CYCLE, DASHES, Picture, chance_line, figure


def loss_of_probability(classes: int = 10) -> Picture:
    """Cross-entropy of one image against the probability that the network gives its true class."""
    drawn, axes = figure(6.4, 3.2)
    probability = np.linspace(0.001, 1, 500)
    axes.plot(probability, -np.log(probability), color=COLOURS["training"])
    points = {"almost ruled out": 0.01, "guessing": 1 / classes, "almost certain": 0.95}
    for name, share in points.items():
        height, near_edge = -math.log(share), share > 0.5
        axes.plot(share, height, "o", color=COLOURS["ink"])
        axes.annotate(
            f"{name}: {height:.2f}", (share, height), xytext=(0 if near_edge else 8, 12 if near_edge else 8),
            textcoords="offset points", fontsize=9, ha="right" if near_edge else "left",
        )  # fmt: skip
    chance_line(axes, "loss", classes, at=1)
    axes.set(xlabel="probability given to the true class", ylabel="loss of the image", ylim=(0, 5.2), xlim=(0, 1))
    axes.set_title(f"Guessing costs ln {classes} = {math.log(classes):.3f}; ruling out the true class costs more")
    listed = ", ".join(f"{-math.log(share):.2f} at probability {share:g} ({name})" for name, share in points.items())
    return Picture(drawn, f"The loss of one image is minus the logarithm of its true class's probability: {listed}.")


def optimizer_steps(gradients, steps: dict) -> Picture:
    """Size of an optimizer's first step against the size of the gradient, both logarithmic.

    Args:
        gradients: (N,) positive.
        steps: optimizer's name -> (N,) sizes of its steps, positive.
    """
    drawn, axes = figure(6.4, 3.4)
    gradients = np.asarray(gradients, float)
    ratios = {name: np.max(sizes) / np.min(sizes) for name, sizes in steps.items()}
    for number, (name, sizes) in enumerate(steps.items()):
        sizes = np.asarray(sizes, float)
        axes.loglog(gradients, sizes, marker="o", color=CYCLE[number], linestyle=DASHES[number])
        axes.annotate(
            name, (gradients.min(), sizes[np.argmin(gradients)]), xytext=(14, -9) if ratios[name] > 2 else (0, 7),
            textcoords="offset points", color=CYCLE[number], fontsize=9, fontweight="bold", va="center"
            if ratios[name] > 2 else "bottom",
        )  # fmt: skip
    axes.set(xlabel="size of the gradient", ylabel="size of the first step")
    axes.margins(0.08, 0.12)
    span = gradients.max() / gradients.min()
    flattest = min(ratios, key=ratios.get)
    axes.set_title(f"{flattest}: steps {_apart(ratios[flattest])} apart for gradients {span:,.0f}-fold apart")
    listed = "; ".join(f"with {name} the steps are {_apart(ratio)} apart" for name, ratio in ratios.items())
    return Picture(drawn, f"Gradients from {gradients.min():.0e} to {gradients.max():.0e}, {span:,.0f}-fold: {listed}.")


def _apart(ratio: float) -> str:
    return f"{100 * (ratio - 1):.0f}%" if ratio < 2 else f"{ratio:,.0f}-fold"
