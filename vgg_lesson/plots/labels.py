"""Pictures of labels and of guessing: shares of the classes, and what an answer costs."""

import math

import numpy as np

from vgg_lesson.plots.marks import capital
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure

MARKERS = "os^DvPX*"


def draw_shares(counts: dict[str, np.ndarray], names) -> Picture:
    """The share of each class in one or more sets of labels, against equal shares.

    Args:
        counts: name of the set -> (classes,) number of images of each class, not all 0.
        names: of the classes.

    Raises:
        ValueError: a set without images.
    """
    made, axes = figure(7.6, 3.6)
    classes, words, spreads = len(names), [], {}
    axes.axhline(100 / classes, color=COLOURS["chance"], linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    for number, (title, count) in enumerate(counts.items()):
        if not np.any(count):
            raise ValueError(f"each set must hold images, received none in {title!r}: {np.asarray(count).tolist()}")
        share = 100 * np.asarray(count) / np.sum(count)
        offset = min(0.12, 0.48 / len(counts)) * (2 * number - len(counts) + 1)
        marker, colour = MARKERS[number % len(MARKERS)], CYCLE[number % len(CYCLE)]
        axes.plot(np.arange(classes) + offset, share, marker, color=colour, markersize=8, label=title)
        low, high = int(share.argmin()), int(share.argmax())
        said = f"from {share[low]:.1f}% ({names[low]}) to {share[high]:.1f}% ({names[high]})"
        same = np.ptp(share) < 0.05
        words.append(f"{title}: {f'{share[low]:.1f}% in every class' if same else said}")
        found = f"is {share[low]:.1f}%" if same else f"varies from {share[low]:.1f}% to {share[high]:.1f}%"
        spreads[title] = np.ptp(share), f"the share of {'every' if same else 'a'} class {found}"
    axes.annotate(f"equal shares:\n{100 / classes:g}%", (1.005, 100 / classes), xycoords=("axes fraction", "data"),
                  va="center", fontsize=9, color=COLOURS["chance"], annotation_clip=False)  # fmt: skip
    axes.set_xticks(range(classes), names, rotation=25, ha="right")
    axes.set_ylabel("share of the images (%)")
    axes.margins(y=0.25)
    axes.legend(loc="upper right", ncols=min(len(counts), 4), fontsize=9, frameon=False)
    widest = max(spreads, key=spreads.get)
    axes.set_title(f"{capital(widest)}: {spreads[widest][1]}")
    return Picture(made, "Share of each class. " + "; ".join(words) + ".")


def draw_cost(classes: int = 10, marks=(0.9, 0.5, 0.01)) -> Picture:
    """What one image costs, by the probability that the answer gave to the true class: -ln p.

    Args:
        classes: equal guessing gives each of them 1 / classes; that point is drawn as well.
        marks: further probabilities to point out, in (0, 1].
    """
    made, axes = figure(6.8, 3.7)
    top = max(5.6, math.log(classes) + 0.8)
    p = np.linspace(math.exp(-top), 1, 700)
    axes.plot(100 * p, -np.log(p), color=CYCLE[0])
    axes.axhline(math.log(classes), color=COLOURS["chance"], linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    points = sorted({*marks, 1 / classes}, reverse=True)
    for point in points:
        guess, left = point == 1 / classes, point > 0.8
        words = f"{100 * point:g}% costs {-math.log(point):.3f}"
        axes.plot(100 * point, -math.log(point), "o", color=COLOURS["bad"] if guess else CYCLE[0], markersize=8)
        axes.annotate(f"chance: {words} = ln {classes}" if guess else words, (100 * point, -math.log(point)),
                      xytext=(4 if left else 9, 9), textcoords="offset points", fontsize=9.5,
                      ha="center" if left else "left", fontweight="bold" if guess else "normal")  # fmt: skip
    axes.annotate("towards 0% it grows without limit", (1.5, top - 0.25), xytext=(9, 0), textcoords="offset points",
                  fontsize=9.5, va="center", color=COLOURS["muted"])  # fmt: skip
    axes.set_xlim(-2, 102)
    axes.set_xticks(range(0, 101, 20))
    axes.set_ylim(0, top)
    axes.set_xlabel("probability given to the true class (%)")
    axes.set_ylabel("loss of this image: -ln p (nats)")
    axes.set_title("To be sure and wrong costs more than to guess")
    listed = ", ".join(f"{100 * point:g}% costs {-math.log(point):.3f}" for point in points)
    return Picture(made, f"Cross-entropy of one image against the probability given to its true class: {listed}.")
