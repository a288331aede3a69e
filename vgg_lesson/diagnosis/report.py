"""What an examination found, as values that can be read, shown and drawn."""

import html
import textwrap
from dataclasses import dataclass

from vgg_lesson.diagnosis.causes import (
    HEALTHY,
    INITIALISATION_TOO_SMALL,
    LEARNING_RATE_TOO_HIGH,
    MEANINGS,
    UNDETERMINED,
)

NOTHING_HELPED = "the untouched network learned nothing, nor with any other change that was tried"
"""What was tried before a fault is named that no change of a training cures."""


@dataclass(frozen=True)
class Finding:
    """One cause with its evidence.

    Attributes:
        cause: a name from :mod:`vgg_lesson.diagnosis.causes`.
        measured: what was measured, with the numbers.
        threshold: the number it was compared with, and why that one.
        tried: what was tried to tell it from other causes, and what came of it.
        remedy: the smallest change that should help.
        proof: the :class:`variation.Variation` that made the network learn, where one did.
        blocks_training: True when nothing about the training can be said before this is mended.
    """

    cause: str
    measured: str
    threshold: str
    remedy: str
    tried: str = ""
    blocks_training: bool = False
    proof: object = None


@dataclass(frozen=True)
class Report:
    """The result of :func:`vgg_lesson.diagnosis.examine`.

    Attributes:
        cause: first confirmed cause, "healthy" or "undetermined".
        stuck: True when the training with the given configuration learned nothing, False when it
            learned, None when that was not tried or the time was too short.
        findings: confirmed causes, the first one first.
        vital_signs: :class:`facts.vital_signs.LayerSigns` of the fresh network, in order.
        courses: the short trainings (:class:`variation.Course`), the untouched control first.
        seen: what was done and seen, one sentence each.
        chance_loss: data loss of an answer that only knows how frequent the classes are.
        seconds: wall time taken. budget_seconds: allowed.
        seconds_to_try: a longer budget, where the clock ended the examination before a cause was confirmed; else None.
    """

    cause: str
    stuck: bool | None
    findings: tuple[Finding, ...]
    vital_signs: tuple = ()
    courses: tuple = ()
    seen: tuple[str, ...] = ()
    chance_loss: float = float("nan")
    seconds: float = 0.0
    budget_seconds: float = 0.0
    seconds_to_try: int | None = None

    @property
    def short_of_time(self) -> str:
        """What to do where the clock ended the examination; else ""."""
        if self.seconds_to_try is None:
            return ""
        return (
            f"The clock ended it, after {sum(course.steps for course in self.courses)} training steps. Give it "
            f"budget_seconds={self.seconds_to_try}, or examine the same network with fewer filters."
        )

    @property
    def causes(self) -> tuple[str, ...]:
        """All confirmed causes, in order."""
        return tuple(finding.cause for finding in self.findings)

    @property
    def together(self) -> str:
        """How two causes hold each other up, where that is known; else ""."""
        if {INITIALISATION_TOO_SMALL, LEARNING_RATE_TOO_HIGH} <= set(self.causes):
            return (
                "The two work together. The start weights shrink the part of the signal that depends on "
                "the image from layer "
                "to layer; the optimizer's steps, large beside these weights, overwrite what is left "
                "before it can grow. "
                "With smaller steps the faint signal survives and grows; with stronger start weights it is not faint."
            )
        if len(self.findings) > 1:
            return "More than one thing is wrong: mend the first, then examine again."
        return ""

    def __str__(self) -> str:
        lines = [f"Diagnosis: {self.cause} - {MEANINGS[self.cause]}"]
        stuck = {True: "learned nothing", False: "learned", None: "not tried to the end"}[self.stuck]
        lines.append(
            f"Training with the given configuration: {stuck}. Took {self.seconds:.0f} of {self.budget_seconds:.0f} s."
        )
        if self.short_of_time:
            lines.append(self.short_of_time)
        for number, finding in enumerate(self.findings, 1):
            lines.append(f"{number}. {finding.cause}: {MEANINGS[finding.cause]}")
            lines.extend(f"   {name}: {text}" for name, text in _parts(finding))
        if self.together:
            lines.append(self.together)
        if self.seen:
            lines.append("What was seen:")
            lines.extend(f"   - {line}" for line in self.seen)
        return "\n".join(textwrap.fill(line, 100, subsequent_indent=" " * 5) for line in lines)

    def _repr_html_(self) -> str:
        esc = html.escape
        parts = [f"<h4>Diagnosis: {esc(self.cause)}</h4><p>{esc(MEANINGS[self.cause])} {esc(self.short_of_time)}</p>"]
        for finding in self.findings:
            rows = "".join(f"<dt><b>{name}</b></dt><dd>{esc(text)}</dd>" for name, text in _parts(finding))
            parts.append(f"<p><b>{esc(finding.cause)}</b>: {esc(MEANINGS[finding.cause])}</p><dl>{rows}</dl>")
        if self.together:
            parts.append(f"<p>{esc(self.together)}</p>")
        items = "".join(f"<li>{esc(line)}</li>" for line in self.seen)
        parts.append(f"<details><summary>What was seen, in {self.seconds:.0f} s</summary><ul>{items}</ul></details>")
        return f'<div class="diagnosis">{"".join(parts)}</div>'

    def plot(self):
        """Draw the signal through the layers and the short trainings; returns a ``Picture`` (figure and text)."""
        from vgg_lesson.plots.diagnosis import report_picture

        return report_picture(self)


def _parts(finding: Finding):
    parts = (
        ("measured", finding.measured),
        ("judged by", finding.threshold),
        ("tried", finding.tried),
        ("remedy", finding.remedy),
    )
    return [(name, text) for name, text in parts if text]


def cause_of(findings, stuck: bool | None) -> str:
    """First confirmed cause; without any, "healthy" only when learning was seen."""
    if findings:
        return findings[0].cause
    return HEALTHY if stuck is False else UNDETERMINED
