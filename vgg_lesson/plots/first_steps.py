"""What comes before the first curve: how large an optimizer's first step is."""

import numpy as np

from vgg_lesson.plots.marks import DASHES, readable
from vgg_lesson.plots.style import CYCLE, Picture, figure


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
        axes.loglog(gradients, sizes, marker="o", color=CYCLE[number % 6], linestyle=DASHES[number % 4])
        axes.annotate(
            name, (gradients.min(), sizes[np.argmin(gradients)]), xytext=(14, -9) if ratios[name] > 2 else (0, 7),
            textcoords="offset points", color=readable(CYCLE[number % 6]), fontsize=9, fontweight="bold", va="center"
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
