"""Remedies: what to change for each cause, smallest change first, tried from fresh weights over seeds."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np

from vgg_lesson.diagnosis import arguments, causes, cloning
from vgg_lesson.diagnosis.causes import MEANINGS
from vgg_lesson.diagnosis.facts import vital_signs
from vgg_lesson.diagnosis.facts.array_facts import fitting, image_facts
from vgg_lesson.diagnosis.facts.batches import prepared
from vgg_lesson.diagnosis.facts.chance import Chance, collapsed
from vgg_lesson.diagnosis.facts.gathered import IMAGES
from vgg_lesson.diagnosis.facts.guessing import limit
from vgg_lesson.diagnosis.facts.loss_and_output import loss_facts
from vgg_lesson.diagnosis.prescription import Prescription
from vgg_lesson.diagnosis.report import Report
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.laboratory import Laboratory
from vgg_lesson.diagnosis.variation import Course, Trial, Variation
from vgg_lesson.random_states import untouched_randomness

RATE_DOWN = Variation("rate x 0.1", rate=0.1)
RATE_FAR_DOWN = Variation("rate x 0.001", rate=0.001)
RATE_UP = Variation("rate x 10", rate=10.0)
RATE_FAR_UP = Variation("rate x 10,000", rate=10_000.0)
HE = Variation("He initialisation", he=True)
HE_AND_RATE = Variation("He initialisation, rate x 0.1", he=True, rate=0.1)
BATCH_NORM = Variation("batch normalisation", batch_norm=True)

REMEDIES: dict[str, tuple[Variation, ...]] = {
    causes.LEARNING_RATE_TOO_HIGH: (RATE_DOWN, RATE_FAR_DOWN, HE_AND_RATE, BATCH_NORM),
    causes.LEARNING_RATE_TOO_LOW: (RATE_UP, RATE_FAR_UP),
    causes.INITIALISATION_TOO_SMALL: (HE, RATE_DOWN, HE_AND_RATE, BATCH_NORM),
    causes.INITIALISATION_TOO_LARGE: (RATE_DOWN, HE),
    causes.DEAD_RELUS: (Variation("biases at zero", zero_biases=True), HE),
    causes.INPUTS_NOT_SCALED: (Variation("scaled inputs", scale_inputs=True),),
    causes.REGULARISATION_TOO_STRONG: (Variation("no regularisation", strip=True),),
    causes.AUGMENTATION_DESTROYS_IMAGES: (Variation("no augmentation", augment=False),),
    causes.FROZEN_WEIGHTS: (Variation("all weights trainable", unfreeze=True),),
    causes.BATCHNORM_STATISTICS: (Variation("batch normalisation with Keras's defaults", batchnorm_defaults=True),),
}
"""Cause -> changes to try, smallest first. Other causes lie in the arrays or the output: they are mended, not tried."""


def plan_for(report: Report) -> tuple[Variation, ...]:
    """Changes to try for a report: what proved each finding, then the usual ones, without repeats."""
    if any(f.cause == causes.LEARNING_RATE_TOO_LOW and f.blocks_training for f in report.findings):
        return ()  # a rate of 0 has no multiples, and no other change trains anything
    plan: dict[tuple, Variation] = {}
    for finding in report.findings:
        for variation in (finding.proof, *REMEDIES.get(finding.cause, ())):
            if variation is not None:
                plan.setdefault(_key(variation), variation)
    return tuple(sorted(plan.values(), key=_size))


def by_hand(report: Report) -> tuple[str, ...]:
    """What to mend where no training can show a remedy: a sentence for each finding; without, what the report says."""
    if report.findings:
        return tuple(f"{f.cause}: {f.remedy or MEANINGS[f.cause]}" for f in report.findings)
    return f"{report.cause}: {MEANINGS[report.cause]}", *(report.seen if report.cause == causes.UNDETERMINED else ())


def _key(variation: Variation) -> tuple:
    return tuple(sorted(asdict(replace(variation, name="")).items()))


def _size(variation: Variation) -> int:
    """A rate or start values are smaller changes than another architecture; two changes are larger than one."""
    rate = (variation.rate != 1) + variation.hold_rate
    small = rate + variation.he + variation.zero_biases + variation.scale_inputs + (not variation.augment)
    return small + 2 * (variation.strip + variation.unfreeze + variation.batchnorm_defaults) + 3 * variation.batch_norm


def prescribe(
    report: Report,
    model,
    x_train,
    y_train,
    validation_data=None,
    *,
    seeds: int = 2,
    steps: int = 150,
    budget_seconds: float = 120,
    remedies: tuple[Variation, ...] | None = None,
    progress: Callable[[str], None] | None = None,
    seed: int = 0,
    **options,
) -> Prescription:
    """Try the remedies for a report's causes from fresh weights, beside an untouched control.

    Args:
        report: from ``examine``; its findings choose the remedies.
        model, x_train, y_train, validation_data, options: as for ``examine``; nothing is changed.
        seeds: trainings of each, from different start weights.
        steps: longest training.
        budget_seconds: wall time for everything; what does not fit is marked as not tried, or not to the end.
        remedies: other changes to try instead of those of the causes.
        progress: called with one sentence at each step.

    Returns:
        A :class:`Prescription`. Where no remedy can be tried by training, because the arrays or the output must
        be mended, or nothing was found, it has no trials, and its text says what to do by hand.

    Raises:
        TypeError, ValueError: an argument that ``examine`` would not take either, another report than its own, or
            remedies that are none; the message names it.
    """
    began, budget_seconds = time.perf_counter(), arguments.seconds(budget_seconds)
    if not isinstance(report, Report):
        raise TypeError(f"report must be what examine returned, received {type(report).__name__}")
    seeds, steps = arguments.whole(seeds, "seeds", 1), arguments.whole(steps, "steps", 1)
    say = arguments.function(progress, "progress", "one sentence") or (lambda text: None)
    chosen = plan_for(report) if remedies is None else _variations(remedies)
    subject = Subject.of(model, x_train, y_train, validation_data, seed=seed, **options)
    if not chosen:
        return Prescription((), report.chance_loss, float("nan"), 0.0, by_hand(report))
    chance = Chance.of(subject, loss_facts(subject))
    with untouched_randomness(seed, alone=False):
        try:
            fresh = cloning.copy(subject.model, subject.images, seed=seed)
        except cloning.NO_COPY as error:  # told, not raised, as by examine
            no_copy = f"no copy of the model can be made, so no change was tried: {error}"
            return Prescription(
                (), chance.loss, chance.majority, time.perf_counter() - began, (no_copy, *by_hand(report))
            )
        signs = vital_signs.network_signs(subject, fresh, 64)
        images = image_facts(prepared(subject, subject.sample(fitting(subject.images, IMAGES))))
        lab = Laboratory.of(subject, chance, signs, images, until=began + budget_seconds, report=say)
        plan = (Variation(), *chosen)
        trials, shares = [], []  # how often the control is right at inference, for each seed, where it learns
        for number, variation in enumerate(plan):
            courses = _courses(lab, variation, seeds, steps, len(plan) - number, bool(shares))
            if not number and courses and all(map(chance.learned, courses)):
                _courses(lab, variation, seeds, steps, len(plan), True)  # it goes on: all get the same steps
                steps, shares = min(c.steps for c in courses), [lab.accuracy(c) for c in courses]
            trials.append(_trial(lab, variation, courses, shares, steps))
    return Prescription(tuple(trials), chance.loss, chance.majority, time.perf_counter() - began)


def _variations(given) -> tuple[Variation, ...]:
    allowed = "remedies must be a tuple of Variation, at least one, or None"
    if not isinstance(given, tuple | list) or not all(isinstance(each, Variation) for each in given):
        raise TypeError(f"{allowed}, received {given!r:.80}")
    if not given:
        raise ValueError(f"{allowed}, received an empty {type(given).__name__}")
    return tuple(given)


def _courses(lab: Laboratory, variation: Variation, seeds: int, steps: int, waiting: int, compared: bool) -> list:
    """A training for each seed, while there is time; ``waiting``: changes that share it. Comparisons take all steps."""
    courses = []
    for draw in range(seeds):
        if lab.seconds_left() < 2:
            break
        share = lab.seconds_left() / (waiting * seeds - draw)
        course = lab.train(replace(variation, seed=draw), steps, seconds=share, stop_when_learned=not compared)
        if not course.steps:
            break
        courses.append(course)
    return courses


def _trial(lab: Laboratory, variation: Variation, courses: list[Course], control: list[float], steps: int) -> Trial:
    """Judge the trainings of one change.

    Args:
        control: accuracies at inference that it is compared with, if any.
        steps: how many a training without success must have for its failure to count.
    """
    learned, accuracy = [lab.chance.learned(c) for c in courses], [c.last_accuracy() for c in courses]
    if control:
        accuracy = [lab.accuracy(c) for c in courses]
        learned = [True] * len(courses)  # of the control: it had learned, or there would be no comparison
    if control and variation != Variation():
        pairs = zip(accuracy, control, strict=False)  # without time, a change has fewer seeds
        learned = [mine > limit(max(other, lab.chance.majority), lab.asked) for mine, other in pairs]
    ended = [c.steps >= steps or not np.isfinite(c.loss[-1]) or collapsed(c) for c in courses]
    cut_short = [not (good or end) for good, end in zip(learned, ended, strict=True)]
    obstacle = lab.refused.get(replace(variation, seed=0), Trial.obstacle)
    if any(cut_short):
        obstacle += f" after {min(c.steps for c in courses)} of {steps} steps"
    return Trial(
        variation.name,
        tuple(learned),
        tuple(c.last_loss() for c in courses),
        tuple(accuracy),
        tuple(c.steps for c in courses),
        tuple(courses),
        obstacle,
        bool(control),
        tuple(cut_short),
    )
