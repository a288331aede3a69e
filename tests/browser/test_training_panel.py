"""The training panel in a real JupyterLab: the curve grows, Stop answers, runs do not mix, a reload loses nothing."""

import re

import pytest
from lab_page import RUN_SECONDS, wait_for
from latency import BARE, IDLE_BARE, SLACK, bare_milliseconds

PANEL = """
from vgg_lesson.data import load_data
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets.training import TrainingPanel

panel = TrainingPanel(load_data("sketches"), config=TrainingConfig(configuration="A", head=(64,), epochs=90))
panel
"""
TWO = """
start = TrainingConfig(configuration="A", head=(64,))
first = TrainingPanel(panel.dataset, config=start.change(epochs=1))
first.controls["images"].value = 1000
first
""", """
second = TrainingPanel(panel.dataset, config=start.change(epochs=3, learning_rate=0.01, batch_norm=True))
second.controls["images"].value = 500
second
"""  # fmt: skip
CURVES_A_SECOND = 2
WATCHED_SECONDS = 5
COUNT = """([picture, seconds]) => new Promise(done => {
    let count = 0;
    new MutationObserver(() => count++).observe(picture, {attributes: true, attributeFilter: ["src"]});
    setTimeout(() => done(count), 1000 * seconds);
})"""


@pytest.fixture
def panel(lab, folder):
    lab.open_made(folder, "panel", PANEL, BARE)
    lab.picture().wait_for()
    return lab


def says(lab, words: str, seconds: float = RUN_SECONDS) -> None:
    wait_for(lambda: words in lab.text(), seconds, f"the panel to say {words!r}", every=0.1)


def test_train_watch_and_stop(panel, latencies):
    lab = panel
    bare = bare_milliseconds(lab)
    empty = lab.pixels()
    assert "No step has been made yet" in lab.text()
    lab.control("Train").click()
    says(lab, "Preparing the network", 30)
    says(lab, "Step ")
    lab.wait_for_picture_change(empty)
    curves = lab.page.evaluate(COUNT, [lab.picture().element_handle(), WATCHED_SECONDS]) / WATCHED_SECONDS
    latencies.add(f"curves a second while training: {curves:.1f} (goal {CURVES_A_SECOND}; bare slider {bare:.0f} ms)")
    assert curves > CURVES_A_SECOND / SLACK / max(1, bare / IDLE_BARE)
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


def test_reload_and_restart_in_the_middle_of_a_training(panel):
    lab = panel
    train_until_the_first_step(lab)
    # Not saved: the browser asks before, and the cell is empty after. Run again, the new panel tells of the old one.
    lab.reload()
    assert not lab.page.locator(".jp-OutputArea .jupyter-widgets").count()
    lab.run_all()
    says(lab, "Another panel of this notebook still trains", 30)
    # Saved: the panel comes back as it is by now, goes on, and answers.
    train_until_the_first_step(lab)
    lab.save()
    lab.reload()
    says(lab, "Step ", 60)
    seen = lab.pixels()
    lab.wait_for_picture_change(seen)
    lab.control("Stop").click()
    says(lab, "Stopped: run 1", 60)
    assert "Error displaying widget" not in lab.text() and not lab.errors()
    # A restarted kernel: JupyterLab marks what is disconnected, and the lesson runs again.
    train_until_the_first_step(lab)
    lab.restart_kernel()
    assert lab.page.locator(".jupyter-widgets-disconnected").count(), "nothing says that the panel is disconnected"
    lab.run_all()
    assert "Another panel" not in lab.text() and "Stopped" not in lab.text()
    train_until_the_first_step(lab)
    lab.control("Stop").click()
    says(lab, "Stopped: run 1", 60)
    assert not lab.errors()


def train_until_the_first_step(lab) -> None:
    lab.control("Train").click()
    says(lab, "Step ", 120)


def test_two_panels_trained_at_once_do_not_mix(lab, folder):
    lab.open_made(folder, "two", PANEL, *TWO)
    places = lab.cell("first = "), lab.cell("second = ")
    for place in places:
        lab.control("Train", place).click()
    seen = [set(), set()]

    def both_finished():
        texts = [place.inner_text() for place in places]
        for steps, text in zip(seen, texts, strict=True):
            steps |= set(re.findall(r"Step \d+ of (\d+)", text))
        return all("Finished: run 1" in text for text in texts) and texts

    texts = wait_for(both_finished, RUN_SECONDS, "both panels to finish")
    lab.screenshot("two-panels")
    assert seen[0] <= {"32"} and seen[1] <= {"48"} and (seen[0] or seen[1])
    own = [("After 1 of 1 epochs", "1e-3", "1,000 × 1"), ("After 3 of 3 epochs", "1e-2", "500 × 3")]
    for number, (place, text) in enumerate(zip(places, texts, strict=True)):
        assert all(word in text for word in own[number])
        assert not any(word in text for word in own[1 - number])
        rows = place.locator("tbody tr")
        assert rows.count() == 1
        accuracy = re.search(r"and accuracy ([\d.]+%)", text)[1]
        assert accuracy in rows.first.inner_text(), "the table shows another run than the curve"
    pictures = [lab.pixels(place) for place in places]
    assert pictures[0] != pictures[1]
    assert not lab.errors()
