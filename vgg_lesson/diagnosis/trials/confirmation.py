"""From suspicion to finding: change one thing from fresh weights, beside the untouched control."""

from dataclasses import replace

import numpy as np

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.facts import survival
from vgg_lesson.diagnosis.facts.chance import collapsed
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.rules.suspicion import Suspicion, describe, variation_of
from vgg_lesson.diagnosis.trials.laboratory import Laboratory
from vgg_lesson.diagnosis.variation import Course, Variation, rate_in_words

STEPS = 300
"""A change that has not shown in so many steps does not count as a cure."""
CONTROL = Variation()
"""No change at all."""
SHORTEST, SHORTEST_ALL = 2, 4
"""Seconds left below which no further training is begun, and not the several of all changes at once."""
FAIR, FAIR_MORE = 3, 100
"""A control gets so many times a cure's steps, at most so many more: networks differ twofold in when they learn."""
LONGER = 50
"""Steps at a time by which a control goes on while its loss seems to leave guessing."""
CURE_SHARE, LEFT_OUT_SHARE = 0.8, 0.5
"""Of the time left: for all changes that wait (controls need the rest), and for each change left out of all."""
BOTH_SHARE, HE_SHARE, SLOW_SHARE = 0.35, 0.45, 0.9
"""Of the time left, for both changes of a pair, then the first alone, then the second: a third of the whole each."""
PAIR_STEPS, PAIR_MORE = 60, 1.5
"""A change alone gets at least so many steps, or so many times those of the pair."""
MUCH_FASTER = 0.6
"""The pair in at most this share of the steps of one change: the other change matters, too."""
FURTHER, OVERWRITES = 10, 100
"""A rate so many times further beyond its limit than the signal, and so far (half of the weights a step), is first."""
NEARLY = 0.8
"""Share of its steps that a training must have done to count as given its time."""
LARGE, SMALL, TINY = 1e-3, 3e-4, 1e-4
"""Updates over weights: from the first, the rule of thumb, on lower rates are tried; below the others, 10 and 100 times
the rate."""


def control(lab: Laboratory, *, least: int, most: int = STEPS, share: float) -> Course:
    """Train the untouched control until it learned, collapsed, did ``most`` steps, or used its share of the time.

    A control that learns early is watched for ``least`` steps: a penalty takes its time.
    """
    least, most = lab.whole(least), lab.whole(most)
    course = lab.train(CONTROL, most, seconds=share * lab.seconds_left())
    if lab.chance.learned(course) and course.steps < least:
        lab.train(CONTROL, least, least=least, seconds=share * lab.seconds_left())
    return course


def confirm(lab: Laboratory, suspicions: list[Suspicion]) -> list[Finding]:
    """Try the change of each suspicion, most telling first, while there is time.

    Returns findings whose change made the network learn where the control, over at least as many
    steps, did not.
    """
    by_cause = {suspicion.cause: suspicion for suspicion in suspicions}
    small, fast = by_cause.get(causes.INITIALISATION_TOO_SMALL), by_cause.get(causes.LEARNING_RATE_TOO_HIGH)
    slow = by_cause.get(causes.LEARNING_RATE_TOO_LOW)
    others = [s for s in suspicions if s not in (small, fast, slow)]
    for number, suspicion in enumerate(others):
        waiting = len(others) - number + 2 * bool(small) + bool(fast) + bool(slow)
        if _cures(lab, variation_of(suspicion), waiting):
            return [finding(lab, suspicion, variation_of(suspicion))]
    if small and fast and lab.seconds_left() >= SHORTEST:
        return _signal_and_rate(lab, small, fast) or _together(lab, suspicions)
    last = [s for s in (small, fast, slow) if s]
    for number, suspicion in enumerate(last):
        if _cures(lab, variation_of(suspicion), len(last) - number):
            return [finding(lab, suspicion, variation_of(suspicion))]
    return _together(lab, suspicions)


def _cures(lab: Laboratory, variation: Variation, waiting: int) -> bool:
    """Train a variation; True when it learns and the control, given as many steps, does not."""
    if lab.seconds_left() < SHORTEST:
        return False
    course = lab.train(variation, lab.whole(STEPS), seconds=CURE_SHARE * lab.seconds_left() / max(1, waiting))
    return lab.chance.learned(course) and _control_fails(lab, course) and _another_draw_fails(lab, course)


def _control_fails(lab: Laboratory, cure: Course) -> bool:
    """True when the control learned nothing in at least as many steps as the cure took, and it gets more.

    Where only the rate or the start weights were changed, a control that moves, slowly, does not fail either.
    """
    done = _untouched(lab, CONTROL, _fair(lab, cure))
    if _moves(lab, done, cure):
        return False
    return collapsed(done) or not np.isfinite(done.loss[-1]) or done.steps >= cure.steps


def _moves(lab: Laboratory, untouched: Course, cure: Course) -> bool:
    """True when an untouched training learned, or is on its way where only its pace or start was changed."""
    learned = lab.chance.learned(untouched) and lab.chance.fell(untouched)
    return learned or (lab.chance.moving(untouched) and (other_steps(cure) or changes_the_start(cure.variation)))


def other_steps(cure: Course) -> bool:
    """True when a step of the cure has more images, or changes the weights more often, than one of the control."""
    return cure.variation.each_step or cure.variation.larger_batches


def changes_the_start(variation: Variation) -> bool:
    """True when nothing but the rate or the start weights is changed: no proof where the untouched network moves."""
    return replace(variation, name="", rate=1.0, he=False, zero_biases=False) == Variation(name="")


def _fair(lab: Laboratory, cure: Course) -> int:
    """Steps that an untouched training gets: of at least as many images."""
    images = max(1, cure.batch // lab.subject.step_images) if cure.variation.larger_batches else 1
    steps = cure.steps * images
    return min(FAIR * steps, steps + lab.whole(FAIR_MORE))


def _untouched(lab: Laboratory, variation: Variation, steps: int) -> Course:
    """Train a control, and longer while its loss seems to leave guessing: slow is not stuck."""
    course = lab.train(variation, steps)
    while (
        lab.chance.leaving(course)
        and not (lab.chance.learned(course) or lab.chance.moving(course))
        and steps < lab.whole(STEPS)
        and lab.seconds_left() > SHORTEST
    ):
        steps += lab.whole(LONGER)
        course = lab.train(variation, steps)
    return course


def _another_draw_fails(lab: Laboratory, cure: Course) -> bool:
    """True when a second control, from other start weights, learns nothing either; without time the first one counts.

    A change that changes nothing (He weights for He weights) is a new draw, and may learn where the first did not.
    A second control that does learn leaves one way: the change, from the same start weights, is twice as fast.
    """
    if lab.seconds_left() < SHORTEST:
        return True
    second = _untouched(lab, replace(CONTROL, name="untouched control, seed 1", seed=1), _fair(lab, cure))
    if not _moves(lab, second, cure):
        return True
    if other_steps(cure):
        return False  # twice as fast proves nothing then
    changed = replace(cure.variation, name=f"{cure.variation.name}, seed 1", seed=1)
    return lab.chance.learned(lab.train(changed, second.steps // 2))


def _signal_and_rate(lab: Laboratory, small: Suspicion, fast: Suspicion) -> list[Finding]:
    """A faint signal and large steps: which of the two, or both? Both changes together, then each alone."""
    both, he, slow = variation_of(small, fast), variation_of(small), variation_of(fast)
    together = lab.train(both, lab.whole(STEPS), seconds=BOTH_SHARE * lab.seconds_left())
    if not lab.chance.learned(together):
        return []
    steps = min(lab.whole(STEPS), max(lab.whole(PAIR_STEPS), int(PAIR_MORE * together.steps)))
    lab.train(he, steps, seconds=HE_SHARE * lab.seconds_left())
    lab.train(slow, steps, seconds=SLOW_SHARE * lab.seconds_left())
    if not _control_fails(lab, together):
        return []
    he_learns, slow_learns = lab.learned(he), lab.learned(slow)
    kept, lost = lab.courses[slow].spread, lab.courses[CONTROL].spread
    survives = survival.survives(kept, lost)
    findings = []
    # A change that cures alone proves its cause; a change without which the pair does not cure, too.
    much_faster = together.steps <= MUCH_FASTER * lab.courses[slow].steps
    if he_learns or not slow_learns or much_faster:
        findings.append(finding(lab, small, he if he_learns else both))
    if slow_learns or not he_learns or survives:
        found = finding(lab, fast, slow if slow_learns or he_learns else both)
        if survives:
            found = replace(found, measured=f"{found.measured}; {survival.in_words(slow.name, kept, lost)}")
        findings.append(found)
    overwrites = fast.excess > max(OVERWRITES, FURTHER * small.excess)
    return findings[::-1] if overwrites and (slow_learns or not he_learns) else findings


def _together(lab: Laboratory, suspicions: list[Suspicion]) -> list[Finding]:
    """No single change helped: all at once, then each left out in turn."""
    if len(suspicions) < 2 or lab.seconds_left() < SHORTEST_ALL:
        return []
    everything = variation_of(*suspicions)
    if not _cures(lab, everything, 2):
        return []
    steps, findings = int(PAIR_MORE * lab.courses[everything].steps), []
    for left_out in suspicions:
        rest = [s for s in suspicions if s is not left_out]
        variation = variation_of(*rest)
        course = lab.train(variation, steps, seconds=LEFT_OUT_SHARE * lab.seconds_left())
        if course.steps >= NEARLY * steps and not lab.chance.learned(course):
            findings.append(finding(lab, left_out, everything))
    return findings


def explore(lab: Laboratory, rate: float, update: float, tried: list[Suspicion], rates=None) -> list[Finding]:
    """No suspicion held: batch norm for a faint signal, other rates as far as the first updates leave room for them.

    ``rates``: of a schedule, as :func:`variation.rate_in_words` takes them.
    """
    for faint in [s for s in tried if s.cause == causes.INITIALISATION_TOO_SMALL]:
        remedy = "batch normalisation behind every hidden layer, or ReLU in place of sigmoid, tanh or softmax"
        guess = replace(faint, change={"batch_norm": True}, remedy=remedy)
        if _cures(lab, variation_of(guess), 2):
            return [finding(lab, guess, variation_of(guess))]
    known = {tuple(sorted(s.change.items())) for s in tried}
    plan = []
    if not update < LARGE:
        plan += [(causes.LEARNING_RATE_TOO_HIGH, factor) for factor in (0.1, 0.01, 0.001)]
    # Plain SGD may need larger steps than the rule of thumb, by which the suspicion chose its factor.
    slow = [s.change["rate"] for s in tried if s.cause == causes.LEARNING_RATE_TOO_LOW and "rate" in s.change]
    plan += [(causes.LEARNING_RATE_TOO_LOW, 10 * factor) for factor in slow]
    if update < SMALL:
        plan += [(causes.LEARNING_RATE_TOO_LOW, 10.0)]
    if update < TINY:
        plan += [(causes.LEARNING_RATE_TOO_LOW, 100.0)]
    for number, (cause, factor) in enumerate(plan):
        guess = Suspicion(
            cause,
            f"learning rate {rate:.3g}; a first step changes the weights by {update:.2g} of their size",
            f"the network learns at {factor:g} times the rate",
            {"rate": factor},
            rate_in_words(rate, factor, rates),
        )
        if tuple(guess.change.items()) not in known and _cures(lab, variation_of(guess), len(plan) - number):
            return [finding(lab, guess, variation_of(guess))]
    return []


def finding(lab: Laboratory, suspicion: Suspicion, proof: Variation) -> Finding:
    """The suspicion as a finding, with the training that proved it beside the control."""
    cure, untouched = lab.courses[proof], lab.courses[CONTROL]
    return Finding(
        suspicion.cause,
        suspicion.measured,
        suspicion.threshold,
        suspicion.remedy,
        tried=(
            f"from fresh weights with {proof.name or describe(suspicion)}: loss {cure.last_loss():.2f}, "
            f"accuracy {cure.last_accuracy():.2f} "
            f"after {cure.steps} steps; the untouched control: {untouched.last_loss():.2f}, "
            f"{untouched.last_accuracy():.2f} after {untouched.steps} "
            f"(guessing: {lab.chance.loss:.2f}, {lab.chance.majority:.2f})"
        ),
        proof=proof,
    )
