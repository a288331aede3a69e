"""The atlas: recorded runs over depth, learning rate and remedy, several seeds each.

Its records are named ``atlas/{letter}-{remedy}-{rate}-{seed}``; the networks have a quarter of the
paper's filters. An atlas may be coarse or half finished: a cell without records is "not run".
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from vgg_lesson import configurations, recordings
from vgg_lesson.run_record import Run
from vgg_lesson.training_config import TrainingConfig

DEPTHS = {letter: depth for depth, letter in configurations.DEPTHS.items()}
"""Configuration -> weight layers."""
REMEDIES = {
    "lecture": "the lecture's settings",
    "he": "He initialiser",
    "batchnorm": "batch norm",
    "sgd": "SGD with momentum",
}
"""Name in the records -> in words. Each is the lecture's settings with that one change."""
COARSE_RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""Learning rates that are recorded first: a map shows their columns, recorded or not."""
_NAME = re.compile(r"atlas/(?P<letter>[ABDE])-(?P<remedy>[a-z]+)-(?P<rate>[0-9.e+-]+)-(?P<seed>\d+)")


class Place(NamedTuple):
    """Where a run stands: ``depth`` in weight layers, learning ``rate``, ``remedy`` of ``REMEDIES``."""

    depth: int
    rate: float
    remedy: str


class Count(NamedTuple):
    """How many of the runs at a place ended as "learning", and how many there are."""

    learned: int
    runs: int

    def __str__(self) -> str:
        return f"{self.learned} of {self.runs}" if self.runs else "not run"


class Atlas:
    """Recorded runs by place.

    Args:
        runs: records; those that are not named like an atlas record are left out.
    """

    def __init__(self, runs: Iterable[Run]):
        self.cells: dict[Place, list[Run]] = {}
        for run in runs:
            if (match := _NAME.fullmatch(run.name)) and match["remedy"] in REMEDIES:
                place = Place(DEPTHS[match["letter"]], float(match["rate"]), match["remedy"])
                self.cells.setdefault(place, []).append(run)

    @classmethod
    def load(cls, folder=recordings.FOLDER) -> "Atlas":
        """The committed atlas; it is empty where there are no records."""
        return cls(recordings.filter("atlas/*", folder))

    @property
    def rates(self) -> list[float]:
        """All recorded learning rates, ascending."""
        return sorted({place.rate for place in self.cells})

    @property
    def remedies(self) -> list[str]:
        """The recorded remedies, in the order of ``REMEDIES``."""
        recorded = {place.remedy for place in self.cells}
        return [remedy for remedy in REMEDIES if remedy in recorded]

    def runs(self, depth: int, rate: float, remedy: str) -> list[Run]:
        """The runs at a place, by seed; empty where none was made."""
        return sorted(self.cells.get(Place(depth, rate, remedy), []), key=lambda run: run.config["seed"])

    def count(self, depth: int, rate: float, remedy: str) -> Count:
        """How many of the runs at a place learned."""
        runs = self.runs(depth, rate, remedy)
        return Count(sum(run.verdict == "learning" for run in runs), len(runs))

    def counts(self, remedy: str, rates: Iterable[float] | None = None) -> dict[tuple[int, float], Count]:
        """(depth, rate) -> count, for every depth and these rates; without them, every recorded rate."""
        rates = self.rates if rates is None else list(rates)
        return {(depth, rate): self.count(depth, rate, remedy) for depth in DEPTHS.values() for rate in rates}

    def maps(self) -> dict[str, dict[tuple[int, float], Count]]:
        """Remedy in words -> (depth, rate) -> count, over all remedies, depths, and coarse or recorded rates."""
        rates = sorted({*COARSE_RATES, *self.rates})
        return {words: self.counts(remedy, rates) for remedy, words in REMEDIES.items()}


def place_of(config: TrainingConfig) -> Place | None:
    """Where a run of the learner's belongs; None when the atlas has no such depth or remedy.

    Only depth, rate, optimizer, initialiser and batch norm are looked at: width, head, images and
    epochs of the learner's run usually differ from the recorded ones, as the words of the picture say.
    Left-out blocks change the depth, another momentum the optimizer, a start the weights: such a run has no place.
    """
    other_momentum = config.optimizer == "sgd" and config.momentum != TrainingConfig.momentum
    if config.blocks != TrainingConfig.blocks or other_momentum or config.start:
        return None
    changes = (config.initializer != "glorot_uniform", config.batch_norm, config.optimizer)
    remedy = {
        (False, False, "adam"): "lecture",
        (True, False, "adam"): "he" if config.initializer.startswith("he_") else None,
        (False, True, "adam"): "batchnorm",
        (False, False, "sgd"): "sgd",
    }.get(changes)
    if remedy is None or config.configuration not in DEPTHS:
        return None
    return Place(DEPTHS[config.configuration], config.learning_rate, remedy)
