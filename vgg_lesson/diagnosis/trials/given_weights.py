"""The weights as they were given: have they learned, do they learn, and do batch norm's stored statistics fit them?"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import tensorflow as tf

from vgg_lesson.baselines import majority_share
from vgg_lesson.diagnosis.facts import vital_signs
from vgg_lesson.diagnosis.facts.answers import answered, share_right
from vgg_lesson.diagnosis.facts.batches import as_fed, prepared
from vgg_lesson.diagnosis.facts.chance import Chance
from vgg_lesson.diagnosis.facts.gathered import Facts
from vgg_lesson.diagnosis.facts.guessing import GIVEN_ERRORS, limit
from vgg_lesson.diagnosis.facts.loss_and_output import loss_function
from vgg_lesson.diagnosis.facts.statistics_signs import accuracy_with_new_statistics, norms
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.rules import rules_learned, rules_weights
from vgg_lesson.diagnosis.subject import Labels, Subject
from vgg_lesson.diagnosis.trials.confirmation import CONTROL, STEPS
from vgg_lesson.diagnosis.trials.laboratory import Laboratory
from vgg_lesson.diagnosis.variation import Course, Variation
from vgg_lesson.optimizers.unwrapped import unwrapped

IMAGES = 256
"""Images that the given weights answer, where there are so many: an accuracy of 0.1 is good to 0.02."""
KNOW = 512
"""Images that they answer before labels are said to be independent of images."""
SPREAD_ERRORS = 5
"""The spreads of two draws of n numbers differ by 1 / sqrt(n), the standard error: so many of these are no luck."""
SETTLED = 5
"""Times that the stored statistics were renewed, after which they no longer show where they started (e**-5)."""
SPLIT = 2048
"""Images, of which three quarters train a network and the rest are held out from it."""
EPOCHS = 3
"""Epochs within which the stored statistics must follow."""
CLEARLY, PERMUTED = 0.25, 20
"""The loss tells, too, when so much of it goes once every answer has its own image again, after so many permutations:
with 95% in one class no accuracy is far above guessing."""
GIVEN, GIVEN_SHARE = Variation("untouched control from the given weights"), 0.45
"""A training that starts from them, and its share of the time left."""
LOOK, LOOK_SHARE = 60, 0.2
"""Steps, and share of the time left, after which it goes on only if the loss has fallen below guessing: after a
failed training it mostly does not, and the changes need the time."""


@dataclass(frozen=True)
class Given:
    """What the weights as given show.

    Attributes:
        learned: they answer better than guessing, by accuracy or loss, so no training is needed to judge the network.
        stuck: they are not finite, or no fresh draws and know nothing all the same.
        frozen, statistics: findings about frozen kernels and about batch norm's stored statistics, or None.
    """

    learned: bool = False
    stuck: bool = False
    frozen: Finding | None = None
    statistics: Finding | None = None


def look_at_given(subject: Subject, facts: Facts, fresh, chance: Chance, say) -> Given:
    """Look at the weights as given, if they are not fresh draws.

    Args:
        fresh: a copy of ours with fresh weights; they are put back.
        say: told what was seen.
    """
    iterations = int(subject.model.optimizer.iterations.numpy())
    if not facts.weights_finite:
        say("the given weights hold NaN or infinity: examined from fresh weights")
        return Given(stuck=True)
    untouched = iterations == 0 and looks_fresh(subject.model, fresh)
    if untouched and not subject.history and not facts.random_kernels:
        return Given()
    kept = fresh.get_weights()
    fresh.set_weights(subject.model.get_weights())
    given = vital_signs.network_signs(subject, fresh, IMAGES)
    best, images = max(given.accuracy, given.training_accuracy), looked_at(subject)
    needed = limit(chance.majority, images, GIVEN_ERRORS)
    say(
        f"given weights ({iterations} steps): accuracy {given.accuracy:.2f} on training images, "
        f"{given.training_accuracy:.2f} with batch statistics, "
        f"at most {given.silent_units:.0%} silent units in a layer"
    )
    learned, frozen, statistics = bool(best > needed), None, None
    if not learned and _loss_tells(subject, fresh, chance):
        learned = True
        say("given to one another's images, their answers have a far larger loss: they tell the classes apart")
    if not learned:
        frozen = rules_weights.frozen_at_random(
            facts.frozen_kernels, facts.kernels, facts.random_kernels, best, chance.majority, images
        )
    else:
        settled = iterations == 0 or iterations * (1 - momentum(fresh)) > SETTLED
        statistics = stale_statistics(subject, fresh, chance, given, settled)
    fresh.set_weights(kept)
    return Given(learned, not untouched and not learned, frozen, statistics)


def _loss_tells(subject: Subject, model, chance: Chance) -> bool:
    """Whether the answers go with their labels: given to one another's images, they have a far larger loss.

    Answers that are the same for all images have the same loss then, whatever the loss and the classes' shares.
    ``model`` is a copy of ours that holds the weights to judge.
    """
    rows, rng, kept = subject.sample(IMAGES), np.random.default_rng(subject.seed), model.get_weights()
    images, labels = prepared(subject, rows), tf.constant(as_fed(subject.labels.given[rows]))
    for mode in (False, True) if norms(model) else (False,):
        answers = answered(model, images, mode)
        model.set_weights(kept)  # batch norm's moving statistics moved
        ask = partial(loss_function(subject.model), labels)
        mixed = [float(ask(tf.constant(rng.permutation(answers)))) for _ in range(PERMUTED)]
        gap = float(np.mean(mixed)) - float(ask(tf.constant(answers)))
        if gap > max(GIVEN_ERRORS * float(np.std(mixed)), CLEARLY * (float(np.mean(mixed)) - chance.right)):
            return True
    return False


def go_on(lab: Laboratory, steps: int, say, share: float = GIVEN_SHARE) -> Course:
    """Train the weights as they were given, up to ``steps`` steps in all."""
    weights, seconds = lab.subject.model.get_weights(), share * lab.seconds_left()
    course = lab.train(GIVEN, steps, seconds=seconds, weights=weights)
    say(
        f"{GIVEN.name}: loss {course.last_loss():.3f}, accuracy {course.last_accuracy():.2f} after {course.steps} steps"
    )
    return course


def go_on_while_it_falls(lab: Laboratory, say) -> Course:
    """Train the weights as they were given, for as long as a change gets, if a first look shows progress."""
    course = go_on(lab, lab.whole(LOOK), say, LOOK_SHARE)
    if lab.chance.leaving(course) and not lab.chance.learned(course):
        course = go_on(lab, lab.whole(STEPS), say)
    return course


def frozen_kernels_see(subject: Subject, facts: Facts, until: float, say) -> bool:
    """Whether a network on frozen kernels that were trained elsewhere learns what images held out from it show.

    Such kernels may see what a small network does not find in so few images. False where there are none.
    """
    if facts.frozen_kernels <= facts.random_kernels:
        return False
    order, labels = np.random.default_rng(subject.seed).permutation(subject.training_count)[:SPLIT], subject.labels
    held, rest = np.split(order, [len(order) // 4])
    part = Labels(labels.given[rest], labels.classes[rest], labels.one_hot)
    part = replace(subject, images=subject.images[rest], labels=part, validation=None, validation_split=0.0)
    lab = Laboratory(part, Chance.of(part, facts.loss), until=until)
    course, model = lab.train(CONTROL, lab.whole(STEPS)), lab.trainer(CONTROL).model
    model.set_weights(course.state[0])
    share = share_right(answered(model, prepared(subject, held)), labels.classes[held])
    guessing = majority_share(labels.classes[held])
    say(
        f"on its frozen kernels the network reaches {share:.2f} on {len(held)} held-out images (guessing "
        f"{guessing:.2f}) after {course.steps} steps"
    )
    return share > limit(guessing, len(held))


def given_know(subject: Subject, facts: Facts, fresh, say) -> bool:
    """Whether the weights as given answer far better than guessing: then the known-good network was a poor judge.

    Images that they were not trained on are asked, where there are any.
    """
    part = subject.validation_part()
    if not facts.weights_finite or looks_fresh(subject.model, fresh):
        return False
    if part is None:
        rows = subject.sample(KNOW)
        images, classes = prepared(subject, rows), subject.labels.classes[rows]
    else:
        rows = np.random.default_rng(subject.seed).permutation(len(part[0]))[:KNOW]
        images, classes = part[0][rows], part[1][rows]
    share = vital_signs.given_accuracy(subject, fresh, images, classes)
    guessing = majority_share(classes)
    if share <= limit(guessing, len(classes), GIVEN_ERRORS):
        return False
    say(
        f"the weights as given reach {share:.2f} on {'training' if part is None else 'validation'} images "
        f"(guessing {guessing:.2f}), so the known-good network does not decide"
    )
    return True


def stale_statistics(subject: Subject, model, chance: Chance, signs, settled: bool) -> Finding | None:
    """Judge batch norm's stored statistics.

    Args:
        model: a copy of ours with the weights to judge. signs: its :class:`facts.vital_signs.NetworkSigns`.
        settled: trained for so long that the statistics would have followed.
    """
    if not norms(model):
        return None
    steps = 0.0 if settled else EPOCHS * subject.training_count / subject.batch_size
    mended = accuracy_with_new_statistics(subject, model)
    inertia = 1.0 if settled else momentum(model)
    return rules_learned.stale_statistics(
        momentum=inertia,
        steps_in_three_epochs=steps,
        batch_accuracy=signs.training_accuracy,
        inference_accuracy=signs.accuracy,
        mended=mended,
        images=looked_at(subject),
        majority=chance.majority,
    )


def looked_at(subject: Subject) -> int:
    """How many images the given weights answer."""
    return min(IMAGES, subject.training_count)


def momentum(model) -> float:
    """The largest momentum among the batch normalisations; 1 for one that is frozen among trainable layers."""
    return max(
        (1.0 if not layer.trainable and model.trainable_weights else layer.momentum for layer in norms(model)),
        default=0.0,
    )


def decay(subject: Subject) -> float:
    return float(getattr(unwrapped(subject.model.optimizer), "weight_decay", None) or 0.0)


def looks_fresh(model, fresh) -> bool:
    """Constant vectors are as drawn, everything else spreads as a fresh draw does: nothing was trained or loaded."""
    for given, drawn in zip(model.weights, fresh.weights, strict=True):
        a, b = given.numpy(), drawn.numpy()
        # An LSTM's bias is of zeros and ones; any other that is not all the same was drawn.
        if a.ndim == 1 and (np.isin(b, (0, 1)).all() or (b.size > 1 and not np.ptp(b))):
            if not np.allclose(a, b):
                return False
        elif a.size > SPREAD_ERRORS**2 and abs(a.std() - b.std()) > (0.02 + SPREAD_ERRORS / np.sqrt(a.size)) * max(
            b.std(), 1e-12
        ):
            return False
    return True
