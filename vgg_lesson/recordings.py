"""The committed runs, read back: find and filter them by name, and resolve the numbers that prose quotes.

A record is one line of JSON in ``vgg_lesson/records/*.jsonl``, written only by the code that ran
(see :class:`vgg_lesson.run_record.Run`). Nothing here needs TensorFlow.

Numbers in prose
    A markdown text quotes a number between two marks, which do not show on the page::

        <!--record:NAME:FIELD-->2.303<!--/-->      one field of one record
        <!--count:PATTERN:FIELD=VALUE-->3<!--/-->  how many records fit; without FIELD=VALUE, all

    ``NAME`` is a record's name and ``PATTERN`` a shell pattern over names (``atlas/D-he-*``).
    ``FIELD`` is a path of names and list positions joined by dots, then ``|`` and a format:
    ``epochs.-1.val_accuracy|percent1``. The formats: ``percentN`` (a share, in per cent with N
    decimals), ``fixedN`` (N decimals), ``integer`` (rounded, thousands separated), ``rate`` (1e-3;
    from 0.1 to 1000 two digits), ``text`` (as it is; the default).
"""

import json
import pickle
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vgg_lesson.run_record import Run
from vgg_lesson.training_config import TrainingConfig, short_rate

FOLDER = Path(__file__).parent / "records"
"""Where the committed records lie."""
_MARK = re.compile(r"<!--(record|count):([^:>]+?)(?::([^>]*?))?-->(.*?)<!--/-->", re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


class Quote(NamedTuple):
    """One marked number: its ``marker``, what the text ``says``, and what the records ``give``."""

    marker: str
    says: str
    gives: str


def read(path) -> tuple[Run, ...]:
    """Read a file of records, one a line.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a line that is not a record, or whose schema or checksum does not fit, or a name
            that occurs twice; the message names the file, the line and the record.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file of run records at {path}")
    return tuple(_own(run) for run in _cached(path))


def _cached(path: Path) -> tuple[Run, ...]:
    """The runs of a file as the cache holds them: shared by all readers, so never handed out."""
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


def _own(run: Run) -> Run:
    """A copy whose dictionaries the caller may change, by pickle: ``deepcopy`` takes several times as long."""
    return pickle.loads(pickle.dumps(run))


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> tuple[Run, ...]:
    """``changed`` and ``size`` make a rewritten file a new entry of the cache."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not a file of run records: {error}") from None
    runs: dict[str, Run] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            run = Run.from_json(line)
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from None
        if run.name in runs:
            raise ValueError(f"{path.name}, line {number}: record {run.name!r} occurs twice")
        runs[run.name] = run
    return tuple(runs.values())


def _all_cached(folder) -> dict[str, Run]:
    """All records in and below a folder by name, files in alphabetical order; empty where there is no folder."""
    runs: dict[str, Run] = {}
    for path in sorted(Path(folder).rglob("*.jsonl")):
        for run in _cached(path):
            if run.name in runs:
                raise ValueError(f"record {run.name!r} occurs in {path.name} and in another file of {folder}")
            runs[run.name] = run
    return runs


def find(name: str, folder=FOLDER) -> Run:
    """Return the record of that name.

    Raises:
        KeyError: there is none; the message offers the names that begin alike.
    """
    runs = _all_cached(folder)
    if name not in runs:
        alike = [other for other in runs if other.split("/")[0] == str(name).split("/")[0]]
        offer = f"such names are {alike[:5]}" if alike else f"the groups are {sorted({n.split('/')[0] for n in runs})}"
        raise KeyError(f"no record is named {name!r}; {offer}")
    return _own(runs[name])


def filter(pattern: str = "*", folder=FOLDER, **choices) -> tuple[Run, ...]:
    """Return the records whose name fits a shell pattern and whose configuration has these choices.

    Args:
        pattern: for example "atlas/D-*"; case matters.
        folder: where the records lie.
        choices: values of :class:`TrainingConfig` fields, for example ``learning_rate=1e-3``; a
            tuple is compared with the list that JSON made of it. Where a record is older than a
            field, the field's default counts.

    Raises:
        ValueError: as :func:`read`, a name that occurs in two files, or a choice that is no field of
            :class:`TrainingConfig`.
    """
    defaults = TrainingConfig().to_dict()
    if unknown := sorted(set(choices) - set(defaults)):
        raise ValueError(f"unknown choices {unknown}; records can be filtered by {sorted(defaults)}")
    wanted = {name: list(value) if isinstance(value, tuple) else value for name, value in choices.items()}
    return tuple(
        _own(run)
        for run in _matching(pattern, folder)
        if all(run.config.get(choice, defaults[choice]) == value for choice, value in wanted.items())
    )


def _matching(pattern: str, folder) -> list[Run]:
    return [run for name, run in _all_cached(folder).items() if fnmatchcase(name, pattern)]


def field(run: Run, path: str):
    """Follow a path of names and list positions into a record: "epochs.-1.val_accuracy".

    Raises:
        KeyError: a step that leads nowhere; the message says which names or positions there are.
    """
    value = {name: getattr(run, name) for name in run.__dataclass_fields__}
    for step in path.split("."):
        try:
            value = value[step] if isinstance(value, dict) else value[int(step)]
        except (KeyError, IndexError, TypeError, ValueError):
            there = list(value) if isinstance(value, dict) else f"positions of a {type(value).__name__}"
            raise KeyError(f"record {run.name!r} has no {path!r}: at {step!r} there are {there}") from None
    return value


def formatted(value, how: str = "text") -> str:
    """Write a value the way the marks name: see the head of this module.

    Raises:
        ValueError: an unknown format, or a value that it cannot write.
    """
    match = re.fullmatch(r"(percent|fixed)(\d)|integer|rate|text", how)
    if not match:
        raise ValueError(f"format must be percentN, fixedN, integer, rate or text, received {how!r}")
    if how == "text":
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"format {how!r} needs a number, received {value!r}")
    if how == "integer":
        return f"{value:,.0f}"
    if how == "rate":
        value = float(f"{value:.2g}")
        return f"{value:g}" if value == 0 or 0.1 <= abs(value) < 1000 else short_rate(value)
    if match[1] == "percent":
        return f"{100 * value:.{match[2]}f}%"
    return f"{value:.{match[2]}f}"


def resolve(marker: str, folder=FOLDER) -> str:
    """Return what the records say for one marker, as the text should have it.

    Args:
        marker: the inside of a mark: "record:NAME:FIELD|FORMAT" or "count:PATTERN:FIELD=VALUE".
        folder: where the records lie.

    Raises:
        KeyError: no such record or field.
        ValueError: not a marker.
    """
    match = re.fullmatch(r"(record|count):([^:]+)(?::(.*))?", marker)
    if not match or (match[1] == "record" and not match[3]):
        raise ValueError(f"a marker is record:NAME:FIELD or count:PATTERN:FIELD=VALUE, received {marker!r}")
    kind, name, rest = match.groups()
    if kind == "record":
        path, _, how = rest.partition("|")
        return formatted(field(find(name, folder), path), how or "text")
    runs = _matching(name, folder)
    if not runs:
        raise KeyError(f"no record fits the pattern {name!r} of marker {marker!r}")
    if not rest:
        return str(len(runs))
    path, equals, wanted = rest.partition("=")
    if not equals:
        raise ValueError(f"a count needs FIELD=VALUE, received {rest!r} in {marker!r}")
    return str(sum(str(field(run, path)) == wanted for run in runs))


def quotes(text: str, folder=FOLDER) -> list[Quote]:
    """All marked numbers of a markdown text outside code, with what the records give for each.

    Raises:
        KeyError, ValueError: as :func:`resolve`; ValueError for a mark that is not closed.
    """
    text = _CODE.sub("", text)
    found = [
        Quote(f"{kind}:{name}" + (f":{rest}" if rest else ""), says.strip(), "")
        for kind, name, rest, says in _MARK.findall(text)
    ]
    opened = len(re.findall(r"<!--(?:record|count):", text))
    if opened != len(found):
        raise ValueError(f"{opened} numbers are marked, {len(found)} of the marks end in <!--/-->: {text[:80]!r}")
    return [quote._replace(gives=resolve(quote.marker, folder)) for quote in found]


def prose(path: Path) -> list[str]:
    """The markdown of a notebook, cell by cell, or the whole of a markdown file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [text]
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]


def wrong_quotes(texts: Iterable[str], folder=FOLDER) -> list[Quote]:
    """The marked numbers of these texts, not one text (TypeError), that the records contradict."""
    if isinstance(texts, str):
        raise TypeError(f"texts must be several texts, received one: {texts[:60]!r}")
    return [quote for text in texts for quote in quotes(text, folder) if quote.says != quote.gives]
