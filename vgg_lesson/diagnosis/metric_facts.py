"""What the compiled metrics say to made-up answers."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.compile_utils import CompileMetrics

from vgg_lesson.diagnosis.batches import as_fed
from vgg_lesson.diagnosis.configuration import ROWS, first_line, made_up_answers
from vgg_lesson.diagnosis.subject import Subject


@dataclass(frozen=True)
class MetricFacts:
    """A compiled metric's value for made-up answers: all right, all wrong, and without information."""

    name: str
    error: str
    right: float
    wrong: float
    uninformed: float


def metric_facts(subject: Subject, takes_logits: bool) -> tuple[MetricFacts, ...]:
    """Ask each compiled metric about made-up answers to real labels."""
    compiled = subject.model._compile_metrics
    if compiled is None or subject.units < 2:
        return ()
    rng = np.random.default_rng(subject.seed)
    _, labels = subject.training_part()
    rows = rng.permutation(len(labels))[: 8 * ROWS]
    answers = made_up_answers(labels, rows, subject.units, rng)
    given, found = tf.constant(as_fed(labels.given[rows])), []
    for metric in _flat(compiled._user_metrics) + _flat(compiled._user_weighted_metrics):
        values, error, name = {}, "", str(getattr(metric, "name", getattr(metric, "__name__", metric)))
        for which in ("right", "wrong", "scattered"):
            scores = np.log(np.maximum(answers[which], 1e-7)) if takes_logits else answers[which]
            try:
                values[which] = _measure(metric, given, scores)
            except Exception as raised:
                error = first_line(raised)
                break
        if not error and any(np.ndim(v) for v in values.values()):
            continue  # a metric that gives a row of numbers is not read as an accuracy
        found.append(
            MetricFacts(name, error, *(float(values.get(which, np.nan)) for which in ("right", "wrong", "scattered")))
        )
    return tuple(found)


def _measure(metric, labels, scores):
    if isinstance(metric, keras.metrics.Metric):
        metric = type(metric).from_config(metric.get_config())
    box = CompileMetrics([metric], None)
    box.build(labels, tf.constant(scores, tf.float32))
    box.update_state(labels, tf.constant(scores, tf.float32))
    value = next(iter(box.result().values()))
    return keras.ops.convert_to_numpy(value)


def _flat(metrics) -> list:
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    flat = []
    for metric in metrics:
        flat.extend(_flat(metric) if isinstance(metric, list | tuple | dict) else [metric])
    return flat
