"""The README: its code runs as it stands, its picture shows the present records."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from made_networks import small, stripes
from PIL import Image

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(word: str) -> str:
    """The one Python block of the README that contains a word."""
    (found,) = [text for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in text]
    return found


@pytest.fixture
def names():
    x, y = stripes()
    return {"model": small(keras.optimizers.Adam(1e-8)), "x_train": x, "y_train": y}


def test_examine_and_prescribe(names, capsys):
    exec(block("print(report)"), names)
    assert names["report"].cause == "learning_rate_too_low"
    assert "learns (2 of 2 seeds)" in capsys.readouterr().out


def test_the_callback(names):
    x, y = names["x_train"], names["y_train"]
    names |= {"x_train": x.repeat(3, axis=0), "y_train": y.repeat(3)}  # 57 batches an epoch: 200 fit into ten epochs
    with pytest.warns(UserWarning, match="learning_rate_too_low"):
        exec(block("DiagnosisCallback"), names)


def test_the_command_line(tmp_path):
    setup = "from made_networks import small, stripes\nx_train, y_train = stripes()\n"
    maker = "def make_model():\n    model = small()\n    model.trainable = False\n    return model\n"
    (tmp_path / "my_network.py").write_text(setup + maker + block("my_network.py"))
    command = re.search(r"python -m vgg_lesson.diagnosis (\S+:\S+)", README)[1]
    done = subprocess.run(
        [sys.executable, "-m", "vgg_lesson.diagnosis", command], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Diagnosis: frozen_weights" in done.stdout


def test_the_picture_shows_the_present_records():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import draw_readme_picture as tool
    finally:
        sys.path.remove(str(ROOT / "tools"))
    assert Image.open(tool.FILE).text["records"] == tool.checksums(), "run tools/draw_readme_picture.py"
    assert all(tool.runs_of(change) for change in tool.SHOWN.values())
