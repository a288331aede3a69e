"""A patient of the clinic: a network with its data, from which vital signs and probes are ordered one at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.facts import vital_signs
from vgg_lesson.diagnosis.facts.chance import Chance
from vgg_lesson.diagnosis.facts.gathered import Facts, gather
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.laboratory import Laboratory
from vgg_lesson.diagnosis.variation import Course


@dataclass(frozen=True)
class Measurement:
    """What a vital sign or probe gave.

    Attributes:
        name: of the instrument.
        text: the result in one or two sentences with its numbers; no judgement.
        values: name -> number.
        layers: :class:`facts.vital_signs.LayerSigns`, where each layer was measured.
        courses: short trainings, the untouched control first.
        chance_loss, chance_accuracy: what guessing gives, for drawing.
    """

    name: str
    text: str
    values: dict[str, float] = field(default_factory=dict)
    layers: tuple = ()
    courses: tuple[Course, ...] = ()
    chance_loss: float = float("nan")
    chance_accuracy: float = float("nan")

    def plot(self):
        """A ``Picture`` of the measurement."""
        from vgg_lesson.plots.diagnosis import measurement_picture

        return measurement_picture(self)


@dataclass(frozen=True)
class Instrument:
    """A vital sign or probe that can be ordered.

    Attributes:
        name: key in ``VITAL_SIGNS`` or ``PROBES``.
        question: what it answers.
        seconds: its cost.
        kind: "vital sign" (measures, changes nothing) or "probe" (trains copies).
        measure: Patient -> Measurement.
        asks_loss: whether nothing can be measured where the loss or the output raises.
    """

    name: str
    question: str
    seconds: float
    kind: str
    measure: Callable[["Patient"], Measurement]
    asks_loss: bool = False


class Patient:
    """A network with its data, ready for instruments; results are kept, so measuring twice costs nothing.

    Args:
        arguments: as for ``examine``: model, x_train, y_train, validation_data, batch_size, ...
        steps: length of a training probe.
    """

    def __init__(self, steps: int = 120, progress: Callable[[str], None] | None = None, **arguments):
        self.subject, self.steps = Subject.of(**arguments), steps
        self.progress = progress or (lambda text: None)
        self.results: dict[str, Measurement] = {}
        self._kept: dict[str, object] = {}

    def take(self, instrument: Instrument) -> Measurement:
        """Measure with one instrument, or return what it gave before."""
        if instrument.name not in self.results:
            self.progress(f"{instrument.name}: about {instrument.seconds:g} s")
            self.results[instrument.name] = self._measured(instrument)
        return self.results[instrument.name]

    def _measured(self, instrument: Instrument) -> Measurement:
        refused = self.facts.loss.error or self.facts.output.error
        if instrument.asks_loss and refused:
            return Measurement(instrument.name, f"It cannot be trained at all. Keras says: {refused}")
        return instrument.measure(self)

    def keep(self, key: str, make: Callable[[], object]):
        """``make()`` once, then the same again."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    @property
    def fresh(self):
        return self.keep("fresh", lambda: cloning.copy(self.subject.model, self.subject.images, seed=self.subject.seed))

    @property
    def facts(self) -> Facts:
        return self.keep("facts", lambda: gather(self.subject, self.fresh))

    @property
    def signs(self) -> vital_signs.NetworkSigns:
        works = not self.facts.loss.error
        return self.keep("signs", lambda: vital_signs.network_signs(self.subject, self.fresh, 128, loss_works=works))

    @property
    def chance(self) -> Chance:
        return Chance.of(self.subject, self.facts.loss)

    @property
    def laboratory(self) -> Laboratory:
        def make():
            return Laboratory.of(
                self.subject, self.chance, self.signs, self.facts.images, until=float("inf"), report=self.progress
            )

        return self.keep("laboratory", make)

    def control(self) -> Course:
        return self.laboratory.train(CONTROL, self.steps, least=60)
