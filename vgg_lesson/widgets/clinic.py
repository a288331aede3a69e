"""The clinic: an unseen network that does not learn, instruments with a price, a cause to name, a cure to prove."""

import html
from collections.abc import Callable

import ipywidgets as widgets

from vgg_lesson.consultation import INSTRUMENTS, NAMEABLE, PATIENTS, Consultation
from vgg_lesson.data import Dataset
from vgg_lesson.widgets.common import PicturePanel, button, choice, error_words, goal_line, hinted, message_line
from vgg_lesson.widgets.worker import Worker

GOAL = (
    "Find out what is wrong with the network, at the lowest bill. The score starts at 100; 10 seconds of measuring "
    "are free, each further second costs a point, each wrong name 30."
)


class Clinic(widgets.VBox):
    """Choose a patient, order vital signs and probes, name the cause, prescribe.

    All work is done by one daemon thread, so the notebook stays usable; while it works, further
    clicks are ignored. :meth:`wait` blocks until it is done, for scripts and tests.

    Args:
        dataset: images for the patients; a small subset keeps the probes short.
        number: of the first patient.
        steps: length of a training probe.
    """

    def __init__(self, dataset: Dataset, *, number: int = 1, steps: int = 80):
        self.dataset, self.steps = dataset, steps
        self.error: Exception | None = None
        self.busy = False
        self.worker = Worker(self._fail)
        patients = [(f"number {patient}", patient) for patient in PATIENTS]
        self.number = choice("Patient", patients, number, "Some of the patients are healthy")
        self.instrument = choice("Instrument", _priced(), next(iter(INSTRUMENTS)), "What to measure, and what it costs")
        causes = [(_words(cause), cause) for cause in NAMEABLE]
        self.cause = choice("Cause", causes, causes[0][1], "What is wrong with it")
        self.order_button = button("Order", "Measure; the price goes on the bill", style="primary")
        self.name_button = button("Name the cause", "A wrong name costs 30 points")
        self.prescribe_button = button("Prescribe", "Try the remedies from fresh weights, beside an untouched control")
        self.message, self.chart, self.panel = message_line(), widgets.HTML(), PicturePanel(370)
        super().__init__([
            goal_line(GOAL), hinted(self.number),
            widgets.HBox([hinted(self.instrument), self.order_button]),
            widgets.HBox([hinted(self.cause), self.name_button, self.prescribe_button]),
            self.message, self.chart, self.panel,
        ])  # fmt: skip
        self.consultation: Consultation | None = None
        self.number.observe(lambda change: self._start(self._admit), "value")
        self.order_button.on_click(lambda _: self._start(self._order))
        self.name_button.on_click(lambda _: self._start(self._name))
        self.prescribe_button.on_click(lambda _: self._start(self._prescribe))
        self._admit()

    @property
    def score(self) -> int:
        """Points for the present patient."""
        return self.consultation.score

    def wait(self, timeout: float = 120.0) -> None:
        """Return when nothing is going on; raise what a click raised."""
        self.worker.wait(timeout)
        if self.error is not None:
            raise self.error

    def _start(self, work: Callable[[], None]) -> None:
        if self.busy:
            return
        self.busy, self.error = True, None
        self.number.disabled = True  # a patient changed while another is measured would be lost

        def run():
            try:
                work()
            finally:
                self.busy = self.number.disabled = False

        self.worker.request(run)

    def _admit(self) -> None:
        self._say(f"Patient {self.number.value} is being brought in ...")
        self.consultation = Consultation(self.number.value, self.dataset, steps=self.steps)
        self.panel.clear()
        self._write("A network, its training images and its settings. Order something.")

    def _order(self) -> None:
        name = self.instrument.value
        self._say(f"Measuring: {name}, about {INSTRUMENTS[name].seconds:g} s ...")
        measurement = self.consultation.order(name)
        if measurement.layers or measurement.courses:
            self.panel.show(measurement.plot())
        self._write(f"{name}: done.")

    def _name(self) -> None:
        verdict = self.consultation.name(self.cause.value)
        self._write(verdict.text)

    def _prescribe(self) -> None:
        if self.consultation.can_be_tried:
            self._say("Trying the remedies from fresh weights, beside an untouched control ...")
        prescription = self.consultation.prescribe()
        if not prescription.trials:
            self._write(str(prescription))
            return
        self.panel.show(prescription.plot())
        self._write(prescription.outcome)

    def _write(self, news: str) -> None:
        """News, and the chart: everything measured so far, with the bill."""
        consultation = self.consultation
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{html.escape(name)}</th>"
            f"<td>{INSTRUMENTS[name].seconds:g} s</td>"
            f"<td style='text-align:left'>{html.escape(result.text)}</td></tr>"
            for name, result in consultation.ordered.items()
        )
        named = f" Named: {', '.join(map(_words, consultation.named))}." if consultation.named else ""
        state = f"Score {consultation.score}." if consultation.solved else "Cause not found yet."
        table = (
            "<table style='max-width:60em'><caption style='text-align:left'><b>What was measured</b></caption><thead>"
            "<tr><th scope='col'>Instrument</th><th scope='col'>Price</th><th scope='col'>Result</th></tr>"
            f"</thead><tbody>{rows}</tbody></table>"
        )
        bill = f"<p><b>Bill {consultation.bill:g} s.</b> {html.escape(state + named)}</p>"
        self.chart.value = bill + table if rows else bill
        self._say(news)

    def _say(self, text: str) -> None:
        self.message.value = f"<p role='status'>{html.escape(text)}</p>"

    def _fail(self, error: Exception) -> None:
        self.error = error
        self.message.value = error_words(error)


def _priced():
    return [(f"{name} ({each.seconds:g} s)", name) for name, each in INSTRUMENTS.items()]


def _words(cause: str) -> str:
    return cause.replace("_", " ")
