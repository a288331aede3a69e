"""What a lesson says and runs, for tests that hold its words or cells to something."""

import json
from pathlib import Path

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def sources(lesson: str, kinds: tuple[str, ...] = ("markdown", "code")) -> dict[str, str]:
    """Cell id -> source, of the notebook whose file name begins with ``lesson`` ("05")."""
    (path,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] in kinds}


def prose(lesson: str) -> str:
    """All of a lesson's words, code left out."""
    return "\n".join(sources(lesson, ("markdown",)).values())
