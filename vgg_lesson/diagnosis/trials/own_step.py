"""A ``train_step`` or ``compute_loss`` of the model's own: what ``fit`` makes of it, beside Keras's ordinary step."""

import inspect
import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import arguments, causes, cloning
from vgg_lesson.diagnosis.facts.answers import shares_right
from vgg_lesson.diagnosis.facts.guessing import STANDARD_ERRORS, gap_error
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.confirmation import CONTROL, SHORTEST

ASKED = 512
"""Training images asked at inference: an accuracy is good to 0.02."""
MORE, MOST_EPOCHS = 3, 1000
"""Times the changes of the weights with which Keras's step learned: mixing of images, say, makes learning slower."""
HALF = 0.5
"""Of the way from guessing to what Keras's step teaches: a step of one's own that comes less far loses something."""


@dataclass(frozen=True)
class Right:
    """Shares of right answers to training images, asked as they are given.

    Attributes:
        at_inference: with batch norm's stored statistics, which may lag behind.
        in_batches: with these or a batch's own, whichever is better: a batch's own forgive images on another scale.
    """

    at_inference: float
    in_batches: float


@dataclass(frozen=True)
class OwnSteps:
    """What a copy learned in ``fit`` by its own step.

    Attributes:
        steps: made. changes: how often the optimizer changed the weights; 0 where it was not asked to.
        reported: accuracy that ``fit`` reported last, NaN without one. right: what it answers.
    """

    steps: int
    changes: int
    reported: float
    right: Right


def cannot_be_tried(subject: Subject, copy: keras.Model) -> str:
    """Why a copy's own step would not be that of the model, or would reach beyond the copy; else ""."""
    for name in subject.own_steps:
        if name in vars(subject.model) or getattr(type(copy), name) is not getattr(type(subject.model), name):
            return "a copy does not have it"
        if foreign := _reaches_for(getattr(type(subject.model), name)):
            return f"it uses {foreign}, which is not the copy's own"
    return "" if subject.augmentation is None else "the augmentation that was given is not part of it"


def _reaches_for(function) -> str:
    """A global or enclosed name by which a function gets at an optimizer, metric, model or variable; "" without."""
    function = inspect.unwrap(function)
    if not inspect.isfunction(function):
        return ""
    known = inspect.getclosurevars(function)
    things = keras.optimizers.Optimizer, keras.metrics.Metric, keras.layers.Layer, keras.Variable, tf.Variable
    named = {**known.globals, **known.nonlocals}
    return next((name for name, value in named.items() if isinstance(value, things)), "")


def trained_by_own_step(subject: Subject, fresh: keras.Model, changes: int, until: float) -> OwnSteps:
    """Train a copy with ``fit`` until its weights were changed so often, or the clock (``time.perf_counter``) says so.

    Where the optimizer was not asked for a change in as many steps, it ends, too: it is not asked at all.

    Raises:
        Exception: whatever the step raises in a copy that was compiled with optimizer, loss and metrics alone.
    """
    metrics = ["accuracy"] if getattr(subject.model._compile_metrics, "_user_metrics", None) else None
    model = cloning.compiled_as(subject.model, fresh, metrics)
    for name, value in _set_by_hand(subject.model):
        setattr(model, name, value)
    batch, rows = subject.step_images, subject.sample()
    clock = _Clock(changes, until)
    given = subject.model.get_weights()
    try:
        model.fit(
            subject.images[rows].astype(np.float32),
            subject.labels.given[rows],
            batch_size=batch,
            epochs=MOST_EPOCHS,
            shuffle=subject.shuffle,
            verbose=0,
            callbacks=[clock],
        )
    finally:  # a step may reach for the model that it knows by a global name
        if any(not np.array_equal(a, b) for a, b in zip(given, subject.model.get_weights(), strict=True)):
            subject.model.set_weights(given)
    return OwnSteps(clock.steps, clock.changes, clock.reported, _right(subject, model))


def _set_by_hand(model: keras.Model) -> list[tuple[str, object]]:
    """Numbers, words and switches that were set as attributes of a model: its step may ask for them."""
    made_by_keras = "stop_training", "stop_evaluating", "stop_predicting"
    keras_own = {*dir(keras.Sequential()), *made_by_keras}
    return [
        (name, value)
        for name, value in vars(model).items()
        if isinstance(value, bool | int | float | str) and name not in keras_own and not name.startswith("_")
    ]


class _Clock(keras.callbacks.Callback):
    """Counts steps and changes of the weights, keeps the accuracy that is reported, and ends a training."""

    def __init__(self, most: int, until: float):
        super().__init__()
        self.most, self.until, self.steps, self.changes, self.reported = most, until, 0, 0, float("nan")

    def on_train_batch_end(self, batch, logs=None):
        self.steps, self.changes = self.steps + 1, int(self.model.optimizer.iterations)
        told = [float(value) for name, value in (logs or {}).items() if name.endswith("acc") or "accuracy" in name]
        self.reported = told[0] if told else self.reported
        if (self.changes or self.steps) >= self.most or time.perf_counter() > self.until:
            self.model.stop_training = True


def own_step_loses(own: OwnSteps, ordinary: Right, majority: float, names: tuple[str, ...]) -> Finding | None:
    """The model's own step comes less than half as far as Keras's, asked about the same training images.

    Args:
        ordinary: what fewer of Keras's steps led to. majority: share of the largest class.
        names: of what the model has of its own.
    """
    pairs = (own.right.at_inference, ordinary.at_inference), (own.right.in_batches, ordinary.in_batches)
    error = STANDARD_ERRORS * gap_error(ASKED, ASKED)
    lost = [pair for pair in pairs if pair[0] < min(majority + HALF * (pair[1] - majority), pair[1] - error)]
    if not lost:
        return None
    mine, theirs = lost[0]
    seen = own.reported > majority + HALF * (theirs - majority)
    return Finding(
        causes.OWN_TRAINING_STEP,
        f"after {own.steps} of its own steps {mine:.2f} of training images are right at inference"
        + (f", while fit reports {own.reported:.2f}" if seen else "")
        + f"; after fewer of Keras's ordinary steps {theirs:.2f}",
        "at least half as far from guessing",
        f"what {' and '.join(names)} does to images or labels (scaling, say) must be done at inference, too: in the "
        "model, or before fit"
        if seen
        else f"compare {' and '.join(names)} with Keras's: the images and labels that it uses, the loss, gradients of "
        "trainable_variables, and that they are applied",
        tried="fresh weights, the same images, optimizer and loss, with its own step and with Keras's",
    )


def judged(exam) -> bool | None:
    """Whether the configuration is stuck, by its own step where it has one and Keras's learned; what is found is told.

    Args:
        exam: the :class:`examine.Examination`, its trainings with Keras's ordinary step done.

    Returns:
        As ``exam.stuck``; None where the own step could not be tried, or loses what Keras's learns.
    """
    subject, lab = exam.subject, exam.lab
    if exam.stuck is not False or not subject.own_steps:
        return exam.stuck
    if lab is None or exam.findings or exam.left() < SHORTEST:
        exam.say("its own step was not tried" + ("" if exam.findings or lab else ": the given weights know already"))
        return None
    control, model = lab.courses[CONTROL], lab.trainer(CONTROL).model
    model.set_weights(control.state[0])
    ordinary, own = _right(subject, model), None
    fresh = cloning.copy(subject.model, subject.images, seed=subject.seed)
    if not (why := cannot_be_tried(subject, fresh)):
        exam.progress("training: the model's own step")
        try:
            own = trained_by_own_step(subject, fresh, MORE * control.steps, exam.until)
        except Exception as error:  # a step of the user's may raise anything, and a copy lacks what compile was given
            why = f"in a copy it raises {arguments.first_line(error)}"
    if own is None:
        exam.say(f"its own step was not tried: {why}")
        return None
    exam.say(
        f"its own step in fit: {own.right.at_inference:.2f} of training images right at inference after {own.steps} "
        f"steps; Keras's ordinary one: {ordinary.at_inference:.2f} after {control.steps}"
    )
    finding = own_step_loses(own, ordinary, exam.facts.labels.majority, subject.own_steps)
    if finding and (own.changes or own.steps) < control.steps:
        exam.say("the time was not enough to judge it")
        return None
    exam.findings += [finding] if finding else []
    return None if finding else False


def _right(subject: Subject, model: keras.Model) -> Right:
    rows = subject.sample(ASKED)
    images, classes = subject.images[rows].astype(np.float32), subject.labels.classes[rows]
    shares = shares_right(model, images, classes)
    return Right(shares[0], max(shares))
