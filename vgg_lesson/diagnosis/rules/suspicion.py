"""What the vital signs point to before a training confirms it: the value that rules give and experiments take."""

from dataclasses import dataclass

from vgg_lesson.diagnosis.variation import IN_WORDS, Variation


@dataclass(frozen=True)
class Suspicion:
    """A cause that the vital signs point to, and the change that would prove it."""

    cause: str
    measured: str
    threshold: str
    change: dict
    remedy: str
    excess: float = 1.0  # signal and rate: how many times beyond the limit


def variation_of(*suspicions: Suspicion) -> Variation:
    """All changes of some suspicions at once."""
    change = {}
    for suspicion in suspicions:
        change.update(suspicion.change)
    return Variation(" + ".join(describe(s) for s in suspicions), **change)


def describe(suspicion: Suspicion) -> str:
    """The change in words."""
    parts = [f"rate x {value:g}" if key == "rate" else IN_WORDS[key] for key, value in suspicion.change.items()]
    return ", ".join(part for part in parts if part)
