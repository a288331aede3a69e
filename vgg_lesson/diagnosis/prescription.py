"""What trying the remedies gave, as values, text, table and picture."""

import html
from dataclasses import dataclass

import numpy as np

from vgg_lesson.diagnosis.variation import Trial

NOTHING = "Nothing to try by training."


@dataclass(frozen=True)
class Prescription:
    """What :func:`vgg_lesson.diagnosis.remedies.prescribe` returns.

    Attributes:
        trials: the untouched control first, then remedies, smallest change first; () where none can be tried.
        chance_loss, chance_accuracy: what guessing gives.
        seconds: wall time taken.
        by_hand: without trials, what to mend by hand, one sentence for each finding, or what was seen.
    """

    trials: tuple[Trial, ...]
    chance_loss: float
    chance_accuracy: float
    seconds: float
    by_hand: tuple[str, ...] = ()

    @property
    def best(self) -> Trial | None:
        """The smallest change that made every seed learn; None when none did."""
        return next((trial for trial in self.trials[1:] if trial.learned and all(trial.learned)), None)

    @property
    def outcome(self) -> str:
        """In words: the smallest change that was enough, or that none was, and which were not tried to the end."""
        if self.best:
            return f"The smallest change that made every seed learn: {self.best.remedy}."
        untried = [f"{trial.remedy} ({trial.obstacle})" for trial in self.trials[1:] if not trial.judged]
        if len(untried) == len(self.trials[1:]):
            return f"No remedy was tried to the end: {', '.join(untried)}."
        return "None that was tried helped." + (f" Not tried to the end: {', '.join(untried)}." if untried else "")

    def rows(self) -> list[dict]:
        """One dictionary per trial, for a table."""
        return [
            {
                "change": t.remedy,
                "learned": f"{sum(t.learned)} of {len(t.learned)} seeds",
                "loss": _mean(t.loss),
                "accuracy": _mean(t.accuracy),
                "steps": max(t.steps, default=0),
                "verdict": t.verdict,
            }
            for t in self.trials
        ]

    def __str__(self) -> str:
        if not self.trials:
            return "\n".join([NOTHING, *self.by_hand])
        lines = [f"Guessing: loss {self.chance_loss:.3f}, accuracy {self.chance_accuracy:.2f}"]
        lines += [
            (
                f"{r['change']}: {r['verdict']} ({r['learned']}), loss {r['loss']:.3f}, accuracy "
                f"{r['accuracy']:.2f} after {r['steps']} steps"
            )
            for r in self.rows()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = self.rows()
        if not rows:
            items = "".join(f"<li>{html.escape(line)}</li>" for line in self.by_hand)
            return f"<p>{NOTHING}</p><ul>{items}</ul>"
        head = "".join(f"<th>{name}</th>" for name in rows[0])
        body = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(f'{v:.3f}' if isinstance(v, float) else str(v))}</td>" for v in row.values())
            + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def plot(self):
        """Losses of all trials on the same axes: a ``Picture``."""
        from vgg_lesson.plots.diagnosis import courses_picture

        title = "Remedies beside the untouched control" if self.trials else NOTHING
        return courses_picture([c for t in self.trials for c in t.courses], self.chance_loss, title)


def _mean(values) -> float:
    return float(np.mean(values)) if values else float("nan")
