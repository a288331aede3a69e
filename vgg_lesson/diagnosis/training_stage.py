"""The part of an examination that trains: the untouched control first, then one change after the other."""

import numpy as np

from vgg_lesson.diagnosis import causes, cloning, configuration, confirmation, rules_learned, rules_weights, vital_signs
from vgg_lesson.diagnosis import suspicions as rules
from vgg_lesson.diagnosis.confirmation import STEPS
from vgg_lesson.diagnosis.given_weights import decay, given_has_learned, judge_statistics, norms
from vgg_lesson.diagnosis.laboratory import LOSS_GAIN, Chance, Laboratory, difference
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.suspicions import Suspicion
from vgg_lesson.diagnosis.variation import update_ratio_of

COMMON = (causes.LEARNING_RATE_TOO_HIGH, causes.REGULARISATION_TOO_STRONG, causes.AUGMENTATION_DESTROYS_IMAGES)
"""Suspicions that healthy networks raise as well: the control is watched longer before they are followed."""

COMPARED, ACCURACY_GAIN = 150, 0.04
"""Steps of a comparison of two networks that both learn, and the accuracy that one must gain by a change."""


def run(exam, fresh) -> None:
    subject, facts = exam.subject, exam.facts
    chance = Chance.of(subject, facts.loss)
    exam.fresh_weights = fresh.get_weights()
    exam.signs = signs = vital_signs.network_signs(subject, fresh, 128)
    exam.say(
        f"fresh network: signal behind the last hidden layer {signs.shrinkage:.2g} times that behind the first, "
        f"logits differ by {signs.logit_spread:.2g} "
        f"between images, loss {signs.loss:.3g}, at most {signs.zero_units:.0%} zero units in a layer"
    )
    if not all(layer.finite for layer in signs.layers):
        exam.say("the fresh network gives NaN or infinity")
    if given_has_learned(exam, fresh, chance):
        return
    if exam.findings and exam.findings[0].cause == causes.FROZEN_WEIGHTS:
        return
    strip = tuple(layer.name for layer in signs.layers if layer.acts_in_training_only)
    statistics = facts.images.mean, np.maximum(facts.images.std, 1e-12)
    exam.lab = lab = Laboratory(
        subject, chance, strip=strip, statistics=statistics, until=exam.until, report=exam.progress
    )
    penalised = signs.penalty > chance.loss or decay(subject) > 0.02
    start = lab.trainer(confirmation.CONTROL).start(confirmation.CONTROL).state[0]
    first = lab.train(confirmation.CONTROL, 1)
    unreachable = lab.trainer(confirmation.CONTROL).unreachable
    update = update_ratio_of(lab.trainer(confirmation.CONTROL).model, start, first)
    if unreachable and len(unreachable) == len(lab.trainer(confirmation.CONTROL).model.trainable_variables):
        exam.findings.insert(
            0, rules_weights.nothing_trainable(facts.trainable, len(unreachable), facts.frozen_kernels)
        )
        exam.stuck = True
        return
    suspicions = suspicions_of(exam, signs, chance, update, strip, unreachable)
    telling = [s for s in suspicions if s.cause not in COMMON] or signs.penalty > 3 * chance.loss
    course = confirmation.control(lab, least=150 if penalised else 60, most=60 if telling else STEPS, share=0.45)
    exam.say(
        f"untouched control: loss {course.last_loss():.3f}, accuracy {course.last_accuracy():.2f} after "
        f"{course.steps} steps "
        f"of {course.batch} (guessing {chance.loss:.3f}, {chance.majority:.2f}); first update "
        f"{update:.2g} of the weights"
    )
    if chance.learned(course):
        _after_learning(exam, lab, course, suspicions)
        return
    if {causes.CLASS_IMBALANCE, causes.UNSHUFFLED_VALIDATION_SPLIT} & {
        f.cause for f in exam.findings
    } and not subject.shuffle:
        return
    found = confirmation.confirm(lab, suspicions)
    if not found:  # what was suspected did not hold: the control gets its full time before anything is tried on a guess
        lab.train(confirmation.CONTROL, STEPS, seconds=0.4 * lab.seconds_left())
    if not found and not chance.learned(lab.courses[confirmation.CONTROL]):
        found = confirmation.explore(lab, facts.rate, update, suspicions)
    for tried in lab.courses.values():
        if tried.variation != confirmation.CONTROL and tried.steps:
            exam.say(
                f"{tried.variation.name}: loss {tried.last_loss():.3f}, accuracy "
                f"{tried.last_accuracy():.2f} after {tried.steps} steps"
            )
    exam.findings.extend(found)
    done = lab.courses[confirmation.CONTROL]
    if chance.learned(done):
        _after_learning(exam, lab, done, suspicions)
    elif not found and chance.moving(done):
        exam.stuck = False
    elif found or done.steps >= confirmation.STEPS or confirmation.collapsed(done) or not np.isfinite(done.loss[-1]):
        exam.stuck = True


def suspicions_of(exam, signs, chance, update, strip, unreachable) -> list[Suspicion]:
    subject, facts = exam.subject, exam.facts
    zero = not any(np.any(w) for w in exam.fresh_weights if w.ndim >= 2)
    dead = rules.dead_relus(signs, zero)
    constrained = sum(weight.constraint is not None for weight in subject.model.trainable_variables)
    scaled = rules.inputs_not_scaled(signs, facts.images.root_mean_square)
    found = [
        scaled,
        _augmentation(exam),
        dead,
        rules.initialisation_too_large(signs, chance),
        None if dead else rules.initialisation_too_small(signs),
        rules.batchnorm_unusual(subject.model, cloning.leaves(subject.model)),
        rules.frozen_weights(facts.frozen_kernels, facts.kernels, unreachable),
        rules.regularisation_too_strong(signs, chance, decay(subject), strip, constrained),
        rules.learning_rate_too_high(update, facts.rate),
        rules.learning_rate_too_low(update, facts.rate),
        rules.learning_rate_fades(configuration.rates(subject.model.optimizer)),
    ]
    return [suspicion for suspicion in found if suspicion]


def _augmentation(exam) -> Suspicion | None:
    if exam.subject.augmentation is None:
        return None
    known = exam.known
    told = (
        f"a known-good network: {known.accuracy:.2f} on plain, {known.augmented:.2f} after training on augmented images"
        if known
        else "an augmentation is in use"
    )
    return Suspicion(
        causes.AUGMENTATION_DESTROYS_IMAGES,
        told,
        "without augmentation the network learns, with it not",
        {"augment": False},
        "weaker changes: small shifts and mirroring keep the class visible",
    )


def _after_learning(exam, lab, course, suspicions) -> None:
    """The control learned: is there still something that a fair comparison shows?"""
    exam.stuck = False if not exam.given_stuck else None
    if exam.given_stuck:
        exam.say(
            "the given weights know nothing, though the same configuration learns from fresh ones: the "
            "draw decides, or what came before"
        )
        if not exam.facts.weights_finite:
            exam.findings.append(
                Finding(
                    causes.NON_FINITE_VALUES,
                    "the given weights hold NaN or infinity, fresh ones train",
                    "none is allowed",
                    "start anew; a smaller rate or clipped gradients if it happens again",
                )
            )
    trainer = lab.trainer(confirmation.CONTROL)
    trainer.model.set_weights(course.state[0])
    if norms(trainer.model):
        signs = vital_signs.network_signs(exam.subject, trainer.model, 256)
        judge_statistics(exam, trainer.model, lab.chance, signs.training_accuracy, signs.accuracy, False)
    hidden = rules_learned.augmentation_hides_classes(exam.known) if exam.known else None
    if hidden and not exam.findings:
        exam.findings.append(hidden)
    scaled = next((s for s in suspicions if s.cause == causes.INPUTS_NOT_SCALED), None)
    if scaled and not exam.findings and exam.left() > 5:
        _compare_scaled(exam, lab, scaled)


def _compare_scaled(exam, lab, scaled: Suspicion) -> None:
    """Inputs far from size 1 often only slow a network down: both ways for the same number of steps."""
    steps = max(COMPARED, lab.courses[confirmation.CONTROL].steps)
    share = 0.45 * exam.left()
    other = lab.train(rules.variation_of(scaled), steps, seconds=share, stop_when_learned=False)
    plain = lab.train(confirmation.CONTROL, other.steps, seconds=2 * share, stop_when_learned=False)
    steps = min(other.steps, plain.steps)
    window = min(60, steps // 2)
    losses = [np.array(course.loss[steps - window : steps]) for course in (plain, other)]
    shares = [np.mean(course.correct[steps - window : steps]) / course.batch for course in (plain, other)]
    gain, error = difference(*losses)
    gap = abs(lab.chance.loss - lab.chance.right)
    better = gain > max(4 * error, LOSS_GAIN * gap) and shares[1] - shares[0] > ACCURACY_GAIN
    exam.say(f"in {steps} steps as it is: accuracy {shares[0]:.2f}; with scaled inputs: {shares[1]:.2f}")
    if better:
        exam.findings.append(
            Finding(
                scaled.cause,
                scaled.measured,
                scaled.threshold,
                scaled.remedy,
                excluded=f"it learns a little (loss {losses[0].mean():.2f}, accuracy {shares[0]:.2f}), with scaled "
                f"inputs more ({losses[1].mean():.2f}, {shares[1]:.2f}) in {steps} steps",
            )
        )
