#!/usr/bin/env python3
"""Run the lessons on the drawn stand-in and keep their outputs in the form in which they are committed.

    python tools/execute_notebooks.py                  all notebooks
    python tools/execute_notebooks.py 01 training      those whose file names contain one of these words
    python tools/execute_notebooks.py --check          only say whether the files have the committed form

A notebook is written back only when every cell ran without an error and without a word on stderr, and
only when the kernel really used the stand-in: no pixel of CIFAR-10 may enter the repository.
"""

import argparse
import copy
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CELL_SECONDS = 180
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}
ASK_SOURCE = "from vgg_lesson.data import load_data as _load; print(_load().source, end='')"


def main() -> int:
    """Run or check the notebooks named on the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="words in the file names; default: all notebooks")
    parser.add_argument("--check", action="store_true", help="verify the committed form, run nothing")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where the notebooks are")
    options = parser.parse_args()
    paths = sorted(p for p in options.folder.glob("*.ipynb") if matches(p.stem, options.names))
    if not paths:
        parser.error(f"no notebook in {options.folder} matches {options.names}")
    failed = 0
    for path in paths:
        start = time.perf_counter()
        problems = check(path) if options.check else execute(path)
        failed += bool(problems)
        print(f"{path.name}: {'; '.join(problems) or 'good'} ({time.perf_counter() - start:.1f} s)", flush=True)
    return 1 if failed else 0


def matches(stem: str, words: list[str]) -> bool:
    """Whether a file's name contains one of the words; no words match everything."""
    return not words or any(word.removesuffix(".ipynb").rpartition("/")[2] in stem for word in words)


def check(path: Path) -> list[str]:
    """What keeps a file from having the committed form, without running it."""
    text = path.read_text(encoding="utf-8")
    book = nbformat.reads(text, as_version=4)
    problems = complaints(book)
    if nbformat.writes(normalise(book)) + "\n" != text:
        problems.append("not in the committed form: run tools/execute_notebooks.py")
    return problems


def execute(path: Path) -> list[str]:
    """Run a notebook in a fresh kernel and, when nothing is wrong, write it back; returns what is wrong."""
    book = nbformat.read(path, as_version=4)
    # Metadata as a fresh kernel should see it; outputs of the last run must not survive a cell that was not run.
    for cell in code_cells(book):
        cell.outputs, cell.execution_count = [], None
    book.cells.append(nbformat.v4.new_code_cell(ASK_SOURCE))
    with tempfile.TemporaryDirectory() as nothing:
        client = NotebookClient(
            book, timeout=CELL_SECONDS, kernel_name="python3", record_timing=False, coalesce_streams=True,
            resources={"metadata": {"path": str(path.parent)}},
        )  # fmt: skip
        try:
            client.execute(env=stand_in_environment(nothing))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return [f"did not run: {error}"]
    source = "".join(output.get("text", "") for output in book.cells.pop().outputs).strip()
    if source != "sketches":
        return [f"the kernel used {source!r} instead of the stand-in"]
    book = normalise(book)
    book.metadata["vgg_lesson"] = {"source": source}
    problems = complaints(book)
    if not problems:
        write(book, path)
    return problems


def stand_in_environment(nothing: str) -> dict[str, str]:
    """This process's environment, in which no CIFAR-10 can be found."""
    environment = {name: value for name, value in os.environ.items() if name != "VGG_LESSON_DATA"}
    # The kernel must come from the Python that runs this, whatever is first in PATH.
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment.get("PATH", "")))
    return environment | {"VGG_LESSON_CACHE": nothing, "KERAS_HOME": nothing}


def normalise(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy in the committed form: nothing that depends on the computer, the hour or an open browser.

    Kept are sources, tags, outputs, execution counts and cell ids. Dropped are the state of widgets, and
    their views, which without a kernel show only an error.
    """
    book = copy.deepcopy(book)
    book.nbformat, book.nbformat_minor = 4, 5
    kept = {"vgg_lesson": book.metadata["vgg_lesson"]} if "vgg_lesson" in book.metadata else {}
    book.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE} | kept)
    taken = set()
    for number, cell in enumerate(book.cells, 1):
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if not cell.get("id") or cell["id"] in taken:
            cell["id"] = f"cell-{number:02}" if f"cell-{number:02}" not in taken else f"cell-{number:02}b"
        taken.add(cell["id"])
        if cell.cell_type == "code":
            cell.outputs = [clean for output in cell.outputs if (clean := normalise_output(output)) is not None]
    return book


def normalise_output(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """An output without its widget view; None when nothing worth reading is left."""
    if "data" not in output:
        return output
    if WIDGET_VIEW in output.data:
        return None  # its text is the widget's repr, a line of Python that nobody reads
    return output


def complaints(book: nbformat.NotebookNode) -> list[str]:
    """What must not be committed: errors, words on stderr, cells that were not run."""
    found = []
    for number, cell in enumerate(code_cells(book), 1):
        if cell.source.strip() and cell.execution_count is None:
            found.append(f"code cell {number} was not run")
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"code cell {number} ended in {output.ename}: {output.evalue}")
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"code cell {number} wrote on stderr: {output.text.strip()[:300]!r}")
    return found


def code_cells(book: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells of a notebook."""
    return [cell for cell in book.cells if cell.cell_type == "code"]


def write(book: nbformat.NotebookNode, path: Path) -> None:
    """Replace a file in one step, so that a broken run leaves the old one."""
    nbformat.validate(book)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(nbformat.writes(book) + "\n")
    os.chmod(file.name, path.stat().st_mode)
    os.replace(file.name, path)


if __name__ == "__main__":
    sys.exit(main())
