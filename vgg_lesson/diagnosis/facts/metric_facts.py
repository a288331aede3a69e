"""What the compiled metrics say to made-up answers."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.compile_utils import CompileMetrics

from vgg_lesson.diagnosis.arguments import first_line
from vgg_lesson.diagnosis.facts.batches import as_fed
from vgg_lesson.diagnosis.facts.loss_and_output import ROWS, made_up_answers
from vgg_lesson.diagnosis.subject import Subject


@dataclass(frozen=True)
class MetricFacts:
    """A compiled metric's value for made-up answers: all right, all wrong, and without information.

    ``reads_answers`` is False when the value is the same whatever is answered, as that of a learning rate is.
    """

    name: str
    error: str
    right: float
    wrong: float
    scattered: float
    reads_answers: bool


def metric_facts(subject: Subject, takes_logits: bool) -> tuple[MetricFacts, ...]:
    """Ask each compiled metric about made-up answers to real labels."""
    compiled = subject.model._compile_metrics
    if compiled is None or subject.units < 2:
        return ()
    rng = np.random.default_rng(subject.seed)
    _, labels = subject.training_part()
    rows = rng.permutation(len(labels))[: 8 * ROWS]
    answers = made_up_answers(labels, rows, subject.units, rng)
    asked = ("right", "wrong", "scattered")
    shown = {which: np.log(np.maximum(answers[which], 1e-7)) if takes_logits else answers[which] for which in asked}
    given, found = as_fed(labels.given[rows]), []
    # Shares of equal (B, 1) and (B,) pairs differ only where all labels are of one class, and shares
    # of scores that equal their label only where the scores are exactly 0 and 1.
    one = labels.classes[rows] == labels.classes[rows[0]]
    further = [(given[one], shown["right"][one]), (given[one], shown["wrong"][one]), (given, answers["certain"])]
    for metric in _flat(compiled._user_metrics) + _flat(compiled._user_weighted_metrics):
        values, error, name = {}, "", str(getattr(metric, "name", getattr(metric, "__name__", metric)))
        for which in asked:
            try:
                values[which] = _measure(metric, given, shown[which])
            except Exception as raised:
                error = first_line(raised)
                break
        if not error and any(np.ndim(v) for v in values.values()):
            continue  # a metric that gives a row of numbers is not read as an accuracy
        numbers = [float(values.get(which, np.nan)) for which in asked]
        found.append(MetricFacts(name, error, *numbers, bool(error) or _reads_answers(metric, numbers, further)))
    return tuple(found)


def _reads_answers(metric, values: list[float], further) -> bool:
    """Whether the metric's value moves at all, if not between these answers then among further ones."""
    try:
        alike = np.ptp(values) < 1e-3
        return not alike or not np.ptp([*values, *(_measure(metric, *pair) for pair in further)]) < 1e-3
    except Exception:  # a metric may want every class in its labels; it has read something
        return True


def _measure(metric, labels, scores):
    labels, scores = tf.constant(labels), tf.constant(scores, tf.float32)
    if isinstance(metric, keras.metrics.Metric):
        try:
            metric = type(metric).from_config(metric.get_config())
        except Exception:  # no **kwargs, no get_config, a function that is not registered: fit needs none of these
            return _measure_itself(metric, labels, scores)
    return _value(metric, labels, scores)


def _measure_itself(metric, labels, scores):
    """Ask the user's own object, and put back what it had counted."""
    kept = [(variable, keras.ops.convert_to_numpy(variable)) for variable in metric.variables]
    if kept:
        metric.reset_state()
    try:
        return _value(metric, labels, scores)
    finally:
        metric.reset_state()  # also what was made only now
        for variable, count in kept:
            variable.assign(count)


def _value(metric, labels, scores):
    box = CompileMetrics([metric], None)
    box.build(labels, scores)
    box.update_state(labels, scores)
    return keras.ops.convert_to_numpy(next(iter(box.result().values())))


def _flat(metrics) -> list:
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    flat = []
    for metric in metrics:
        flat.extend(_flat(metric) if isinstance(metric, list | tuple | dict) else [metric])
    return flat
