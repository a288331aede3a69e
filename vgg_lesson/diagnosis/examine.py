"""The examination: static facts, a known-good network, vital signs, then trainings with one change each."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import arguments, causes, cloning
from vgg_lesson.diagnosis.facts import known_good
from vgg_lesson.diagnosis.facts.array_facts import image_facts, label_facts
from vgg_lesson.diagnosis.facts.gathered import Facts, gather
from vgg_lesson.diagnosis.facts.known_good import KnownGood
from vgg_lesson.diagnosis.facts.vital_signs import NetworkSigns
from vgg_lesson.diagnosis.report import Finding, Report, cause_of
from vgg_lesson.diagnosis.rules import rules_arrays, rules_learned, rules_weights
from vgg_lesson.diagnosis.rules.static import static_findings
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials import own_step, training_stage
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.given_weights import GIVEN, frozen_kernels_see, given_know
from vgg_lesson.diagnosis.trials.laboratory import Laboratory
from vgg_lesson.diagnosis.variation import Course
from vgg_lesson.random_states import untouched_randomness


def examine(
    model,
    x_train,
    y_train=None,
    validation_data=None,
    *,
    batch_size=32,
    validation_split=0.0,
    shuffle=True,
    augmentation=None,
    history=None,
    budget_seconds=60,
    seed=0,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Find out why a Keras image classifier does not learn, or that it does.

    Nothing that is given is changed: copies are trained, global random states are put back.

    Args:
        model: a compiled ``keras.Model`` with one input and one output, fresh or trained.
        x_train: (N, ...) images, uint8 or float, as they would go to ``fit``.
        y_train: labels as the loss wants them: (N,), (N, 1) or one-hot (N, classes).
        validation_data: (images, labels), or None.
        batch_size, validation_split, shuffle: as for ``fit``.
        augmentation: function of a batch of images (or of images and labels), or a Keras layer.
        history: what ``fit`` returned, or its dictionary, when there is one.
        budget_seconds: wall time for everything; the lecture's network at full width needs 240.
        seed: of weights, order and draws.
        progress: called with one sentence at each step.

    Returns:
        A :class:`Report`; its cause is "undetermined" when nothing could be confirmed in time.

    Raises:
        TypeError, ValueError: arguments that ``fit`` would not take either; the message names them.
    """
    began, budget = time.perf_counter(), arguments.seconds(budget_seconds)
    subject = Subject.of(
        model,
        x_train,
        y_train,
        validation_data,
        batch_size=batch_size,
        validation_split=validation_split,
        shuffle=shuffle,
        augmentation=augmentation,
        history=history,
        seed=seed,
    )
    say = arguments.function(progress, "progress", "one sentence") or (lambda text: None)
    with untouched_randomness(subject.seed, alone=False):
        return Examination(subject, began, budget, say).run()


USABLE, SHORTEST, KNOWN_GOOD_SHARE = 0.93, 4, 0.3
"""Share of the budget after which nothing new is begun: a step under way is finished; seconds below which the
known-good network is not begun, and its share of the time that is left."""
NEARLY_ALL, ENOUGH_STEPS = 0.85, 300
"""Share of the budget by which the clock may have ended it; steps that it wants: 211 for the lecture's network."""


class Examination:
    """What is known so far, and the clock; the stages add to it."""

    def __init__(self, subject: Subject, began: float, budget: float, progress: Callable[[str], None]):
        self.subject = subject  # what is examined; only read
        self.began, self.budget = began, budget  # clock at the start; seconds allowed
        self.until = began + USABLE * budget  # clock at which everything must be done
        self.progress = progress  # told one sentence at each step
        self.seen: list[str] = []  # what was done and seen, one sentence each, for the report
        self.findings: list[Finding] = []  # confirmed causes, the first one first
        self.facts: Facts | None = None  # static facts; None until gathered
        self.known: KnownGood | None = None  # what the known-good network found; None when it was not trained
        self.signs: NetworkSigns | None = None  # of the fresh network; None until measured
        self.lab: Laboratory | None = None  # the short trainings; None until there is one
        self.stuck: bool | None = None  # whether the given configuration learned nothing; None: not known

    def left(self) -> float:
        return self.until - time.perf_counter()

    def say(self, text: str) -> None:
        self.seen.append(text)
        self.progress(text)

    def report(self) -> Report:
        cause, seconds = cause_of(self.findings, self.stuck), time.perf_counter() - self.began
        return Report(
            cause,
            self.stuck,
            tuple(f for f in self.findings if f.cause != causes.UNDETERMINED),
            self.signs.layers if self.signs else (),
            tuple(self.lab.courses.values()) if self.lab else (),
            tuple(self.seen),
            self.facts.loss.uninformed if self.facts else float("nan"),
            seconds,
            self.budget,
            self._seconds_to_try(seconds) if cause == causes.UNDETERMINED and self.stuck is not False else None,
        )

    def _seconds_to_try(self, seconds: float) -> int | None:
        """Whole minutes: twice the budget, or, up to 8 times, what all the steps that are wanted take at this pace."""
        if self.lab is None or seconds < NEARLY_ALL * self.budget:
            return None
        courses = self.lab.courses.values()
        pace = sum(each.seconds for each in courses) / max(1, sum(each.steps for each in courses))
        return 60 * math.ceil(max(2 * self.budget, min(ENOUGH_STEPS * pace, 8 * self.budget)) / 60)

    def run(self) -> Report:
        self.progress("looking at arrays, loss, output and metrics")
        subject = self.subject
        if subject.own_steps:
            self.say(
                f"the model has a {' and a '.join(subject.own_steps)} of its own: trainings here use Keras's ordinary "
                "step, and its own one last"
            )
        try:
            fresh = cloning.copy(subject.model, subject.images, seed=subject.seed)
        except cloning.NO_COPY as error:
            fresh = None
            self.say(f"no copy of the model can be made, so no training was tried: {error}")
        try:
            self._look(fresh)
            blocking = [finding.cause for finding in self.findings if finding.blocks_training]
            if fresh is not None and not blocking:
                self._learn(fresh)
            elif fresh is not None and set(blocking) != {causes.UNDETERMINED}:
                self.say("training was not tried: what was found makes it pointless until mended")
        except (ValueError, tf.errors.OpError) as error:
            # Keras, a loss, an augmentation or a layer of the user's refuses what it is given, as it would in fit:
            # that is an answer, and what was found before it stays. Other errors are mistakes, and are raised.
            named = isinstance(error, arguments.PartRaises)
            told = arguments.first_line(error)
            self.say(told.removeprefix("PartRaises: ") if named else f"the training itself raises: {told}")
        return self.report()

    def _look(self, fresh) -> None:
        if fresh is None and not self.subject.model.built:  # of its output and loss nothing is known
            arrays = image_facts(self.subject.images), label_facts(self.subject.labels)
            found = rules_arrays.non_finite_arrays(*arrays), rules_arrays.inputs_constant(arrays[0])
            self.findings = [finding for finding in found if finding]
            return
        facts = gather(self.subject, fresh or cloning.Borrowed(self.subject.model))
        if fresh is None:  # it answered as it is: what other weights could answer was not seen
            facts = replace(facts, output=replace(facts.output, reach=float("nan")))
        self.facts = facts
        self.findings = static_findings(self.subject, facts)
        if fresh is None and (uncounted := rules_weights.weights_uncounted(facts.uncounted)):
            self.say(f"{uncounted.measured}; {uncounted.threshold}")
        self.say(
            f"static facts: loss of guessing {facts.loss.uninformed:.3f}, output is "
            f"{facts.output.in_words}, "
            f"rate {facts.rate:.3g}, {facts.labels.distinct} classes, largest {facts.labels.majority:.0%}"
        )
        for finding in self.findings:
            if finding.cause == causes.UNDETERMINED:  # no cause to name, but what Keras says belongs to what was seen
                self.say(f"{finding.measured}; {finding.remedy}")

    def _learn(self, fresh) -> None:
        self._known_good()
        independent = [f for f in self.findings if f.cause == causes.LABELS_INDEPENDENT_OF_IMAGES]
        if independent and given_know(self.subject, self.facts, fresh, self.say):
            self.findings.remove(independent[0])
            if self.subject.validation_part() is None:
                self.say("images that it was not trained on would tell this from learning by heart: validation_data")
                return
        elif independent:
            until = time.perf_counter() + KNOWN_GOOD_SHARE * self.left()
            if not frozen_kernels_see(self.subject, self.facts, until, self.say):
                return
            self.findings.remove(independent[0])
        self.stuck = training_stage.run(self, fresh)
        if self.stuck is False and self.lab is not None:
            self._tell_last_steps(self.lab.courses[CONTROL])
        imbalanced = next((f for f in self.findings if f.cause == causes.CLASS_IMBALANCE), None)
        mild = self.facts.labels.imbalance < rules_arrays.FAR_APART
        if imbalanced and mild and self.stuck is False and self._more_than_the_largest_class():
            self.findings.remove(imbalanced)
            self.say(f"{imbalanced.measured}: it learned all the same; judge by the accuracy of each class")
        self.stuck = own_step.judged(self)

    def _tell_last_steps(self, control: Course) -> None:
        """The steps that decided, where the control went on after what was told of it."""
        if not any(line.startswith(CONTROL.name) and f"after {control.steps} steps" in line for line in self.seen):
            self.say(
                f"{CONTROL.name}, gone on with: loss {control.last_loss():.3f}, accuracy "
                f"{control.last_accuracy():.2f} after {control.steps} steps"
            )

    def _more_than_the_largest_class(self) -> bool:
        """Whether a training was right more often than the largest class is, or the weights as given needed none."""
        return self.lab is None or any(map(self.lab.learned, (CONTROL, GIVEN)))

    def _known_good(self) -> None:
        if self.left() < SHORTEST:
            self.say("no time for the known-good network")
            return
        if self.subject.images.ndim > 4:
            self.say("no known-good network: it takes flat or flattened pictures, not volumes or films")
            return
        self.progress("training a known-good network on the same images")
        known = known_good.known_good(self.subject, time.perf_counter() + KNOWN_GOOD_SHARE * self.left())
        self.known = known
        self.say(
            f"a known-good network reaches {known.accuracy:.2f} on {known.held_out} held-out images "
            f"(guessing {known.majority:.2f}) in {known.seconds:.0f} s"
        )
        already = {finding.cause for finding in self.findings}
        finding = None
        if causes.CLASS_IMBALANCE not in already:  # there, always answering the largest class explains everything
            finding = rules_learned.labels_independent(known)
            explained = {causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER, causes.UNSHUFFLED_VALIDATION_SPLIT}
            if finding is None and not already & explained:
                finding = rules_learned.validation_apart(known, self.facts.order)
        if finding:
            self.findings.append(finding)
        if self.subject.augmentation is not None and known.informative and np.isfinite(known.augmented):
            self.say(f"trained on augmented images it reaches {known.augmented:.2f}")
