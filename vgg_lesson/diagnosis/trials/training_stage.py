"""The part of an examination that trains: the untouched control first, then one change after the other."""

import numpy as np

from vgg_lesson.diagnosis import causes, cloning
from vgg_lesson.diagnosis.facts import vital_signs
from vgg_lesson.diagnosis.facts.carried_over import nothing_carried_over
from vgg_lesson.diagnosis.facts.chance import LOSS_GAIN, Chance, difference
from vgg_lesson.diagnosis.facts.guessing import STANDARD_ERRORS
from vgg_lesson.diagnosis.facts.statistics_signs import norms
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.rules import rules_learned, rules_weights
from vgg_lesson.diagnosis.rules import suspicions as rules
from vgg_lesson.diagnosis.rules import suspicions_batch as batch_rules
from vgg_lesson.diagnosis.rules.suspicion import Suspicion, variation_of
from vgg_lesson.diagnosis.trials import confirmation, given_weights
from vgg_lesson.diagnosis.trials.confirmation import CONTROL, SHORTEST, STEPS
from vgg_lesson.diagnosis.trials.given_weights import Given, decay, look_at_given, stale_statistics
from vgg_lesson.diagnosis.trials.laboratory import Laboratory
from vgg_lesson.diagnosis.trials.last_look import last_look, too_little
from vgg_lesson.diagnosis.variation import Course, update_ratio_of

COMMON = (causes.LEARNING_RATE_TOO_HIGH, causes.REGULARISATION_TOO_STRONG, causes.AUGMENTATION_DESTROYS_IMAGES)
"""Suspicions that healthy networks raise as well: the control is watched longer before they are followed."""

COMPARED, ACCURACY_GAIN = 150, 0.04
"""Steps of a comparison of two networks that both learn, and the accuracy that one must gain by a change."""
COMPARISON_WINDOW, COMPARISON_SECONDS = 60, 5
"""Last steps that are compared (1,920 images in batches of 32), and seconds below which no comparison is begun."""
IMAGES = 128
"""Images that the fresh network's signs are measured on: an accuracy of 0.1 is good to 0.03."""
WATCHED, WATCHED_PENALISED = 60, 150
"""Steps that a control is trained at least: a learned network shows by then, the work of a penalty takes longer."""
OVERWHELMING = 3
"""A penalty of so many losses of guessing is followed at once, without a long look at the control."""
PATIENCE = 3
"""Weights that were given and know nothing are trained for so many times the steps in which fresh ones learned."""
CONTROL_SHARE, SECOND_SHARE, COMPARISON_SHARE = 0.45, 0.4, 0.45
"""Of the time left: for the control (changes need the rest), its full time later, each side of a comparison."""


def run(exam, fresh) -> bool | None:
    """Find causes by training; they go to ``exam.findings``. Returns whether the given configuration is stuck.

    Args:
        exam: the :class:`examine.Examination`; its signs and its laboratory are set here.
        fresh: a copy of the subject's model with fresh weights.
    """
    subject, facts = exam.subject, exam.facts
    chance = Chance.of(subject, facts.loss)
    exam.signs = signs = vital_signs.network_signs(subject, fresh, IMAGES)
    exam.say(
        f"fresh network: signal behind the last hidden layer {signs.shrinkage:.2g} times that behind the first, "
        f"logits differ by {signs.logit_spread:.2g} "
        f"between images, loss {signs.loss:.3g}, at most {signs.silent_units:.0%} silent units in a layer"
    )
    if not all(layer.finite for layer in signs.layers):
        exam.say("the fresh network gives NaN or infinity")
    given = look_at_given(subject, facts, fresh, chance, exam.say)
    exam.findings[:0] = [given.frozen] if given.frozen else []
    exam.findings += [given.statistics] if given.statistics else []
    if given.learned:
        return False
    if exam.findings and exam.findings[0].cause == causes.FROZEN_WEIGHTS:
        return None
    exam.lab = lab = Laboratory.of(subject, chance, signs, facts.images, until=exam.until, report=exam.progress)
    trainer = lab.trainer(CONTROL)
    start = trainer.start(CONTROL).state[0]
    first = lab.train(CONTROL, 1)
    update = update_ratio_of(trainer.model, start, first.state[0], first.steps)
    unreachable = trainer.unreachable
    if unreachable and len(unreachable) == len(trainer.model.trainable_variables):
        exam.findings.insert(
            0, rules_weights.nothing_trainable(facts.trainable, len(unreachable), facts.frozen_kernels)
        )
        return True
    if unreachable:
        exam.say(f"no gradient reaches {len(unreachable)} trainable array(s), {unreachable[0]} the first")
    suspicions = suspicions_of(exam, fresh, chance, update, unreachable)
    return _train(exam, given, update, suspicions)


def _train(exam, given: Given, update: float, suspicions: list[Suspicion]) -> bool | None:
    """Train the control, then change after change; returns as :func:`run`."""
    subject, lab, penalty = exam.subject, exam.lab, exam.signs.penalty
    chance = lab.chance
    penalised = penalty > chance.loss or decay(subject) > rules.STRONG_DECAY
    telling = [s for s in suspicions if s.cause not in COMMON] or penalty > OVERWHELMING * chance.loss
    course = confirmation.control(
        lab,
        least=WATCHED_PENALISED if penalised else WATCHED,
        most=WATCHED if telling else STEPS,
        share=CONTROL_SHARE,
    )
    exam.say(
        f"untouched control: loss {course.last_loss():.3f}, accuracy {course.last_accuracy():.2f} after "
        f"{course.steps} steps "
        f"of {course.batch} (guessing {chance.loss:.3f}, {chance.majority:.2f}); first update "
        f"{update:.2g} of the weights"
    )
    if chance.learned(course):
        return _after_learning(exam, given, course, suspicions)
    explained = {causes.CLASS_IMBALANCE, causes.UNSHUFFLED_VALIDATION_SPLIT} & {f.cause for f in exam.findings}
    if explained and not subject.shuffle:
        return None
    moving = False
    if given.stuck and exam.facts.weights_finite:  # a new head on loaded weights: fresh ones are beside the question
        going_on = given_weights.go_on_while_it_falls(lab, exam.say)
        if chance.learned(going_on):
            return False
        if moving := chance.moving(going_on):
            suspicions = [s for s in suspicions if not confirmation.changes_the_start(variation_of(s))]
    found = confirmation.confirm(lab, suspicions)
    if not found and not moving:  # what was suspected did not hold: the control gets its full time before any guess
        lab.train(CONTROL, lab.whole(STEPS), seconds=SECOND_SHARE * lab.seconds_left())
        if not chance.learned(lab.courses[CONTROL]):
            found = confirmation.explore(lab, exam.facts.rate, update, suspicions, exam.facts.rates)
    for tried in lab.courses.values():
        if tried.variation not in (CONTROL, given_weights.GIVEN) and tried.steps:
            exam.say(
                f"{tried.variation.name}: loss {tried.last_loss():.3f}, accuracy "
                f"{tried.last_accuracy():.2f} after {tried.steps} steps"
            )
    for variation, why in lab.refused.items():
        exam.say(f"{variation.name}: not tried: {why}")
    exam.findings.extend(found)
    done = lab.courses[CONTROL]
    if chance.learned(done):
        return _after_learning(exam, given, done, suspicions)
    if not found and moving:
        return False
    if not found and chance.moving(done):
        if given.stuck:
            return _given_learn_nothing(exam, done)
        _behind(exam, done, suspicions)
        return False
    over = done.steps >= lab.whole(STEPS) or confirmation.collapsed(done) or not np.isfinite(done.loss[-1])
    if over and not exam.findings:
        exam.findings += last_look(exam)
    return True if found or over else None


def suspicions_of(exam, fresh, chance: Chance, update: float, unreachable) -> list[Suspicion]:
    """What the vital signs point to, most telling first."""
    subject, facts, signs = exam.subject, exam.facts, exam.signs
    zero = not any(np.any(weight) for weight in fresh.get_weights() if weight.ndim >= 2)
    dead = rules.dead_relus(signs, zero)
    constrained = sum(weight.constraint is not None for weight in subject.model.trainable_variables)
    found = [
        rules.inputs_not_scaled(signs),
        None if subject.augmentation is None else rules_learned.augmentation_destroys(exam.known),
        dead,
        rules.initialisation_too_large(signs, chance),
        None if dead else rules.initialisation_too_small(signs),
        rules.batchnorm_unusual(cloning.leaves(subject.model)),
        batch_rules.lonely_normalisation(cloning.leaves(fresh), subject.step_images),
        batch_rules.gradients_gathered(subject.model.optimizer, subject.batch_size, subject.training_count),
        rules.frozen_weights(facts.frozen_kernels, facts.kernels, unreachable),
        rules.regularisation_too_strong(signs, chance, decay(subject), exam.lab.strip, constrained),
        rules.learning_rate_too_high(update, facts.rate, facts.rates),
        rules.learning_rate_too_low(update, facts.rate, facts.rates, (chance.loss, facts.labels.entropy)),
        rules.learning_rate_fades(facts.rates),
    ]
    return [suspicion for suspicion in found if suspicion]


def _behind(exam, course: Course, suspicions: list[Suspicion]) -> None:
    """Tell that the control learns less than the known-good network, and why, where that can be seen."""
    if not (exam.known and (slower := rules_learned.behind(exam.known, course))):
        return
    exam.say(slower)
    if uncounted := rules_weights.weights_uncounted(exam.facts.uncounted):
        exam.say(f"{uncounted.measured}; {uncounted.threshold}")
    if not exam.findings:
        exam.findings += too_little(exam, course, suspicions, slower.partition("; ")[0])


def _after_learning(exam, given: Given, course: Course, suspicions: list[Suspicion]) -> bool | None:
    """The control learned: is there still something that a fair comparison shows? Returns as :func:`run`."""
    stuck = _given_learn_nothing(exam, course) if given.stuck else False
    model = exam.lab.trainer(CONTROL).model
    model.set_weights(course.state[0])
    if norms(model):
        signs = vital_signs.network_signs(exam.subject, model, given_weights.IMAGES)
        stale = stale_statistics(exam.subject, model, exam.lab.chance, signs, False)
        exam.findings += [stale] if stale else []
    hidden = rules_learned.augmentation_hides_classes(exam.known) if exam.known else None
    _behind(exam, course, suspicions)
    if exam.known and (by_heart := nothing_carried_over(exam.subject, model, course, exam.known)):
        exam.say(by_heart)
    if hidden and not exam.findings:
        exam.findings.append(hidden)
    scaled = next((s for s in suspicions if s.cause == causes.INPUTS_NOT_SCALED), None)
    if scaled and not exam.findings and exam.left() > COMPARISON_SECONDS:
        _compare_scaled(exam, scaled)
    return stuck


def _given_learn_nothing(exam, course: Course) -> bool | None:
    """Fresh weights learn and the given ones know nothing: do these learn as well? Returns as :func:`run`."""
    if not exam.facts.weights_finite:
        exam.findings.append(
            Finding(
                causes.NON_FINITE_VALUES,
                "the given weights hold NaN or infinity, fresh ones train",
                "none is allowed",
                "start anew; a smaller rate or clipped gradients if it happens again",
            )
        )
    elif exam.left() > SHORTEST and exam.lab.chance.learned(
        given_weights.go_on(exam.lab, PATIENCE * course.steps, exam.say)
    ):
        return False
    exam.say(
        "the given weights know nothing, though the same configuration learns from fresh ones: the "
        "draw decides, or what came before"
    )
    return None


def _compare_scaled(exam, scaled: Suspicion) -> None:
    """Inputs far from size 1 often only slow a network down: both ways for the same number of steps."""
    lab = exam.lab
    steps = max(COMPARED, lab.courses[CONTROL].steps)
    share = COMPARISON_SHARE * exam.left()
    other = lab.train(variation_of(scaled), steps, seconds=share, stop_when_learned=False)
    plain = lab.train(CONTROL, other.steps, seconds=2 * share, stop_when_learned=False)
    steps = min(other.steps, plain.steps)
    window = min(COMPARISON_WINDOW, steps // 2)
    losses = [np.array(course.loss[steps - window : steps]) for course in (plain, other)]
    shares = [np.mean(course.correct[steps - window : steps]) / course.batch for course in (plain, other)]
    gain, error = difference(*losses)
    gap = abs(lab.chance.loss - lab.chance.right)
    better = gain > max(STANDARD_ERRORS * error, LOSS_GAIN * gap) and shares[1] - shares[0] > ACCURACY_GAIN
    exam.say(f"in {steps} steps as it is: accuracy {shares[0]:.2f}; with scaled inputs: {shares[1]:.2f}")
    if better:
        exam.findings.append(
            Finding(
                scaled.cause,
                scaled.measured,
                scaled.threshold,
                scaled.remedy,
                tried=f"it learns a little (loss {losses[0].mean():.2f}, accuracy {shares[0]:.2f}), with scaled "
                f"inputs more ({losses[1].mean():.2f}, {shares[1]:.2f}) in {steps} steps",
            )
        )
