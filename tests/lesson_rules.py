"""The rules of a lesson as functions: a notebook in, complaints out. CONTRIBUTING.md says why there are rules.

``tests/test_notebooks.py`` holds the five lessons to them, and plants a mistake against each.
"""

import ast
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LESSONS = (
    "01_dataset_exploration",
    "02_architecture",
    "03_training",
    "04_evaluation",
    "05_diagnosing_the_10_percent_failure",
)
SKIP, IGNORE, RAISES = "nbval-skip", "nbval-ignore-output", "raises-exception"
COMPARED = ("text/plain", "text/html", "image/svg+xml", "text/markdown", "text/latex")
STEPS = ("Predict", "Run", "Explain", "Check")
MEDIAN_LINES, MOST_LINES, SETUP_LINES, IN_A_ROW, CHECKED_SHARE = 5, 15, 10, 2, 0.6


@dataclass(frozen=True)
class Cell:
    """One cell: its number in the notebook, kind, source, tags, outputs and execution count."""

    number: int
    kind: str
    source: str
    tags: tuple[str, ...]
    outputs: tuple[dict, ...]
    count: int | None

    @property
    def lines(self) -> int:
        return sum(bool(line.strip()) for line in self.source.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        """The source as Python; magics and shell commands are no Python and raise SyntaxError."""
        return ast.parse(self.source)

    @property
    def called(self) -> set[str]:
        """Names of what is called: ``train`` for ``train(...)``, ``fit`` for ``model.fit(...)``."""
        functions = [node.func for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        return {getattr(function, "id", getattr(function, "attr", "")) for function in functions}

    @property
    def asserts(self) -> bool:
        """Whether it raises when an idea is wrong: an assert statement or one of the package's checks."""
        return any(isinstance(node, ast.Assert) for node in ast.walk(self.tree)) or any(
            name.startswith("check_") for name in self.called
        )

    @property
    def checked(self) -> bool:
        """Whether strict nbval can fail on it for more than an exception in passing."""
        if SKIP in self.tags:
            return False
        text = any(o["output_type"] == "stream" or set(o.get("data", ())) & set(COMPARED) for o in self.outputs)
        return self.asserts or (IGNORE not in self.tags and text)


@dataclass(frozen=True)
class Lesson:
    """A notebook as the rules see it."""

    path: Path
    cells: tuple[Cell, ...]
    metadata: dict

    @classmethod
    def of(cls, path: Path, book: dict) -> "Lesson":
        """From a notebook's JSON; ``path`` is where its links start."""
        cells = []
        for number, cell in enumerate(book["cells"], 1):
            source, tags = "".join(cell["source"]), tuple(cell.get("metadata", {}).get("tags", ()))
            outputs = tuple(cell.get("outputs", ()))
            cells.append(Cell(number, cell["cell_type"], source, tags, outputs, cell.get("execution_count")))
        return cls(path, tuple(cells), book["metadata"])

    @property
    def code(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.kind == "code")

    @property
    def prose(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.kind == "markdown")

    @property
    def sections(self) -> list[list[Cell]]:
        """Cells from each numbered heading (``## 1. ...``) to the next heading of its level or above."""
        found, inside = [], False
        for cell in self.cells:
            heading = re.search(r"^##? .*", cell.source, re.MULTILINE) if cell.kind == "markdown" else None
            if heading:
                inside = bool(re.match(r"## \d+\. ", heading[0]))
                found += [[]] if inside else []
            if inside:
                found[-1].append(cell)
        return found


def sizes(lesson: Lesson) -> Iterator[str]:
    lines = [cell.lines for cell in lesson.code]
    if statistics.median(lines) > MEDIAN_LINES:
        yield f"code cells have a median of {statistics.median(lines):g} lines, at most {MEDIAN_LINES} are allowed"
    for cell in lesson.code:
        if cell.lines > MOST_LINES:
            yield f"cell {cell.number} has {cell.lines} lines, at most {MOST_LINES} are allowed"
    if lesson.code[0].lines > SETUP_LINES:
        yield f"the set-up cell has {lesson.code[0].lines} lines, at most {SETUP_LINES} are allowed"
    if "vgg_lesson" not in lesson.code[0].source:
        yield "the first code cell does not import from vgg_lesson"


def rows(lesson: Lesson) -> Iterator[str]:
    row = 0
    for cell in lesson.cells:
        row = row + 1 if cell.kind == "code" else 0
        if row == IN_A_ROW + 1:
            yield f"cell {cell.number} is the third code cell in a row: say something in between"


def kept(lesson: Lesson) -> Iterator[str]:
    """Outputs as tools/execute_notebooks.py keeps them."""
    if "widgets" in lesson.metadata:
        yield "metadata.widgets is there: widget states are not committed"
    if lesson.metadata.get("kernelspec", {}).get("name") != "python3":
        yield f"the kernel must be python3, received {lesson.metadata.get('kernelspec')}"
    if lesson.metadata.get("vgg_lesson", {}).get("source") != "sketches":
        yield "not run on the stand-in by tools/execute_notebooks.py: pixels of CIFAR-10 must not be committed"
    for cell in lesson.code:
        if cell.count is None:
            yield f"cell {cell.number} was not run"
        for output in cell.outputs:
            if output["output_type"] == "error" and RAISES not in cell.tags:
                yield f"cell {cell.number} holds the error {output.get('ename')}"
            if output.get("name") == "stderr":
                yield f"cell {cell.number} holds words on stderr"
            if "application/vnd.jupyter.widget-view+json" in output.get("data", ()):
                yield f"cell {cell.number} holds a widget's view, which shows an error without a kernel"


def checked(lesson: Lesson) -> Iterator[str]:
    count = sum(cell.checked for cell in lesson.code)
    if count < CHECKED_SHARE * len(lesson.code):
        loose = [cell.number for cell in lesson.code if not cell.checked]
        yield f"only {count} of {len(lesson.code)} code cells assert or compare something; cells without: {loose}"


def tagged(lesson: Lesson) -> Iterator[str]:
    """Labs and training differ from run to run, so strict nbval must not compare what they print."""
    labs = {"train", "fit"}
    for cell in lesson.code:
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vgg_lesson.widgets"):
                labs |= {name.asname or name.name for name in node.names}
        met = sorted(labs & cell.called)
        if met and IGNORE not in cell.tags:
            yield f"cell {cell.number} calls {', '.join(met)}: tag it {IGNORE}"


def opening(lesson: Lesson) -> Iterator[str]:
    first = lesson.cells[0]
    if first.kind != "markdown" or not re.match(r"# \S", first.source):
        yield "the first cell must be markdown with the title as a heading of level 1"
        return
    if "?" not in first.source:
        yield "the first cell does not ask the lesson's question"
    if not re.search(r"\d+ min(ute)?s?\b", first.source):
        yield "the first cell does not say how many minutes the lesson takes"
    outcomes = len(re.findall(r"^[-*] \S", first.source, re.MULTILINE))
    if not 2 <= outcomes <= 3:
        yield f"the first cell lists {outcomes} outcomes, 2 or 3 are asked for"
    if sum(len(re.findall(r"^# \S", cell.source, re.MULTILINE)) for cell in lesson.prose) != 1:
        yield "there must be exactly one heading of level 1"


def steps(lesson: Lesson) -> Iterator[str]:
    """Idea, prediction, run, explanation and check, in this order, in every numbered section."""
    if not 3 <= len(lesson.sections) <= 4:
        yield f"there are {len(lesson.sections)} numbered sections (## 1. ...), 3 or 4 are asked for"
    for section in lesson.sections:
        title = section[0].source.splitlines()[0]
        flow = "\n".join(cell.source if cell.kind == "markdown" else f"<code {cell.number}>" for cell in section)
        words = [w for w in re.findall(r"\*\*(\w+)[^*\n]*\*\*", flow) if w in STEPS]
        if words[: len(STEPS)] != list(STEPS):
            yield f"{title!r}: the bold words are {words}, asked for are {', '.join(STEPS)} in this order"
            continue
        after = {word: re.split(rf"\*\*{word}\b", flow, maxsplit=1)[1] for word in STEPS}
        for word, until in (("Predict", "Run"), ("Run", "Explain"), ("Check", "Exercise")):
            part = re.split(rf"\*\*{until}\b", after[word])[0]
            cells = [cell for cell in section if f"<code {cell.number}>" in part]
            if not cells:
                yield f"{title!r}: no code cell belongs to {word}"
            elif word == "Predict" and not re.search(r"^\w*prediction\w* *=", cells[0].source, re.MULTILINE):
                yield f"{title!r}: no variable named ...prediction... is set before Run"
            elif word == "Check" and not any(cell.asserts for cell in cells):
                yield f"{title!r}: the check cannot raise"


def ending(lesson: Lesson) -> Iterator[str]:
    prose = "\n\n".join(cell.source for cell in lesson.prose)
    exercises = re.split(r"^(?:#+ |\*\*)Exercise \d", prose, flags=re.MULTILINE)[1:]
    if not 2 <= len(exercises) <= 3:
        yield f"there are {len(exercises)} exercises (**Exercise 1** ...), 2 or 3 are asked for"
    for number, exercise in enumerate(exercises, 1):
        folded = " ".join(re.findall(r"<summary>(.*?)</summary>", exercise, re.DOTALL)).lower()
        if "hint" not in folded or "solution" not in folded:
            yield f"exercise {number} has no folded hint or no folded solution"
    recap = re.split(r"^(?:#+ |\*\*)Recap\b", prose, flags=re.MULTILINE)
    if len(recap) != 2:
        yield f"there are {len(recap) - 1} recaps, 1 is asked for"
    elif len(re.findall(r"[.!?](?=\s|$)", recap[1])) < 3 or "](" not in recap[1]:
        yield "the recap must answer the question in at least 3 sentences and link to the way on"


def links(lesson: Lesson) -> Iterator[str]:
    """Links to files of the repository and to headings; addresses elsewhere are not followed."""
    headings = [h for c in lesson.prose for h in re.findall(r"^#+ (.*)", c.source, re.MULTILINE)]
    anchors = {heading.strip().replace(" ", "-") for heading in headings}
    for cell in lesson.prose:
        for target in re.findall(r"\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"", cell.source):
            name, _, anchor = (target[0] or target[1]).partition("#")
            if re.match(r"[a-z]+:", name):
                continue
            if name and not (lesson.path.parent / name).exists():
                yield f"cell {cell.number} links to {name}, which does not exist"
            elif not name and anchor not in anchors:
                yield f"cell {cell.number} links to #{anchor}, which is no heading here"


def alternatives(lesson: Lesson) -> Iterator[str]:
    """Text for those who do not see the pictures."""
    for cell in lesson.cells:
        if cell.kind == "markdown":
            for image in re.findall(r"!\[\s*\]\([^)]*\)|<img(?![^>]*\balt=\"[^\"]+\")[^>]*>", cell.source):
                yield f"cell {cell.number}: {image[:60]} has no alternative text"
        for output in cell.outputs:
            if "image/png" in output.get("data", ()) and not output["metadata"].get("image/png", {}).get("alt"):
                yield f"cell {cell.number} shows a picture without alternative text: return a Picture"


RULES = (sizes, rows, kept, checked, tagged, opening, steps, ending, links, alternatives)
