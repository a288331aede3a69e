"""The training panel in a real JupyterLab: the curve grows, Stop answers, a second click is ignored."""

import nbformat
import pytest
from lab_page import RUN_SECONDS, wait_for
from nbformat.v4 import new_code_cell, new_notebook

SOURCE = """
from vgg_lesson.data import load_data
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets.training import TrainingPanel

panel = TrainingPanel(load_data("sketches"), config=TrainingConfig(configuration="A", head=(64,), epochs=9))
panel
"""


@pytest.fixture
def panel(lab, folder):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(SOURCE.strip())], metadata=kernel), folder / "panel.ipynb")
    lab.open_lesson("panel")
    lab.run_all()
    assert not lab.errors()
    lab.picture().wait_for()
    return lab


def says(lab, words: str, seconds: float = RUN_SECONDS) -> None:
    wait_for(lambda: words in lab.text(), seconds, f"the panel to say {words!r}", every=0.1)


def test_train_watch_and_stop(panel):
    lab = panel
    empty = lab.picture().get_attribute("src")
    assert "No step has been made yet" in lab.text()
    lab.control("Train").click()
    says(lab, "Preparing the network", 30)
    says(lab, "Step ")
    first = lab.wait_for_picture_change(empty)
    lab.wait_for_picture_change(first)
    lab.control("Train").click()
    says(lab, "this click is ignored", 30)
    lab.screenshot("training-panel-running")
    lab.control("Stop").focus()
    lab.page.keyboard.press("Enter")
    says(lab, "Stopped: run 1")
    assert "stopped" in lab.page.locator("table").inner_text()
    lab.control("Show the Keras code of this run").click()
    says(lab, "keras.Sequential")
    lab.screenshot("training-panel-stopped")
    assert not lab.errors()
