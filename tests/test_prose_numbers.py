"""Every number that the lessons and the README quote from a record says what the record says."""

import json
import re
import runpy
from pathlib import Path

import pytest
from made_runs import made_run

from vgg_lesson import recordings
from vgg_lesson.recordings import prose

ROOT = Path(__file__).parent.parent
TEXTS = sorted([*(ROOT / "notebooks").glob("*.ipynb"), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_quoted_numbers_are_the_recorded_ones(path):
    wrong = recordings.wrong_quotes(prose(path))
    assert not wrong, "\n".join(f"{path.name} says {q.says!r} for {q.marker}: {q.gives!r}" for q in wrong)


def test_a_planted_wrong_number_is_found(tmp_path):
    (tmp_path / "runs.jsonl").write_text(made_run("lecture/full-0", accuracies=(0.1, 0.1016)).to_json())
    cell = "It ends at <!--record:lecture/full-0:epochs.-1.val_accuracy|percent1-->10.2%<!--/-->."
    notebook = tmp_path / "lesson.ipynb"
    for text, wrong in ((cell, 0), (cell.replace("10.2", "12.0"), 1)):
        notebook.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": [text]}]}))
        assert len(recordings.wrong_quotes(prose(notebook), tmp_path)) == wrong


def broken_rows(text: str) -> list[str]:
    """Rows of a table with a mark that names a format: its bar would end the cell, and the rest is shown as text."""
    return [line for line in text.splitlines() if line.startswith("|") and re.search(r"<!--record:[^>]*\|", line)]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_mark_breaks_a_table(path):
    assert not [row for text in prose(path) for row in broken_rows(text)]


def test_a_planted_mark_in_a_table_is_found():
    mark = "<!--record:lecture/none-0:epochs.-1.loss|fixed2-->2.30<!--/-->"
    assert broken_rows(f"| He | {mark} |") and not broken_rows(f"The loss is {mark}.")


def test_numbers_are_brought_up_to_date(tmp_path):
    update = runpy.run_path(str(ROOT / "tools" / "update_numbers.py"))["update"]
    mark = "<!--count:lecture/none-*:verdict=stuck-->{}<!--/-->"
    right = recordings.resolve("count:lecture/none-*:verdict=stuck")
    lesson = tmp_path / "lesson.ipynb"
    tick = {"cell_type": "code", "source": ["# `"]}  # in code it opens no quotation that would hide a number
    text = {"cell_type": "markdown", "source": [mark.format("77"), "77 others"]}
    lesson.write_text(json.dumps({"cells": [tick, text, tick]}))
    assert len(update(lesson)) == 1
    assert prose(lesson) == [mark.format(right) + "77 others"]
    assert update(lesson) == []
