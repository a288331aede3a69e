"""Signals in a network while it takes its first training steps: what goes forward, what comes back, what is changed.

A :class:`SignalLab` builds and compiles one training step for each structure (depth, width, head,
batch norm) and starts it again with other weights, rates and seeds, so that trying another
initialiser costs a second and not the five of a new compilation.
"""

import math
import threading
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from vgg_lesson.baselines import entropy
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.watched_step import Moment, WatchedStep
from vgg_lesson.whole import is_whole, require_whole

LEARNED_NATS = 0.05
"""A run counts as learning when its loss at the end lies so far below that of guessing. The loss of a
constant answer varies by about 0.005 from one mean of 20 batches of 32 to the next."""
WINDOW = 20
"""Steps at the end of a run over which its loss is averaged."""


@dataclass(frozen=True)
class WatchedRun:
    """A short training with the loss of every step, and the signals of some.

    Attributes:
        config: what was trained.
        chance: loss of an answer that only knows how frequent the classes are (nats).
        moments: one a step.
    """

    config: TrainingConfig
    chance: float
    moments: tuple[Moment, ...]

    @property
    def losses(self) -> list[float]:
        """Loss of each step."""
        return [moment.loss for moment in self.moments]

    @property
    def final_loss(self) -> float:
        """Mean loss of the last ``WINDOW`` steps (at most half of all); NaN once a loss was not finite."""
        return float(np.mean(self.losses[-max(1, min(WINDOW, len(self.losses) // 2)) :]))

    @property
    def learned(self) -> bool:
        """True when the loss at the end lies ``LEARNED_NATS`` below guessing."""
        return bool(self.final_loss < self.chance - LEARNED_NATS)


class SignalLab:
    """Short trainings of VGGs on given images, with their signals.

    Args:
        images: (N, 32, 32, 3) float32, as the network is to see them.
        labels: (N,) class numbers.
        classes: number of classes.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, classes: int = 10):
        if not len(images) or len(images) != len(labels) or not np.issubdtype(images.dtype, np.floating):
            raise ValueError(
                f"images must be floats with one label each, received {images.dtype} images {images.shape} "
                f"and {len(labels)} labels"
            )
        if (
            not np.issubdtype(np.asarray(labels).dtype, np.integer)
            or not 0 <= np.min(labels) <= np.max(labels) < classes
        ):
            raise ValueError(f"labels must be whole numbers in 0 .. {classes - 1}, received {labels!r}")
        self.images, self.targets = images.astype(np.float32), np.eye(classes, dtype=np.float32)[labels]
        self.chance = entropy(np.bincount(labels))
        self._compiled: dict[TrainingConfig, WatchedStep] = {}
        self._lock = threading.Lock()

    def run(
        self, config: TrainingConfig, steps: int, *, handful: int | None = None, look_at: tuple[int, ...] = (0, -1)
    ) -> WatchedRun:
        """Train from fresh weights for some steps.

        Args:
            config: the choices; schedule, preprocessing, augmentation and epochs are not used here.
            steps: number of steps, at least 1; a loss that is not finite ends the run early.
            handful: take every batch from the first so many images only, a batch at least; None for all.
            look_at: the steps whose layers are measured, which takes twice as long; the first is 0, and -1 is the
                last. A step whose loss is not finite is measured, too.

        Raises:
            ValueError: fewer images than a batch, fewer than 1 step, or a ``config.start``, which is not built here.
        """
        count = len(self.images) if handful is None else min(handful, len(self.images))
        if not is_whole(steps, 1) or count < config.batch_size:
            raise ValueError(f"needs 1 step and {config.batch_size} images at least, received {steps} and {count}")
        with self._lock:
            compiled = self._structure(config)
            compiled.restart(config)
            batches = _batches(count, config.batch_size, config.seed)
            moments = []
            for step in range(steps):
                rows = next(batches)
                look = step in look_at or step - steps in look_at
                moments.append(compiled.step(step, self.images[rows], self.targets[rows], look))
                if not math.isfinite(moments[-1].loss):
                    break
        if not moments[-1].layers and not math.isfinite(moments[-1].loss):  # seen too late: the same way once more
            return self.run(config, steps, handful=handful, look_at=(*look_at, moments[-1].step))
        return WatchedRun(config, self.chance, tuple(moments))

    def agreement(self, config: TrainingConfig, batches: int = 4) -> np.ndarray:
        """How far the gradients of different batches point the same way, at fresh weights.

        Args:
            config: the choices, its ``batch_size`` among them; rate and optimizer are not used here, nor is what
                :meth:`run` does not use. With dropout, each batch has its own.
            batches: how many batches without a common image are compared, two at a time; at least 2.

        Returns:
            One number for each pair of batches, batches * (batches - 1) / 2 of them: the cosine between their
            gradients of a kernel, mean over kernels. 1 is the same direction, -1 the opposite one. A mean of 0 over
            pairs can mean that none has anything in common, or that some agree and others pull against each other.
            A gradient of zeros counts as 0, one that is not finite (float16) gives NaN.

        Raises:
            ValueError: fewer than 2 batches, or fewer images than they hold; or a ``config.start``.
        """
        require_whole("batches", batches, 2)
        needed = batches * config.batch_size
        if needed > len(self.images):
            raise ValueError(
                f"needs {needed:,} images for {batches} batches of {config.batch_size}, received {len(self.images):,}"
            )
        with self._lock:
            compiled = self._structure(config)
            compiled.restart(config)
            rows = _batches(len(self.images), config.batch_size, config.seed)
            found = [compiled.gradients(self.images[each], self.targets[each]) for each in islice(rows, batches)]
        return np.array([np.mean(list(map(_cosine, *pair))) for pair in combinations(found, 2)])

    def _structure(self, config: TrainingConfig) -> "WatchedStep":
        if config.start:
            raise ValueError(f"signals are measured without a start, received {config.start!r}")
        # Weights, rate and seed are set anew for every run; all else is part of the compiled step.
        same = {"learning_rate": 1.0, "initializer": "zeros", "seed": 0}
        unused = {"schedule": "constant", "preprocessing": "unit", "augmentation": (), "epochs": 1}
        key = config.change(**same, **unused, batch_size=1)  # a step takes batches of any size
        if key not in self._compiled:
            self._compiled[key] = WatchedStep(config, self.images.shape[1:], self.targets.shape[1])
        return self._compiled[key]


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)  # squares of faint gradients are 0 in float32
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(np.sum(one * other) / lengths) if lengths else 0.0


def _batches(count: int, batch: int, seed: int):
    """Endless rows of shuffled batches of equal size."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        for first in range(0, count - batch + 1, batch):
            yield order[first : first + batch]
