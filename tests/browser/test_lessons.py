"""Each lesson in a real JupyterLab: it explains itself before it is run, and runs without an error."""

import json

import pytest
from lab_page import NOTEBOOKS
from lesson_rules import LESSONS


def words(name: str) -> list[str]:
    """First words of the notebook's markdown paragraphs."""
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]).splitlines()[0].strip("# ") for cell in cells if cell["cell_type"] == "markdown"]


@pytest.mark.parametrize("name", LESSONS)
def test_lesson(lab, name):
    lab.open_lesson(name)
    text = lab.text()
    assert words(name)[0] in text
    assert not lab.errors(), "a lesson that was only opened shows an error"
    assert "Error displaying widget" not in text and "Loading widget" not in text
    lab.screenshot(f"{name}-opened")
    lab.run_all()
    assert not lab.errors()
    assert lab.page.locator(".jp-OutputArea img").count(), "no picture"
    lab.screenshot(f"{name}-run")
