"""The training panel: choose, train in the background, watch, stop, compare, take away."""

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from vgg_lesson.baselines import Guessing
from vgg_lesson.data import Dataset
from vgg_lesson.keras_export import keras_code
from vgg_lesson.plots.training import comparison, learning_curves, range_test
from vgg_lesson.rate_finder import find_rate
from vgg_lesson.run_record import Run
from vgg_lesson.saving import free_stem, save_trained
from vgg_lesson.training import Trained, prepared, train
from vgg_lesson.training_config import TrainingConfig
from vgg_lesson.widgets import training_words as words
from vgg_lesson.widgets.common import PicturePanel, button, error_words, goal_line, hinted
from vgg_lesson.widgets.training_controls import config_of, training_controls
from vgg_lesson.widgets.worker import Worker

GOAL = (
    "Find the largest learning rate at which 16 weight layers without batch norm still learn, then find one change "
    "that lets them learn at a ten times larger rate."
)
_PANELS: weakref.WeakSet = weakref.WeakSet()


class TrainingPanel(widgets.VBox):
    """Trains networks on a data set, one at a time, in a thread of its own.

    Args:
        dataset: what is trained on; each run uses a stratified subset of the chosen size.
        goal: what the learner is to find.
        config: where the controls start; what they do not show (head, batch size, ...) stays so. ValueError when it
            has what they cannot show.
        folder: where "Save" writes.

    Attributes:
        runs: the record of every finished or stopped run.
        trained: model and record of the last run, or None.
        controls: name -> control; buttons: name -> button.
    """

    def __init__(self, dataset: Dataset, *, goal: str = GOAL, config: TrainingConfig | None = None, folder="my_runs"):
        self.dataset, self.folder = dataset, Path(folder)
        self._guessing = Guessing.from_labels(dataset.y_train, len(dataset.class_names))
        self.base = config or TrainingConfig(head=(128, 128))
        self.runs: list[Run] = []
        self.trained: Trained | None = None
        self.error: Exception | None = None
        self._on_run: list[Callable[[], None]] = []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._trainer, self._drawer = Worker(self._fail), Worker(self._fail)
        self.controls = training_controls(self.base, len(dataset.x_train))
        self.buttons = {
            "train": button("Train", "Train a new network with these choices", style="primary"),
            "stop": button("Stop", "Stop within a few batches", style="danger"),
            "range": button("Find a rate", "Range test: 120 steps with a growing rate on a fresh network"),
            "code": button("Show the Keras code of this run", "A script that runs without this package"),
            "save": button("Save the last run", f"Write model and record to the folder {self.folder}"),
        }
        self.cost, self.message, self.notice, self.table, self.code = (widgets.HTML() for _ in range(5))
        self.curves, self.compared = PicturePanel(330), PicturePanel(340)
        grid = widgets.GridBox(
            [hinted(control) for control in self.controls.values()],
            layout={"grid_template_columns": "repeat(auto-fill, minmax(30em, 1fr))"},
        )
        row = widgets.HBox(list(self.buttons.values()), layout={"flex_flow": "wrap"})
        above = [goal_line(goal), grid, self.cost, row]
        super().__init__([*above, self.message, self.notice, self.curves, self.table, self.compared, self.code])
        for control in self.controls.values():
            control.observe(lambda change: self._state_cost(), "value")
        actions = self.start, self.stop, self.find_rate, self.show_code, self.save
        for each, action in zip(self.buttons.values(), actions, strict=True):
            each.on_click(lambda _, action=action: self._guarded(action, self._tell))
        self.curves.show(learning_curves([], [], 1, self.config.epochs, self._guessing))
        self._state_cost()
        self._show_runs()
        if any(panel.running for panel in _PANELS):
            # So it is when the page was reloaded without saving: the panel's cell is empty, its training goes on.
            self.notice.value = _status("Another panel of this notebook still trains: both are slower until it ends.")
        _PANELS.add(self)

    @property
    def config(self) -> TrainingConfig:
        """The choices that the controls show."""
        return config_of(self.controls, self.base)

    @property
    def images(self) -> int:
        """Number of training images of the next run."""
        return self.controls["images"].value

    @property
    def running(self) -> bool:
        """True while a training or range test goes on, also while it is stopping."""
        return self._trainer.busy

    def start(self) -> bool:
        """Train in the background; False, with a message, when the panel is still busy."""
        config, images = self.config, self.images
        return self._begin(lambda: self._train(config, images), "Preparing the network: the first point takes seconds.")

    def find_rate(self) -> bool:
        """Run a range test in the background on a fresh network with these choices."""
        config, images = self.config, self.images
        return self._begin(lambda: self._range(config, images), "Range test: 120 steps with a growing learning rate.")

    def stop(self) -> None:
        """Ask for a stop; answers at once, the training ends within a few batches."""
        if self.running:
            self._stop.set()
            self._say("Stopping: the batches in progress are finished first.")
        else:
            self._say("Nothing is running.")

    def wait(self, timeout: float | None = 600.0) -> Run | None:
        """Wait until nothing is running, raise what went wrong, return the last run if there is one.

        Raises:
            TimeoutError: still running after ``timeout`` seconds; None waits for ever.
        """
        self._trainer.wait(timeout)
        self._drawer.wait(timeout)
        if self.error is not None:
            raise self.error
        return self.runs[-1] if self.runs else None

    def train_blocking(self) -> Run:
        """Train with the present choices and return the record; the code is that of the button."""
        if not self.start():
            raise RuntimeError("this panel is training already: stop it or wait for it first")
        return self.wait(timeout=None)

    def show_code(self) -> None:
        """Show the Keras script of the last run, or of the present choices before any run."""
        run = self.runs[-1] if self.runs else None
        config = run.training_config if run else self.config
        code = keras_code(config, run.data["train_images"] if run else self.images)
        self.code.value = words.code_words(code, self.dataset.source)

    def save(self) -> None:
        """Write the last run's model and record into the folder, beside those of earlier sessions."""
        self.notice.value = ""  # of an attempt before
        trained = self.trained  # read once: the training's thread may release the model meanwhile
        if trained is None:
            released = f"the model of run {len(self.runs)} was released when the next training began"
            why = released if self.runs else "no training has ended yet"
            self.notice.value = _status(f"Nothing to save: {why}. Train first, and save when that has ended.")
            return
        paths = save_trained(trained, free_stem(self.folder / f"run_{len(self.runs)}"))
        self._say("Saved " + " and ".join(str(path) for path in paths) + ".")

    def on_run(self, call: Callable[[], None]) -> None:
        """Have ``call`` called, from the training's thread, after every run."""
        self._on_run.append(call)

    def _begin(self, work: Callable[[], None], news: str) -> bool:
        with self._lock:
            if self.running:
                # A line of its own: the training's next report would overwrite it in the other one.
                self.notice.value = _status("Still busy: this click is ignored. Stop it first, or wait.")
                return False
            self.error, self._stop, self.notice.value = None, threading.Event(), ""
            self._say(news)
            self._trainer.request(lambda: self._in_background(work))
            return True

    def _in_background(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # shown in words here, raised again by wait()
            self._fail(error)
            self._say("It ended with an error.")
        self.notice.value = error_words(self.error) if self.error else ""  # in place of an ignored click

    def _train(self, config: TrainingConfig, images: int) -> None:
        self.trained = None
        data = self._subset(images)

        def draw(progress):
            seen = progress.step_loss, progress.epochs, progress.steps
            self._drawer.request(lambda: self.curves.show(learning_curves(*seen, config.epochs, self._guessing)))
            if len(progress.step_loss) == 1:
                self._drawer.wait()  # drawn beside the next steps, the first point would come later
            if len(progress.step_loss) == 5:  # a second later: to let go of the model before takes half a second
                gc.collect()  # it holds graphs in reference cycles
            if not self._stop.is_set():
                self._say(f"Step {progress.step:,} of {progress.steps:,}, {progress.seconds:.0f} s.")

        trained = train(config, data, stop=self._stop, on_progress=draw)
        number = len(self.runs) + 1
        trained = trained._replace(run=trained.run.named(f"panel/{number}"))
        self.runs.append(trained.run)
        self.trained = trained
        self._drawer.wait()
        self._show_runs()
        self._state_cost()
        for call in self._on_run:
            self._guarded(call, self._fail)
        how = "Stopped" if trained.run.stopped else "Finished"
        self._say(f"{how}: run {number}, {len(trained.run.epochs)} of {config.epochs} epochs.")

    def _range(self, config: TrainingConfig, images: int) -> None:
        data = self._subset(images)
        model, batches, _ = prepared(config.change(schedule="constant"), data)
        found = find_rate(model, batches, stop=self._stop)
        self.curves.show(range_test(found))
        self._say("Range test stopped." if self._stop.is_set() else "Range test done.")

    def _subset(self, images: int) -> Dataset:
        return self.dataset.subset(train=images, validation=min(len(self.dataset.x_val), max(100, images // 4)) or None)

    def _show_runs(self) -> None:
        self.table.value = words.runs_table(self.runs)
        self.compared.layout.display = None if len(self.runs) > 1 else "none"  # nothing to compare, nothing to see
        if len(self.runs) < 2:
            return
        recent = list(enumerate(self.runs, start=1))[-6:]
        names = [words.short_name(run, number) for number, run in recent]
        self.compared.show(comparison(names, [run.curve("accuracy") for _, run in recent], self._guessing))

    def _state_cost(self) -> None:
        finished = [run for run in self.runs if not run.stopped]
        factor = words.speed_factor(finished[-1]) if finished else None
        self.cost.value = words.cost_words(self.config, self.images, factor)

    def _say(self, text: str) -> None:
        self.message.value = _status(text)

    def _guarded(self, action: Callable[[], object], failed: Callable[[Exception], None]) -> None:
        try:
            action()
        except Exception as error:
            failed(error)

    def _fail(self, error: Exception) -> None:
        self.error = error  # raised again by wait()
        self._tell(error)

    def _tell(self, error: Exception) -> None:
        self.notice.value = error_words(error)  # not in the line of progress, whose next report would overwrite it


def _status(text: str) -> str:
    return f"<p role='status'>{text}</p>"
