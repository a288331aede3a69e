"""Whether the logits come to depend on the image while a network trains, and cease to do so at another rate."""

import numpy as np

STEPS, ENDS, GREW, FADED = 30, 10, 3, 0.1
"""A signal survives if, over so many steps, the mean of its last ones is 3 times its start, the control's a tenth."""


def survives(kept, lost) -> bool:
    """True where the spread of the logits grows at the smaller rate, and fades at the given one.

    Args:
        kept, lost: spread of the logits over the images, of each step, at the smaller and at the given rate.
    """
    if min(len(kept), len(lost)) < STEPS:
        return False
    return float(np.mean(kept[-ENDS:])) > GREW * kept[0] and float(np.mean(lost[-ENDS:])) < FADED * lost[0]


def in_words(slow: str, kept, lost) -> str:
    """What :func:`survives` compares; ``slow`` names the smaller rate."""
    return (
        f"the logits' differences between images go from {lost[0]:.1g} to {np.mean(lost[-ENDS:]):.1g} in "
        f"{len(lost)} steps, "
        f"at {slow} from {kept[0]:.1g} to {np.mean(kept[-ENDS:]):.1g} in {len(kept)}"
    )
