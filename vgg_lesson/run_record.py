"""The record of one training run: what was asked, what happened, with what, in one JSON line."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields, replace

from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.whole import require_whole

SCHEMA = 1
VERDICTS = ("learning", "stuck", "diverged", "unfinished")
EPOCH_FIELDS = ("loss", "accuracy", "val_loss", "val_accuracy")
POINTS = 2000
"""Of the training loss a record keeps at most so many: a picture shows no more, and hours have many."""


@dataclass(frozen=True)
class Run:
    """One finished or stopped training run.

    Attributes:
        name: unique name, for example "atlas/D-glorot-1e-3-0".
        config: the choices, as :meth:`TrainingConfig.to_dict` gives them.
        data: "source", "description", "train_images", "validation_images".
        epochs: for each finished epoch a dict of ``EPOCH_FIELDS`` (nats, and shares of 1).
        step_loss: pairs (step, mean training loss since the pair before), steps counted from 1; see :func:`thinned`.
        seconds: wall time of the training alone.
        stopped: True when it was stopped before its last epoch.
        verdict: "learning", "stuck", "diverged" or "unfinished", see :func:`judge`.
        versions: library name -> version.
        cores: CPU cores that the process may use.
        date: ISO date and time, UTC.
        command: the command that makes this record again, or "" for a run of the learner's.
        measurements: further results by name, JSON types.
        epoch_seconds: wall time from the start of the training to the end of each finished epoch, its
            validation included; empty in records from before it was kept.
    """

    name: str
    config: dict
    data: dict
    epochs: tuple[dict, ...]
    step_loss: tuple[tuple[int, float], ...]
    seconds: float
    stopped: bool
    verdict: str
    versions: dict
    cores: int
    date: str
    command: str = ""
    measurements: dict | None = None
    epoch_seconds: tuple[float, ...] = ()

    @property
    def training_config(self) -> TrainingConfig:
        """The choices as a :class:`TrainingConfig`."""
        return TrainingConfig.from_dict(self.config)

    def curve(self, field: str) -> list[float]:
        """One value an epoch of "loss", "accuracy", "val_loss" or "val_accuracy".

        Raises:
            ValueError: another field.
        """
        if field not in EPOCH_FIELDS:
            raise ValueError(f"field must be one of {EPOCH_FIELDS}, received {field!r}")
        return [epoch[field] for epoch in self.epochs]

    def named(self, name: str, command: str = "", **measurements) -> "Run":
        """Return a copy with a name, the command that makes it and further measurements."""
        return replace(self, name=name, command=command, measurements={**(self.measurements or {}), **measurements})

    def to_json(self) -> str:
        """One line of JSON, with schema number and checksum; non-finite numbers become text."""
        body = _encode(asdict(self))
        return json.dumps({"schema": SCHEMA, "sha256": _digest(body), **body}, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> "Run":
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: not JSON, another schema, fields missing or unknown, or a checksum that does
                not fit; the message names the record where it has a name.
        """
        try:
            body = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"not a run record (no JSON: {error}): {line[:60]!r}") from None
        if not isinstance(body, dict):
            raise ValueError(f"not a run record (a JSON {type(body).__name__}, not an object)")
        name = _decode(body.get("name", "without a name"))
        if body.pop("schema", None) != SCHEMA:
            raise ValueError(f"record {name!r} has another schema than {SCHEMA}")
        digest = body.pop("sha256", None)
        expected = {field.name for field in fields(cls)}
        if wrong := set(body) ^ expected - ({"epoch_seconds"} - set(body)):
            raise ValueError(f"record {name!r} has wrong fields: {sorted(wrong)}")
        try:
            unchanged = digest == _digest(body)
        except ValueError:
            raise ValueError(f"record {name!r} has a bare NaN or Infinity, which is no JSON") from None
        if not unchanged:
            raise ValueError(f"record {name!r} was changed after it was written (checksum differs)")
        body = _decode(body)
        if "dtype_policy" in body["versions"]:  # where it was written before it was a choice
            body["config"].setdefault("dtype_policy", body["versions"]["dtype_policy"])
        if body["verdict"] not in VERDICTS:
            raise ValueError(f"record {name!r} has verdict {body['verdict']!r}, allowed are {VERDICTS}")
        body["epochs"] = tuple(body["epochs"])
        body["epoch_seconds"] = tuple(body.get("epoch_seconds", ()))
        body["step_loss"] = tuple((step, loss) for step, loss in body["step_loss"])
        return cls(**body)


def judge(losses, last_accuracy: float | None, majority_share: float) -> str:
    """Say what a training did.

    Args:
        losses: training losses seen, any number of them.
        last_accuracy: training accuracy of the last finished epoch, 0 to 1; None when none was finished.
        majority_share: share of the most frequent class, what a constant answer reaches.

    Returns:
        "diverged" when a loss is not finite; "unfinished" when no epoch was finished; "learning" when
        the accuracy is at least 1.5 times the majority share, or, where that share is above one half,
        half of the way from it to 1; else "stuck". Accuracy decides, since unlike the loss it does not
        depend on label smoothing; for a balanced set of 5,000 images, 15% lies more than ten
        standard errors (0.4%) above the 10% of a constant answer.
    """
    if not all(math.isfinite(loss) for loss in losses):
        return "diverged"
    if last_accuracy is None:
        return "unfinished"
    enough = min(1.5 * majority_share, (1 + majority_share) / 2)
    return "learning" if last_accuracy >= enough > majority_share else "stuck"


def thinned(step_loss, points: int = POINTS) -> tuple[tuple[int, float], ...]:
    """Make means of neighbouring points of a loss until there are at most so many; the first stays as it is.

    Args:
        step_loss: pairs (step, mean loss since the pair before), as a :class:`Run` holds them.
        points: a whole number of at least 2.

    Returns:
        Such pairs again: each mean counts its steps, so the mean over all steps does not change.
    """
    require_whole("points", points, 2)
    kept = tuple(step_loss)
    while len(kept) > points:
        before, merged = kept[0][0], [kept[0]]
        for at in range(1, len(kept), 2):
            weighted = 0.0
            for step, loss in kept[at : at + 2]:
                weighted, before = weighted + (step - before) * loss, step
            merged.append((before, weighted / (before - merged[-1][0])))
        kept = tuple(merged)
    return kept


def _digest(body: dict) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _encode(value):
    """JSON has no NaN: write it, and the infinities, as text that :func:`_decode` reads back.

    A text that begins as these do, or as its own mark does, gets a mark.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f"float:{value}"
    if isinstance(value, str) and value.startswith(("float:", "text:")):
        return f"text:{value}"
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    return value


def _decode(value):
    if value in ("float:nan", "float:inf", "float:-inf"):
        return float(value.removeprefix("float:"))
    if isinstance(value, str) and value.startswith(("text:float:", "text:text:")):
        return value.removeprefix("text:")
    if isinstance(value, dict):
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return value
