"""The five lessons keep the template's rules; nbval runs them, this reads them."""

import copy
import json
from pathlib import Path

import pytest
from lesson_rules import IGNORE, LESSONS, RULES, Lesson

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def test_all_lessons_are_there_and_no_others():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == list(LESSONS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", LESSONS)
def test_lesson_keeps_the_rule(name, rule):
    path = NOTEBOOKS / f"{name}.ipynb"
    found = list(rule(Lesson.of(path, json.loads(path.read_text(encoding="utf-8")))))
    assert not found, f"{path.name}:\n  " + "\n  ".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_lesson_has_no_complaints(rule):
    assert list(rule(Lesson.of(NOTEBOOKS / "good.ipynb", good_lesson()))) == []


def markdown(*lines: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(lines)}


def code(source: str, *tags: str, text: str = "", kind: str = "stdout") -> dict:
    outputs = [{"output_type": "stream", "name": kind, "text": text}] if text else []
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": outputs, "execution_count": 1}


def good_lesson() -> dict:
    """A lesson in miniature that keeps all rules."""
    cells = [
        markdown("# 1. A lesson", "Why? About 20 minutes.", "", "- Count.", "- Compare."),
        code("from vgg_lesson.data import load_data\nfrom vgg_lesson.widgets.topic import lab"),
    ]
    for number in (1, 2, 3):
        cells += [
            markdown(f"## {number}. Idea {number}", "An idea.", "**Predict.** How many?"),
            code("my_prediction = 'b'"),
            markdown("**Run**"),
            code("print(10)", text="10\n"),
            markdown("**Explain.** Because.", "", "**Check.** Is it so?"),
            code("assert 10 == 10"),
        ]
    cells += [markdown("## Play"), code("lab()", IGNORE), markdown("## Exercises")]
    for number in (1, 2):
        folded = "<details><summary>Hint 1</summary>Look.</details><details><summary>Solution</summary>10.</details>"
        cells += [markdown(f"**Exercise {number}.** Do it.", folded), code("check_it(10)", text="good\n")]
    recap = "So it is. It was counted. It was compared. [Back](#1.-Idea-1), ![ten dots](#Recap)"
    cells.append(markdown("## Recap", recap))
    metadata = {"kernelspec": {"name": "python3"}, "vgg_lesson": {"source": "sketches"}}
    return {"cells": cells, "metadata": metadata}


def picture(**metadata) -> dict:
    return {"output_type": "display_data", "data": {"image/png": "", "text/plain": "10"}, "metadata": metadata}


VIEW = {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}, "metadata": {}}


def change(number: int, old: str, new: str):
    """A mistake: other words in one cell."""

    def plant(book):
        assert old in book["cells"][number]["source"]
        book["cells"][number]["source"] = book["cells"][number]["source"].replace(old, new)

    return plant


def put(number: int, **fields):
    """A mistake: other fields in one cell."""
    return lambda book: book["cells"][number].update(copy.deepcopy(fields))


MISTAKES = {
    "sizes: long cell": put(5, source="1\n" * 16),
    "sizes: median": lambda book: [cell.update(source="1\n" * 6) for cell in book["cells"] if "outputs" in cell],
    "sizes: set-up": put(1, source="import vgg_lesson\n" * 11),
    "sizes: no set-up": put(1, source="import numpy"),
    "rows: three": lambda book: book["cells"].insert(5, code("1")) or book["cells"].insert(5, code("2")),
    "kept: widgets": lambda book: book["metadata"].update(widgets={}),
    "kept: kernel": lambda book: book["metadata"].update(kernelspec={"name": "venv"}),
    "kept: CIFAR-10": lambda book: book["metadata"].update(vgg_lesson={"source": "cifar10"}),
    "kept: not run": put(5, execution_count=None),
    "kept: error": put(5, outputs=[{"output_type": "error", "ename": "ValueError"}]),
    "kept: stderr": put(5, outputs=[{"output_type": "stream", "name": "stderr", "text": "oh"}]),
    "kept: view": put(5, outputs=[VIEW]),
    "checked: outputs lost": lambda book: (
        [cell.update(outputs=[]) for cell in book["cells"] if "outputs" in cell]
        and [cell.update(source="1") for cell in book["cells"] if "assert" in cell["source"]]
    ),
    "checked: all skipped": lambda book: [cell["metadata"].update(tags=["nbval-skip"]) for cell in book["cells"]],
    "tagged: lab": lambda book: [cell["metadata"].pop("tags", None) for cell in book["cells"]],
    "tagged: training": put(5, source="trained = train(config, data)"),
    "tagged: fit": put(5, source="model.fit(x, y)"),
    "opening: title": change(0, "# 1", "## 1"),
    "opening: question": change(0, "Why?", "So."),
    "opening: minutes": change(0, "20 minutes", "a while"),
    "opening: outcomes": change(0, "- Count.", ""),
    "opening: second title": change(2, "## 1.", "# 1."),
    "steps: two sections": change(2, "## 1. Idea", "## Idea"),
    "steps: order": change(6, "**Explain.**", "Explain."),
    "steps: no prediction": change(3, "my_prediction", "x"),
    "steps: nothing run": put(5, cell_type="markdown"),
    "steps: no check": change(7, "assert 10 == 10", "10 == 10"),
    "ending: one exercise": change(23, "**Exercise 1", "**Work 1"),
    "ending: no hint": change(23, "Hint", "Look"),
    "ending: no solution": change(23, "Solution", "Look"),
    "ending: no recap": change(-1, "## Recap", "## End"),
    "ending: short recap": change(-1, "It was counted. It was compared.", ""),
    "links: file": change(-1, "#1.-Idea-1", "missing.ipynb"),
    "links: heading": change(-1, "#1.-Idea-1", "#1.-Idea-9"),
    "alternatives: markdown": change(-1, "ten dots", ""),
    "alternatives: html": change(-1, "So it is.", '<img src="dots.png">'),
    "alternatives: output": put(5, outputs=[picture()]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(mistake):
    book = good_lesson()
    MISTAKES[mistake](book)
    name = mistake.partition(":")[0]
    rule = next(rule for rule in RULES if rule.__name__ == name)
    assert list(rule(Lesson.of(NOTEBOOKS / "planted.ipynb", book)))


def test_a_picture_with_words_is_fine():
    book = good_lesson()
    book["cells"][5]["outputs"] = [picture(**{"image/png": {"alt": "ten"}})]
    assert not [words for rule in RULES for words in rule(Lesson.of(NOTEBOOKS / "picture.ipynb", book))]
