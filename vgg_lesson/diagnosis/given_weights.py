"""The weights as they were given: have they learned, and do batch norm's stored statistics fit them?"""

import keras
import numpy as np

from vgg_lesson.diagnosis import cloning, rules_learned, rules_weights, vital_signs
from vgg_lesson.diagnosis.statistics_signs import accuracy_with_new_statistics
from vgg_lesson.diagnosis.subject import Subject


def given_has_learned(exam, fresh, chance) -> bool:
    """Look at the weights as given: a network that answers well needs no training to be judged."""
    subject, facts = exam.subject, exam.facts
    iterations = int(subject.model.optimizer.iterations.numpy())
    if not facts.weights_finite:
        exam.say("the given weights hold NaN or infinity: examined from fresh weights")
        exam.given_stuck = True
        return False
    if iterations == 0 and not subject.history and not facts.random_kernels and looks_fresh(subject.model, fresh):
        return False
    kept = fresh.get_weights()
    fresh.set_weights(subject.model.get_weights())
    given = vital_signs.network_signs(subject, fresh, 256)
    error = np.sqrt(chance.majority * (1 - chance.majority) / 256)
    best = max(given.accuracy, given.training_accuracy)
    exam.say(
        f"given weights ({iterations} steps): accuracy {given.accuracy:.2f} on training images, "
        f"{given.training_accuracy:.2f} with batch statistics, "
        f"at most {given.zero_units:.0%} zero units in a layer"
    )
    frozen = rules_weights.frozen_at_random(
        facts.frozen_kernels, facts.kernels, facts.random_kernels, best, chance.majority, error
    )
    if frozen:
        exam.findings.insert(0, frozen)
    exam.given_stuck = iterations > 0 and best <= chance.majority + 6 * error
    learned = best > chance.majority + 6 * error
    if learned:
        exam.stuck = False
        late = iterations * (1 - momentum(fresh)) > 5
        judge_statistics(exam, fresh, chance, given.training_accuracy, given.accuracy, late or iterations == 0)
    fresh.set_weights(kept)
    return learned


def judge_statistics(exam, model, chance, batch_accuracy, inference_accuracy, settled: bool) -> None:
    if not norms(model):
        return
    stored = momentum(model)
    steps = 0.0 if settled else 3 * exam.subject.training_count / exam.subject.batch_size
    mended = accuracy_with_new_statistics(exam.subject, model)
    finding = rules_learned.stale_statistics(
        1.0 if settled else stored, steps, batch_accuracy, inference_accuracy, mended, 256, chance.majority
    )
    if finding:
        exam.findings.append(finding)


def norms(model) -> list:
    return [layer for layer in cloning.leaves(model) if isinstance(layer, keras.layers.BatchNormalization)]


def momentum(model) -> float:
    """The largest momentum among the batch normalisations; 1 for one that is frozen among trainable layers."""
    return max(
        (1.0 if not layer.trainable and model.trainable_weights else layer.momentum for layer in norms(model)),
        default=0.0,
    )


def decay(subject: Subject) -> float:
    return float(getattr(subject.model.optimizer, "weight_decay", None) or 0.0)


def looks_fresh(model, fresh) -> bool:
    """Every kernel has the spread of a fresh draw within 1%: nothing was trained or loaded."""
    for given, drawn in zip(model.weights, fresh.weights, strict=True):
        a, b = given.numpy(), drawn.numpy()
        if a.ndim == 1 and not np.allclose(a, b):
            return False
        if (
            a.ndim >= 2
            and a.size > 1000
            and abs(a.std() - b.std()) > (0.02 + 3 / np.sqrt(a.size)) * max(b.std(), 1e-12)
        ):
            return False
    return True
