"""Short trainings on demand: one compiled step per structure, and a clock."""

import time

import numpy as np

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.facts.answers import answered, share_right
from vgg_lesson.diagnosis.facts.array_facts import ImageFacts
from vgg_lesson.diagnosis.facts.batches import batches, prepared
from vgg_lesson.diagnosis.facts.chance import Chance, collapsed
from vgg_lesson.diagnosis.facts.vital_signs import NetworkSigns
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.training_loop import Trainer
from vgg_lesson.diagnosis.variation import Course, Variation

FEW = 8
"""Images: a step of fewer teaches less, and counts as a part of one."""
ASKED = 512
"""Training images that a network is asked about at inference: an accuracy is good to 0.02."""


def whole_steps(steps: int, batch: int) -> int:
    """So many steps, or more where a step is of fewer images than :data:`FEW`."""
    return steps * max(1, FEW // batch)


def standardising(images: ImageFacts, signs: NetworkSigns) -> tuple[np.ndarray, np.ndarray]:
    """What to take off the images, and to divide them by, so that standardised values reach the first kernel.

    Layers before it, a Rescaling say, count as one factor above zero and one shift for all channels.

    Args:
        images: of the arrays as they are fed.
        signs: of the network, for its ``fed`` and ``first_input``.
    """
    spread, fed, first = np.maximum(images.std, 1e-12), signs.fed, signs.first_input
    if first is None or not (fed.deviation > 0 and first.deviation > 0):
        return images.mean, spread
    factor = first.deviation / fed.deviation
    return images.mean + spread * (first.mean - factor * fed.mean), spread * factor


class Laboratory:
    """Runs variations of a subject's training and remembers how they went.

    Args:
        subject: what is examined.
        chance: what guessing gives.
        strip: names of the layers that :class:`Variation` ``strip`` leaves out.
        statistics: for ``scale_inputs``, what :func:`standardising` gives.
        until: clock (``time.perf_counter``) at which everything must be done.
        report: called with one sentence about what is going on.
    """

    def __init__(
        self, subject: Subject, chance: Chance, *, strip=(), statistics=None, until: float, report=lambda text: None
    ):
        self.subject, self.chance, self.strip, self.statistics = subject, chance, tuple(strip), statistics
        self.until, self.report = until, report
        self.trainers: dict[tuple, Trainer] = {}
        self.courses: dict[Variation, Course] = {}
        self.refused: dict[Variation, str] = {}  # why a variation cannot be tried
        self._batches: dict[Variation, object] = {}

    @classmethod
    def of(
        cls, subject: Subject, chance: Chance, signs: NetworkSigns, images: ImageFacts, *, until: float, report
    ) -> "Laboratory":
        """A laboratory for a subject whose fresh network and training images were measured."""
        strip = tuple(layer.name for layer in signs.layers if layer.acts_in_training_only)
        statistics = standardising(images, signs)
        return cls(subject, chance, strip=strip, statistics=statistics, until=until, report=report)

    def seconds_left(self) -> float:
        return self.until - time.perf_counter()

    def whole(self, steps: int) -> int:
        """As :func:`whole_steps`, for the steps made here."""
        return whole_steps(steps, self.subject.step_images)

    def trainer(self, variation: Variation) -> Trainer:
        """The compiled trainer for a variation's structure; its first step costs seconds of tracing."""
        key = variation.structure()
        if key not in self.trainers:
            self.trainers[key] = Trainer(self.subject, variation, self.strip or ("",))
        return self.trainers[key]

    def train(
        self,
        variation: Variation,
        steps: int,
        *,
        least: int = 30,
        seconds: float | None = None,
        stop_when_learned: bool = True,
        weights=None,
    ) -> Course:
        """Train a variation up to ``steps`` steps in all, going on where it stopped before.

        Args:
            least: do not stop for having learned before so many steps.
            seconds: at most so long, counted from now; the laboratory's clock counts too.
            weights: to start from, in place of fresh ones.

        Returns:
            The course; one without steps, which is not remembered, where the variation cannot be built.
        """
        try:
            trainer = self.trainer(variation)
        except cloning.CannotRebuild as error:
            self.refused[variation] = str(error)
            return Course(variation, self.subject.batch_size)
        if variation not in self.courses:
            course = self.courses[variation] = trainer.start(variation)
            course.state = course.state[0] if weights is None else weights, course.state[1]
            self._batches[variation] = batches(self.subject, variation, trainer.batch, self.statistics)
        course = self.courses[variation]
        until = self.until if seconds is None else min(self.until, time.perf_counter() + seconds)
        if (
            course.steps >= steps
            or (course.loss and not np.isfinite(course.loss[-1]))
            or (stop_when_learned and collapsed(course))
        ):
            return course
        self.report(f"training: {variation.name}")

        def finished(c):
            return stop_when_learned and ((c.steps >= least and self.chance.learned(c)) or collapsed(c))

        return trainer.run(course, self._batches[variation], steps=steps - course.steps, until=until, finished=finished)

    @property
    def asked(self) -> int:
        """How many images :meth:`accuracy` is over."""
        return min(ASKED, self.subject.training_count)

    def accuracy(self, course: Course) -> float:
        """Share of right answers at inference, to training images on the course's scale and otherwise plain."""
        variation, rows = course.variation, self.subject.sample(self.asked)
        images = prepared(self.subject, rows) if variation.augment else self.subject.images[rows]
        if variation.scale_inputs and self.statistics is not None:
            images = (images - self.statistics[0]) / self.statistics[1]
        model = self.trainer(variation).model
        model.set_weights(course.state[0])
        return share_right(answered(model, images), self.subject.labels.classes[rows])

    def learned(self, variation: Variation) -> bool:
        return variation in self.courses and self.chance.learned(self.courses[variation])
