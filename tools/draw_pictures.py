"""Draw the pictures of README and docs from the committed records: ``python tools/draw_pictures.py``.

Each PNG carries, as text, the checksums of the records it shows; tests/test_readme.py compares them.
"""

import io
import json
import math
from pathlib import Path
from types import SimpleNamespace

from PIL import Image, PngImagePlugin

from vgg_lesson import recordings
from vgg_lesson.plots.signals import draw_runs
from vgg_lesson.plots.style import COLOURS, CYCLE, Picture, figure, to_png

DOCS = Path(__file__).parent.parent / "docs"
TITLE = "The lecture's VGG16 on CIFAR-10: as it was, and with one change or two"
SHOWN = {
    "as in the lecture": "none",
    "He start weights": "he",
    "a tenth of the rate": "adam-1e-4",
    "both": "he-adam-1e-4",
}
"""Words in the picture -> change of the plan "lecture" (experiments/plans.py)."""
MEASURED = {"7 epochs": "headline/muon-[0-9]", "15 epochs, cutout": "headline/muon-long-[0-9]"}
"""Words in the picture -> runs of the plan "headline" whose unit of time was measured."""
GOALS = ((0.5, 0.90), (1.5, 0.93))
"""Shares of one epoch of the lecture's run with stock TensorFlow -> accuracy that we had set ourselves."""


def runs_of(change: str) -> tuple:
    """All recorded seeds of a change."""
    return recordings.filter(f"lecture/{change}-[0-9]")


def remedies() -> tuple[Picture, list]:
    """README's picture, and the records that it shows."""
    runs = {words: runs_of(change) for words, change in SHOWN.items()}
    picture = draw_runs({words: [_watched(run) for run in of_one] for words, of_one in runs.items()}, 20, TITLE)
    return picture, [run for of_one in runs.values() for run in of_one]


def _watched(run) -> SimpleNamespace:
    losses = [loss for _, loss in run.step_loss]
    return SimpleNamespace(losses=losses, learned=run.verdict == "learning", chance=math.log(10))


def accuracy_over_time() -> tuple[Picture, list]:
    """Validation accuracy over the share of the unit of time that had passed, and the records that it shows."""
    made, axes = figure(7.2, 4.0)
    shown, ends = [], []
    for colour, (words, pattern) in zip(CYCLE, MEASURED.items(), strict=False):
        for number, run in enumerate(recordings.filter(pattern)):
            unit = run.seconds / run.measurements["stock_epochs"]
            times = [seconds / unit for seconds in run.epoch_seconds]
            label = words if number == 0 else None
            axes.plot(times, run.curve("val_accuracy"), color=colour, marker="o", markersize=3, label=label)
            ends.append((run.measurements["stock_epochs"], run.measurements["test_accuracy_moved"]))
            axes.plot(*ends[-1], color=colour, marker="*", markersize=12, linestyle="none")
            shown.append(run)
    axes.plot(
        [], [], color=COLOURS["muted"], marker="*", markersize=12, linestyle="none", label="test images, with copies"
    )
    axes.plot(
        *zip(*GOALS, strict=True), color=COLOURS["ink"], marker="x", markersize=9, linestyle="none", label="goals"
    )
    axes.set_xlabel("time: 1 is one epoch of the lecture's run with stock TensorFlow")
    axes.set_ylabel("accuracy on validation images")
    axes.set_ylim(0.5, 0.95)
    axes.set_xlim(0, 1.6)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_title("Accuracy over time, and the two goals")
    axes.legend(loc="lower right", frameon=False)
    text = "; ".join(f"{accuracy:.1%} after {time:.2f}" for time, accuracy in ends)
    return Picture(made, f"Test images right, with copies, and the time it took: {text}."), shown


PICTURES = {"remedies.png": remedies, "accuracy_over_time.png": accuracy_over_time}


def checksums(runs) -> str:
    """SHA-256 of every record shown, as the records state them, one a line."""
    return "\n".join(json.loads(run.to_json())["sha256"] for run in runs)


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        picture, runs = draw()
        note = PngImagePlugin.PngInfo()
        note.add_text("records", checksums(runs))
        Image.open(io.BytesIO(to_png(picture.figure))).save(DOCS / name, pnginfo=note, optimize=True)
        print(f"{name}: {picture.text}")


if __name__ == "__main__":
    main()
