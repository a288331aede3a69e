"""One patient, a bill and a verdict: the clinic without its buttons."""

import random
from dataclasses import dataclass

from vgg_lesson.cases import CASES, Case
from vgg_lesson.data import Dataset
from vgg_lesson.diagnosis import Report
from vgg_lesson.diagnosis.causes import CAUSES, MEANINGS, UNDETERMINED
from vgg_lesson.diagnosis.clinic.probes import INSTRUMENTS, Measurement, Patient
from vgg_lesson.diagnosis.prescription import Prescription
from vgg_lesson.diagnosis.remedies import REMEDIES, prescribe
from vgg_lesson.diagnosis.report import Finding

FULL_SCORE, FREE_SECONDS, WRONG_NAME = 100, 10, 30
"""Points for a right cause; seconds of measuring that cost nothing; points that a wrong cause costs."""
NAMEABLE = {cause: MEANINGS[cause] for cause in CAUSES if cause != UNDETERMINED}
"""Causes that can be named, with what each means."""

FAMILIAR = (1, 3, 4, 35)
"""Cases that lesson 5 speaks of: as patients they keep their numbers."""


def _waiting_room() -> dict[int, Case]:
    others = [CASES[number] for number in sorted(CASES) if number not in FAMILIAR]
    random.Random(0).shuffle(others)
    mixed = iter(others)
    return {seat: CASES[seat] if seat in FAMILIAR else next(mixed) for seat in range(1, len(CASES) + 1)}


PATIENTS = _waiting_room()
"""The cases by the numbers that they have here, in mixed order: a case's own number tells whether it is healthy."""


@dataclass(frozen=True)
class Verdict:
    """What naming a cause led to.

    Attributes:
        right: the named cause is a true one.
        text: what to make of it; the truth only when it was named.
    """

    right: bool
    text: str


class Consultation:
    """Examine one network of the public cases step by step.

    Args:
        number: of the patient, a key of ``PATIENTS``.
        dataset: images for it; a small subset keeps the probes short.
        steps: length of a training probe.
        seed: of the network's weights.

    Attributes:
        named: causes named so far.
    """

    def __init__(self, number: int, dataset: Dataset, *, steps: int = 80, seed: int = 0):
        if number not in PATIENTS:
            raise ValueError(f"number must be that of a patient, 1 to {len(PATIENTS)}, received {number!r}")
        self.case: Case = PATIENTS[number]
        self.arguments = self.case.build(dataset, seed)
        self.patient = Patient(steps=steps, **self.arguments)
        self.named: list[str] = []
        self.prescription: Prescription | None = None

    @property
    def ordered(self) -> dict[str, Measurement]:
        """Measurements so far, by name, in order."""
        return self.patient.results

    @property
    def bill(self) -> float:
        """Stated seconds of everything ordered so far."""
        return sum(INSTRUMENTS[name].seconds for name in self.ordered)

    @property
    def solved(self) -> bool:
        """True when a true cause was named."""
        return any(self._is_true(cause) for cause in self.named)

    @property
    def score(self) -> int:
        """0 while the cause is unknown; then 100, less a point for each second beyond 10 and 30 for each wrong name."""
        if not self.solved:
            return 0
        wrong = WRONG_NAME * len(self.wrong_names)
        return max(1, FULL_SCORE - max(0, round(self.bill - FREE_SECONDS)) - wrong)

    @property
    def wrong_names(self) -> list[str]:
        """Those of ``named`` that are no true cause, in order."""
        return [cause for cause in self.named if not self._is_true(cause)]

    def order(self, name: str) -> Measurement:
        """Take one vital sign or run one probe; the second time is free.

        Raises:
            KeyError: no such instrument; the message lists them.
        """
        if name not in INSTRUMENTS:
            raise KeyError(f"no instrument {name!r}; there are {', '.join(INSTRUMENTS)}")
        return self.patient.take(INSTRUMENTS[name])

    def name(self, cause: str) -> Verdict:
        """Name the cause.

        Raises:
            ValueError: no such cause; the message lists them.
        """
        if cause not in NAMEABLE:
            raise ValueError(f"cause must be one of {', '.join(NAMEABLE)}, received {cause!r}")
        if cause not in self.named:
            self.named.append(cause)
        if not self._is_true(cause):
            return Verdict(False, f"{MEANINGS[cause]} That is not what is wrong here. What would it predict?")
        others = [other for other in self.case.causes if other != cause]
        together = f" It does not act alone: {', '.join(others)} has a part in it." if others else ""
        return Verdict(True, f"Right. {MEANINGS[cause]}{together} What was changed: {self.case.name}.")

    def prescribe(self) -> Prescription:
        """Try the remedies that belong to the case's true causes, beside an untouched control; once, up to a minute.

        Without trials, and with words instead, where there is nothing to try by training (``can_be_tried``).

        Raises:
            RuntimeError: the cause is not named yet.
        """
        if not self.solved:
            raise RuntimeError("name the cause first: a remedy without a diagnosis proves nothing")
        findings = tuple(Finding(cause, "named in the clinic", "", "") for cause in self.case.causes)
        report = Report(self.case.causes[0], None, findings)
        if self.prescription is None:
            self.prescription = prescribe(report, **self.arguments, seeds=2, steps=80, budget_seconds=60)
        return self.prescription

    @property
    def can_be_tried(self) -> bool:
        """True when a remedy can be tried by training."""
        return any(cause in REMEDIES for cause in self.case.causes)

    def _is_true(self, cause: str) -> bool:
        return cause in (*self.case.causes, *self.case.also)
