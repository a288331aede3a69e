"""Draw README's picture from the committed records: ``python tools/draw_readme_picture.py``.

The PNG carries, as text, the checksums of the records it shows; tests/test_readme.py compares them.
"""

import io
import json
import math
from pathlib import Path
from types import SimpleNamespace

from PIL import Image, PngImagePlugin

from vgg_lesson import recordings
from vgg_lesson.plots.signals import draw_runs
from vgg_lesson.plots.style import to_png

FILE = Path(__file__).parent.parent / "docs" / "remedies.png"
TITLE = "The lecture's VGG16 on CIFAR-10: as it was, and with one change or two"
SHOWN = {
    "as in the lecture": "none",
    "He start weights": "he",
    "a tenth of the rate": "adam-1e-4",
    "both": "he-adam-1e-4",
}
"""Words in the picture -> change of the plan "lecture" (experiments/plans.py)."""


def runs_of(change: str) -> tuple:
    """All recorded seeds of a change."""
    return recordings.filter(f"lecture/{change}-[0-9]")


def checksums() -> str:
    """SHA-256 of every record shown, as the records state them, one a line."""
    return "\n".join(json.loads(run.to_json())["sha256"] for change in SHOWN.values() for run in runs_of(change))


def _watched(run) -> SimpleNamespace:
    losses = [loss for _, loss in run.step_loss]
    return SimpleNamespace(losses=losses, learned=run.verdict == "learning", chance=math.log(10))


def main() -> None:
    watched = {words: [_watched(run) for run in runs_of(change)] for words, change in SHOWN.items()}
    picture = draw_runs(watched, 20, TITLE)
    FILE.parent.mkdir(exist_ok=True)
    note = PngImagePlugin.PngInfo()
    note.add_text("records", checksums())
    Image.open(io.BytesIO(to_png(picture.figure))).save(FILE, pnginfo=note, optimize=True)
    print(f"{FILE.name}: {picture.text}")


if __name__ == "__main__":
    main()
