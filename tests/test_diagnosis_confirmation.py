"""What counts as a proof: scripted trainings, no network."""

from dataclasses import replace

import numpy as np
import pytest

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.facts.array_facts import OrderFacts
from vgg_lesson.diagnosis.facts.chance import Chance
from vgg_lesson.diagnosis.facts.known_good import KnownGood, Validation
from vgg_lesson.diagnosis.facts.mendings import SCALED, gain, mendings, relaid
from vgg_lesson.diagnosis.facts.vital_signs import InputSigns, LayerSigns, NetworkSigns
from vgg_lesson.diagnosis.rules import rules_learned, suspicions
from vgg_lesson.diagnosis.rules.suspicion import Suspicion, variation_of
from vgg_lesson.diagnosis.trials import confirmation
from vgg_lesson.diagnosis.variation import Course, Variation

FAINT = causes.INITIALISATION_TOO_SMALL
HE = Suspicion(causes.INITIALISATION_TOO_LARGE, "", "", {"he": True}, "")
SLOW = Suspicion(causes.LEARNING_RATE_TOO_HIGH, "", "", {"rate": 0.1}, "")


class ScriptedLaboratory:
    """Answers for :class:`Laboratory`: ``learns(variation)`` is the step at which a training has learned, or None."""

    chance = Chance(np.log(10), 0.0, 0.1)

    def __init__(self, learns, plateau=2.303):
        self.learns, self.plateau, self.courses = learns, plateau, {}
        self.train(confirmation.CONTROL, 60)

    def seconds_left(self):
        return 1e6

    def whole(self, steps):
        return steps

    def learned(self, variation):
        return self.chance.learned(self.courses[variation])

    def train(self, variation, steps, **options):
        course = self.courses.setdefault(variation, Course(variation, 32))
        when = self.learns(variation)
        while course.steps < steps and not (when is not None and course.steps >= max(30, when + 10)):
            knows = when is not None and course.steps >= when - 10
            course.loss.append(1.5 if knows else self.plateau if course.steps >= 10 else 2.303)
            course.correct.append(16 if knows else 3)
            course.spread.append(1.0)
        return course


def test_a_change_that_cures_beside_two_controls_is_a_finding():
    lab = ScriptedLaboratory(lambda variation: 40 if variation.he else None)
    (finding,) = confirmation.confirm(lab, [HE])
    assert finding.cause == HE.cause
    assert lab.courses[replace(confirmation.CONTROL, name="untouched control, seed 1", seed=1)].steps >= 90


@pytest.mark.parametrize(
    "learns",
    [
        lambda v: 40 if v.he else 90,  # the control only needs a little longer
        lambda v: 40 if v.he or v.seed else None,  # the change is no change: another draw does the same
        lambda v: None,
    ],
)
def test_luck_and_patience_are_no_findings(learns):
    assert confirmation.confirm(ScriptedLaboratory(learns), [HE]) == []


@pytest.mark.parametrize(("another_draw", "proven"), [(40, False), (50, False), (110, True)])
def test_a_second_control_that_learns_must_be_twice_as_slow_as_the_same_draw_with_the_change(another_draw, proven):
    def learns(variation):
        return 40 if variation.scale_inputs else another_draw if variation.seed else None

    scaled = Suspicion(causes.INPUTS_NOT_SCALED, "", "", {"scale_inputs": True}, "")
    assert bool(confirmation.confirm(ScriptedLaboratory(learns), [scaled])) == proven


@pytest.mark.parametrize("suspicion", [SLOW, HE])
def test_a_control_that_moves_slowly_is_not_cured_by_a_rate_or_a_start(suspicion):
    def learns(variation):
        return 40 if variation.rate < 1 or variation.he else None

    assert confirmation.confirm(ScriptedLaboratory(learns), [suspicion])
    assert confirmation.confirm(ScriptedLaboratory(learns, plateau=2.2), [suspicion]) == []


def test_a_faint_signal_that_he_does_not_cure_is_tried_with_batch_norm():
    faint = Suspicion(causes.INITIALISATION_TOO_SMALL, "", "", {"he": True}, "")
    lab = ScriptedLaboratory(lambda variation: 40 if variation.batch_norm else None)
    assert confirmation.confirm(lab, [faint]) == []
    (finding,) = confirmation.explore(lab, 1e-3, 1e-3, [faint])
    assert finding.cause == causes.INITIALISATION_TOO_SMALL and finding.proof.batch_norm


@pytest.mark.parametrize(("update", "first"), [(1.5, SLOW.cause), (0.3, FAINT), (0.05, FAINT)])
def test_steps_as_large_as_the_weights_come_before_a_somewhat_faint_signal(update, first):
    faint = suspicions.initialisation_too_small(replace(signs(2.3), shrinkage=0.06))
    fast = suspicions.learning_rate_too_high(update, 0.1)
    lab = ScriptedLaboratory(lambda variation: 40 if variation.he and variation.rate < 1 else None)
    found = confirmation.confirm(lab, [faint, fast])
    assert {finding.cause for finding in found} == {faint.cause, fast.cause} and found[0].cause == first


@pytest.mark.parametrize("gone", [{"shrinkage": 1e-9}, {"shrinkage": 5.0, "logit_spread": 1e-9}])
@pytest.mark.parametrize("update", [0.006, 1.5])
def test_a_signal_that_is_gone_comes_before_any_rate(gone, update):
    faint = suspicions.initialisation_too_small(replace(signs(2.3), **gone))
    lab = ScriptedLaboratory(lambda variation: 40 if variation.he and variation.rate < 1 else None)
    assert confirmation.confirm(lab, [faint, suspicions.learning_rate_too_high(update, 0.1)])[0].cause == faint.cause


def test_what_cures_alone_comes_before_what_only_helps():
    faint = suspicions.initialisation_too_small(replace(signs(2.3), shrinkage=0.06))
    lab = ScriptedLaboratory(lambda variation: 40 if variation.he else None)
    fast = suspicions.learning_rate_too_high(1.5, 0.1)
    slow = variation_of(fast)
    for variation, start, end in ((slow, 1e-5, 1e-3), (confirmation.CONTROL, 1, 1e-6)):  # the signal survives
        lab.train(variation, 300).spread[:] = np.geomspace(start, end, 300)
    first, second = confirmation.confirm(lab, [faint, fast])
    assert (first.cause, second.cause) == (faint.cause, fast.cause)


def signs(first_loss):
    return NetworkSigns((), None, InputSigns(0.5, 0.4, 0.3, 0.2), 0.5, 0.5, first_loss, 0.0, 0.1, first_loss, 0.1)


@pytest.mark.parametrize(("first_loss", "suspicious"), [(7.0, False), (14.5, True), (np.nan, True)])
def test_first_losses_of_healthy_networks_are_not_suspicious(first_loss, suspicious):
    found = suspicions.initialisation_too_large(signs(first_loss), ScriptedLaboratory.chance)
    assert bool(found) == suspicious


@pytest.mark.parametrize(("update", "suspicious"), [(np.nan, False), (0.001, False), (0.02, True), (np.inf, True)])
def test_updates_of_kernels_at_zero_are_not_judged(update, suspicious):
    assert bool(suspicions.learning_rate_too_high(update, 1e-3)) == suspicious


@pytest.mark.parametrize(
    ("size", "spread", "said"),
    [
        (0.002, 0.001, "leave one out"),
        (0.1, 0.002, "leave one out"),
        (137.0, 68.0, "divide by 255"),
        (2.5, 0.24, "take off"),
    ],
)
def test_inputs_get_the_remedy_that_fits_them(size, spread, said):
    found = replace(signs(2.3), first_input=InputSigns(size, size, spread, spread))
    assert said in suspicions.inputs_not_scaled(found).remedy


def test_inputs_of_ordinary_size_that_hardly_differ_are_not_scaled():
    centred, grey = InputSigns(1.0, 0.0, 1.0, 0.9), InputSigns(0.996, -0.996, 0.002, 0.002)
    for usual in (centred, None):
        assert suspicions.inputs_not_scaled(replace(signs(2.3), first_input=usual)) is None
    found = suspicions.inputs_not_scaled(replace(signs(2.3), first_input=grey))
    assert "differ between images by 0.002" in found.measured and "leave one out" in found.remedy


def test_no_rate_above_1_is_advised():
    assert suspicions.learning_rate_too_low(2e-7, 1e-6).remedy.startswith("learning rate")
    assert "clipnorm" in suspicions.learning_rate_too_low(2e-7, 1e-2).remedy


def test_the_remedy_for_a_schedule_names_no_rate_that_was_not_tried():
    warm_up, cosine = ({1: 1e-9, 300: 3e-7, 1000: 1e-6}, {1: 1e-6, 300: 0.9e-6, 1000: 0.5e-6})
    plain = dict.fromkeys((1, 300, 1000), 1e-6)
    said = [suspicions.learning_rate_too_low(2e-7, 1e-6, rates).remedy for rates in (warm_up, cosine, plain)]
    assert said[0].startswith("a shorter warm-up") and "3e-07 after 300" in said[0]
    assert said[1] == "10000 times the schedule's learning rate" and said[2] == "learning rate 0.01"
    for rates in (warm_up, cosine):
        assert suspicions.learning_rate_too_high(2.0, 0.1, rates).remedy == "0.001 times the schedule's learning rate"
    assert suspicions.learning_rate_too_high(2.0, 0.1, plain).remedy == "learning rate 0.0001"


@pytest.mark.parametrize(("shrinkage", "spread", "said"), [(0.88, 3e-4, "logits"), (0.01, 1e-4, "signal below")])
def test_a_faint_signal_is_judged_by_what_was_measured(shrinkage, spread, said):
    found = suspicions.initialisation_too_small(replace(signs(2.3), shrinkage=shrinkage, logit_spread=spread))
    assert found.threshold.startswith(said)


@pytest.mark.parametrize(
    ("kind", "said", "unsaid"),
    [("Dropout", "behind the last", "penalty"), ("RandomBrightness", "value_range", "dropout")],
)
def test_a_remedy_names_only_the_regularisation_that_is_there(kind, said, unsaid):
    layer = LayerSigns("some", kind, 1.0, 1.0, np.nan, True, None, False, True)
    given = replace(signs(2.3), layers=(layer,), penalty=0.0)
    found = suspicions.regularisation_too_strong(given, ScriptedLaboratory.chance, 0.0, ("some",), 0)
    assert said in found.remedy and unsaid not in found.remedy


def test_fair_is_longer_than_the_cure_took():
    lab = ScriptedLaboratory(lambda variation: None)
    assert [confirmation._fair(lab, Course(Variation(), 32, loss=[1.0] * steps)) for steps in (30, 200)] == [90, 300]


@pytest.mark.parametrize(("augmented", "hidden"), [(0.11, True), (0.34, False), (np.nan, False)])
def test_an_augmentation_is_judged_by_what_a_known_good_network_learns_from_it(augmented, hidden):
    known = KnownGood(0.36, 512, 0.12, 60, 5.0, True, augmented=augmented)
    found = rules_learned.augmentation_hides_classes(known)
    assert (found is not None and found.cause == causes.AUGMENTATION_DESTROYS_IMAGES) == hidden


@pytest.mark.parametrize(
    ("validation", "cause"),
    [
        (Validation(0.47, 512, 0.48, "mirroring them", 0.8), None),
        (Validation(0.42, 512, 0.48, "reversing their channels", 6.0), "train_validation_preprocessing_differ"),
        (Validation(0.12, 512, 0.47, SCALED), "train_validation_preprocessing_differ"),
        (Validation(0.12, 512, 0.14, "mirroring them", 1.0), "labels_independent_of_images"),
    ],
)
def test_validation_images_are_judged_by_what_a_change_gains(validation, cause):
    known = KnownGood(0.49, 512, 0.12, 160, 5.0, True, validation=validation)
    found = rules_learned.validation_apart(known, OrderFacts(0.0, 0.0, 1.0, False))
    assert (found and found.cause) == cause


@pytest.mark.parametrize(("accuracy", "accused"), [(0.38, False), (0.14, True)])
def test_validation_images_clearly_above_guessing_have_their_own_labels(accuracy, accused):
    """Copies of 500 images: held-out ones were trained on, so they are right more often than validation images."""
    known = KnownGood(1.0, 512, 0.13, 160, 5.0, True, validation=Validation(accuracy, 512, accuracy, SCALED, 0.0))
    assert bool(rules_learned.validation_apart(known, OrderFacts(0.0, 0.0, 1.0, False))) == accused


@pytest.mark.parametrize(("accuracy", "suspicious"), [(0.49, False), (0.99, True)])
def test_training_images_that_are_too_easy_may_carry_their_class(accuracy, suspicious):
    known = KnownGood(accuracy, 512, 0.12, 160, 5.0, True, validation=Validation(0.12, 512, 0.12, SCALED, 0.0))
    found = rules_learned.validation_apart(known, OrderFacts(0.0, 0.0, 1.0, False))
    assert ("a mark" in found.remedy) == suspicious


def test_gain_counts_only_images_on_which_two_answers_differ():
    before = np.array([True] * 50 + [False] * 50)
    after = np.array([True] * 50 + [True] * 16 + [False] * 34)
    assert gain(before, after) == 4.0 and gain(after, before) == -4.0
    assert gain(before, before) == 0.0


def test_a_reshape_in_place_of_a_transpose_is_undone_both_ways():
    images = np.random.default_rng(0).normal(size=(4, 6, 8, 3))
    scrambled = images.transpose(0, 3, 1, 2).reshape(4, 6, 8, 3)
    assert [np.array_equal(scrambled, new) for new in relaid(images).values()] == [True, False]
    assert [np.array_equal(images, new) for new in relaid(scrambled).values()] == [False, True]
    assert relaid(images[..., :1]) == {}


def test_every_mending_undoes_its_own_damage():
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 3)) * [1, 2, 3] + [5, 6, 7]
    plain = mendings(images)[SCALED]
    np.testing.assert_allclose(plain.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    damages = {
        "reversing their channels": images[..., ::-1],
        "inverting them": 9 - images,
        "turning them upside down": images[:, ::-1],
        "mirroring them": images[:, :, ::-1],
        "swapping rows and columns": images.transpose(0, 2, 1, 3),
        "turning them by 90 degrees": np.rot90(images, 3, (1, 2)),
        "turning them by 270 degrees": np.rot90(images, 1, (1, 2)),
    }
    for name, damaged in damages.items():
        np.testing.assert_allclose(mendings(damaged)[name], plain, atol=1e-12, err_msg=name)
    assert set(mendings(images[:, :4])) == {SCALED, *list(damages)[:4]}


def test_a_channel_that_never_changes_is_not_divided_by_its_rounding_error():
    images = np.random.default_rng(0).normal(0.5, 0.2, size=(64, 1, 1, 9)).astype(np.float32)
    images[..., 8] = 0.3
    assert all(np.abs(changed).max() < 10 for changed in mendings(images).values())
    assert mendings(images)[SCALED][0, 0, 0, 8] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(("right", "told"), [(6, True), (12, False), (0, True)])
def test_a_training_far_behind_the_known_good_network_is_told(right, told):
    course = Course(Variation(), 32, loss=[2.2] * 100, correct=[right] * 100)
    said = rules_learned.behind(KnownGood(0.35, 512, 0.11, 160, 5.0, True), course)
    assert bool(said) == told
    if told:
        assert f"accuracy {right / 32:.2f} after 3,200 images, that one 0.35 after 10,240" in said
    assert rules_learned.behind(KnownGood(0.35, 512, 0.11, 160, 5.0, None), course) is None
