"""The examination: static facts, a known-good network, vital signs, then trainings with one change, while the budget lasts."""

import time
from collections.abc import Callable

import keras
import numpy as np

from vgg_lesson.diagnosis import causes, cloning, confirmation, inspection, known_good, vital_signs
from vgg_lesson.diagnosis import rules_dynamic as rules
from vgg_lesson.diagnosis.laboratory import Chance, Laboratory
from vgg_lesson.diagnosis.report import Finding, Report, cause_of
from vgg_lesson.diagnosis.rules_dynamic import Suspicion
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.training_loop import update_ratio_of


def examine(model, x_train, y_train, validation_data=None, *, batch_size=32, validation_split=0.0, shuffle=True, augmentation=None,
            history=None, budget_seconds=60, seed=0, progress: Callable[[str], None] | None = None) -> Report:  # fmt: skip
    """Find out why a Keras image classifier does not learn, or that it does.

    Nothing that is given is changed: copies are trained, global random states are put back.

    Args:
        model: a compiled ``keras.Model`` with one output, fresh or trained.
        x_train: (N, ...) images, uint8 or float, as they would go to ``fit``.
        y_train: labels as the loss wants them: (N,), (N, 1) or one-hot (N, classes).
        validation_data: (images, labels), or None.
        batch_size, validation_split, shuffle: as for ``fit``.
        augmentation: function of a batch of images (or of images and labels), or a Keras layer.
        history: what ``fit`` returned, or its dictionary, when there is one.
        budget_seconds: wall time for everything.
        seed: of weights, order and draws.
        progress: called with one sentence at each step.

    Returns:
        A :class:`Report`; its cause is "undetermined" when nothing could be confirmed in time.

    Raises:
        TypeError, ValueError: arguments that ``fit`` would not take either; the message names them.
    """
    began = time.perf_counter()
    subject = Subject.of(model, x_train, y_train, validation_data, batch_size=batch_size, validation_split=validation_split,
                         shuffle=shuffle, augmentation=augmentation, history=history, seed=seed)  # fmt: skip
    if not budget_seconds > 0:
        raise ValueError(f"budget_seconds must be above 0, received {budget_seconds!r}")
    with cloning.untouched_randomness(seed):
        return _Examination(subject, began, float(budget_seconds), progress or (lambda text: None)).run()


class _Examination:
    def __init__(self, subject: Subject, began: float, budget: float, progress):
        self.subject, self.began, self.budget, self.progress = subject, began, budget, progress
        self.until = began + 0.93 * budget  # the step under way is finished after the clock
        self.seen: list[str] = []
        self.findings: list[Finding] = []
        self.signs = self.lab = None
        self.stuck: bool | None = None
        self.chance_loss = float("nan")

    def left(self) -> float:
        return self.until - time.perf_counter()

    def say(self, text: str) -> None:
        self.seen.append(text)
        self.progress(text)

    def report(self) -> Report:
        cause = cause_of(self.findings, self.stuck)
        return Report(
            cause, self.stuck, tuple(f for f in self.findings if f.cause != causes.UNDETERMINED), self.signs.layers if self.signs else (),
            tuple(self.lab.courses.values()) if self.lab else (), tuple(self.seen), self.chance_loss,
            time.perf_counter() - self.began, self.budget,
        )  # fmt: skip

    def run(self) -> Report:
        self.progress("looking at arrays, loss, output and metrics")
        subject = self.subject
        try:
            fresh = cloning.copy(subject.model, subject.images, seed=subject.seed)
        except (NotImplementedError, TypeError, ValueError) as error:
            self.say(f"the model cannot be rebuilt from its configuration, so nothing was tried: {error}")
            return self.report()
        facts = inspection.gather(subject, fresh)
        self.facts = facts
        self.findings = inspection.static_findings(subject, facts)
        self.chance_loss = facts.loss.uninformed
        self.say(f"static facts: loss of guessing {facts.loss.uninformed:.3f}, output is {facts.output.kind or 'not available'}, "
                 f"rate {facts.rate:.3g}, {facts.labels.distinct} classes, largest {facts.labels.majority:.0%}")  # fmt: skip
        if any(finding.blocks_training for finding in self.findings):
            self.say("training was not tried: what was found makes it pointless until mended")
            return self.report()
        self._known_good()
        if any(f.cause == causes.LABELS_INDEPENDENT_OF_IMAGES for f in self.findings):
            return self.report()
        self._train(fresh)
        return self.report()

    def _known_good(self) -> None:
        if self.left() < 4:
            self.say("no time for the known-good network")
            return
        self.progress("training a known-good network on the same images")
        known, _ = known_good.known_good(self.subject, time.perf_counter() + 0.3 * self.left())
        self.known = known
        self.say(f"a known-good network reaches {known.accuracy:.2f} on {known.held_out} held-out images (guessing {known.majority:.2f}) in {known.seconds:.0f} s")
        already = {finding.cause for finding in self.findings}
        imbalanced = causes.CLASS_IMBALANCE in already
        finding = None if imbalanced else rules.labels_independent(known)
        if finding is None and causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER not in already and causes.UNSHUFFLED_VALIDATION_SPLIT not in already:
            finding = rules.validation_apart(known, self.facts.labels, self.facts.order)
        if finding:
            self.findings.append(finding)
        if self.subject.augmentation is not None and known.informative and np.isfinite(known.augmented):
            self.say(f"trained on augmented images it reaches {known.augmented:.2f}")

    def _train(self, fresh) -> None:
        subject, facts = self.subject, self.facts
        chance = Chance.of(subject, facts.loss)
        self.signs = signs = vital_signs.network_signs(subject, fresh, 128)
        self.say(f"fresh network: signal shrinks to {signs.shrinkage:.2g} from first to last hidden layer, logits differ by {signs.logit_spread:.2g} "
                 f"between images, loss {signs.loss:.3g}, at most {signs.zero_units:.0%} zero units in a layer")  # fmt: skip
        if not all(layer.finite for layer in signs.layers):
            self.say("the fresh network gives NaN or infinity")
        if self._given_has_learned(fresh, chance):
            return
        strip = tuple(layer.name for layer in signs.layers if layer.acts_in_training_only)
        statistics = facts.images.mean, np.maximum(facts.images.std, 1e-12)
        self.lab = lab = Laboratory(subject, chance, strip=strip, statistics=statistics, until=self.until, report=self.progress)
        penalised = signs.penalty > chance.loss or _decay(subject) > 0.02
        start = lab.trainer(confirmation.CONTROL).start(confirmation.CONTROL).state[0]
        first = lab.train(confirmation.CONTROL, 2)
        unreachable = lab.trainer(confirmation.CONTROL).unreachable
        update = update_ratio_of(lab.trainer(confirmation.CONTROL).model, start, first)
        if unreachable and len(unreachable) == len(lab.trainer(confirmation.CONTROL).model.trainable_variables):
            self.findings.insert(0, inspection.rules.nothing_trainable(facts.trainable, len(unreachable), facts.frozen_kernels))
            self.stuck = True
            return
        course = confirmation.control(lab, least=150 if penalised else 60, share=0.45)
        learned = chance.learned(course)
        self.say(f"untouched control: loss {course.last_loss():.3f}, accuracy {course.last_accuracy():.2f} after {course.steps} steps "
                 f"of {course.batch} (guessing {chance.loss:.3f}, {chance.majority:.2f}); first update {update:.2g} of the weights")  # fmt: skip
        suspicions = self._suspicions(signs, chance, update, strip, unreachable)
        if learned:
            self.stuck = False
            self._after_learning(lab, course, suspicions)
            return
        if {causes.CLASS_IMBALANCE, causes.UNSHUFFLED_VALIDATION_SPLIT} & {f.cause for f in self.findings} and not subject.shuffle:
            return
        found = confirmation.confirm(lab, suspicions)
        if not found and not chance.learned(lab.courses[confirmation.CONTROL]):
            found = confirmation.explore(lab, facts.rate, suspicions)
        for tried in lab.courses.values():
            if tried.variation != confirmation.CONTROL and tried.steps:
                self.say(f"{tried.variation.name}: loss {tried.last_loss():.3f}, accuracy {tried.last_accuracy():.2f} after {tried.steps} steps")
        self.findings.extend(found)
        done = lab.courses[confirmation.CONTROL]
        if chance.learned(done) or (not found and chance.moving(done)):
            self.stuck = False
        elif found or done.steps >= confirmation.STEPS or confirmation.collapsed(done) or not np.isfinite(done.loss[-1]):
            self.stuck = True

    def _suspicions(self, signs, chance, update, strip, unreachable) -> list[Suspicion]:
        subject, facts = self.subject, self.facts
        zero = all(not np.any(w) for w in (v.numpy() for v in subject.model.trainable_weights if len(v.shape) >= 2)) and signs.loss == signs.loss
        dead = rules.dead_relus(signs, zero)
        scaled = rules.inputs_not_scaled(signs, facts.images.root_mean_square)
        found = [
            scaled,
            self._augmentation(strip),
            dead,
            rules.initialisation_too_large(signs, chance),
            None if dead else rules.initialisation_too_small(signs),
            rules.batchnorm_unusual(subject.model, cloning.leaves(subject.model)),
            rules.frozen_weights(facts.frozen_kernels, facts.kernels, unreachable),
            rules.regularisation_too_strong(signs, chance, _decay(subject), strip),
            rules.learning_rate_too_high(update, facts.rate),
            rules.learning_rate_too_low(update, facts.rate),
        ]
        return [suspicion for suspicion in found if suspicion]

    def _augmentation(self, strip) -> Suspicion | None:
        if self.subject.augmentation is None:
            return None
        known = getattr(self, "known", None)
        told = f"a known-good network: {known.accuracy:.2f} on plain, {known.augmented:.2f} after training on augmented images" if known else "an augmentation is in use"
        return Suspicion(causes.AUGMENTATION_DESTROYS_IMAGES, told, "without augmentation the network learns, with it not", {"augment": False},
                         "weaker changes: small shifts and mirroring keep the class visible")  # fmt: skip

    def _given_has_learned(self, fresh, chance) -> bool:
        """Look at the weights as given: a network that answers well needs no training to be judged."""
        subject, facts = self.subject, self.facts
        iterations = int(subject.model.optimizer.iterations.numpy())
        if not facts.weights_finite:
            self.say("the given weights hold NaN or infinity: examined from fresh weights")
            return False
        if iterations == 0 and not subject.history and _looks_fresh(subject.model, fresh):
            return False
        kept = fresh.get_weights()
        fresh.set_weights(subject.model.get_weights())
        given = vital_signs.network_signs(subject, fresh, 256)
        error = np.sqrt(chance.majority * (1 - chance.majority) / 256)
        best = max(given.accuracy, given.training_accuracy)
        self.say(f"given weights ({iterations} steps): accuracy {given.accuracy:.2f} on training images, {given.training_accuracy:.2f} with batch statistics, "
                 f"at most {given.zero_units:.0%} zero units in a layer")  # fmt: skip
        learned = best > chance.majority + 6 * error
        if learned:
            self.stuck = False
            late = iterations * (1 - _momentum(fresh)) > 5
            self._statistics(fresh, chance, given.training_accuracy, given.accuracy, late or iterations == 0)
        fresh.set_weights(kept)
        return learned

    def _after_learning(self, lab, course, suspicions) -> None:
        """The control learned: is there still something that a fair comparison shows?"""
        trainer = lab.trainer(confirmation.CONTROL)
        trainer.model.set_weights(course.state[0])
        if _norms(trainer.model):
            signs = vital_signs.network_signs(self.subject, trainer.model, 256)
            self._statistics(trainer.model, lab.chance, signs.training_accuracy, signs.accuracy, False)
        scaled = next((s for s in suspicions if s.cause == causes.INPUTS_NOT_SCALED), None)
        if scaled and not self.findings and self.left() > 5:
            other = lab.train(rules.variation_of(scaled), max(course.steps, 60), stop_when_learned=False)
            images = other.window() * other.batch
            if other.last_accuracy() - course.last_accuracy() > max(0.08, 4 * np.sqrt(0.5 / images)) and other.last_loss() < course.last_loss():
                self.findings.append(Finding(
                    scaled.cause, scaled.measured, scaled.threshold, scaled.remedy,
                    excluded=f"it learns a little ({course.last_accuracy():.2f}), with scaled inputs more ({other.last_accuracy():.2f}) in as many steps",
                ))  # fmt: skip

    def _statistics(self, model, chance, batch_accuracy, inference_accuracy, settled: bool) -> None:
        if not _norms(model):
            return
        momentum = _momentum(model)
        steps = 0.0 if settled else 3 * self.subject.training_count / self.subject.batch_size
        mended = vital_signs.accuracy_with_new_statistics(self.subject, model)
        finding = rules.stale_statistics(1.0 if settled else momentum, steps, batch_accuracy, inference_accuracy, mended, 256, chance.majority)
        if finding:
            self.findings.append(finding)


def _norms(model) -> list:
    return [layer for layer in cloning.leaves(model) if isinstance(layer, keras.layers.BatchNormalization)]


def _momentum(model) -> float:
    """The largest momentum among the batch normalisations; 1 for one that is frozen among trainable layers."""
    return max((1.0 if not layer.trainable and model.trainable_weights else layer.momentum for layer in _norms(model)), default=0.0)


def _decay(subject: Subject) -> float:
    return float(getattr(subject.model.optimizer, "weight_decay", None) or 0.0)


def _looks_fresh(model, fresh) -> bool:
    """Every kernel has the spread of a fresh draw within 1%: nothing was trained or loaded."""
    for given, drawn in zip(model.weights, fresh.weights, strict=True):
        a, b = given.numpy(), drawn.numpy()
        if a.ndim == 1 and not np.allclose(a, b):
            return False
        if a.ndim >= 2 and a.size > 1000 and abs(a.std() - b.std()) > (0.02 + 3 / np.sqrt(a.size)) * max(b.std(), 1e-12):
            return False
    return True
