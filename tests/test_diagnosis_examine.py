"""The examination as a whole, on networks small enough for seconds: it names causes and leaves everything as it was."""

import html
import math
import random
import warnings
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from made_networks import Undeclared, small, stripes

from vgg_lesson.diagnosis import Report, causes, cloning, examine, prescribe
from vgg_lesson.diagnosis.callback import DiagnosisCallback, StuckTrainingWarning
from vgg_lesson.diagnosis.clinic.patient import Patient
from vgg_lesson.diagnosis.clinic.probes import INSTRUMENTS, PROBES, VITAL_SIGNS
from vgg_lesson.diagnosis.examine import Examination
from vgg_lesson.diagnosis.facts import known_good
from vgg_lesson.diagnosis.facts.answers import answered, better_share, share_right
from vgg_lesson.diagnosis.facts.carried_over import nothing_carried_over
from vgg_lesson.diagnosis.facts.chance import Chance
from vgg_lesson.diagnosis.facts.known_good import KnownGood, Validation
from vgg_lesson.diagnosis.facts.loss_and_output import loss_facts
from vgg_lesson.diagnosis.remedies import REMEDIES
from vgg_lesson.diagnosis.report import Finding, cause_of
from vgg_lesson.diagnosis.rules import rules_learned
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials import training_stage
from vgg_lesson.diagnosis.trials.given_weights import GIVEN, look_at_given
from vgg_lesson.diagnosis.variation import Course, Variation


def test_healthy_network_and_nothing_changed():
    keras.utils.set_random_seed(3)
    model, (x, y) = small(), stripes()
    before = [w.copy() for w in model.get_weights()]
    kept_x, kept_y, compiled = x.copy(), y.copy(), model.compiled
    states = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    report = examine(model, x, y, budget_seconds=120)
    assert report.cause == causes.HEALTHY and report.stuck is False and not report.findings
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(kept_x, x)
    np.testing.assert_array_equal(kept_y, y)
    assert int(model.optimizer.iterations.numpy()) == 0 and model.compiled is compiled
    assert random.getstate() == states[0] and np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    model.fit(x, y, epochs=1, verbose=0)  # still usable


def test_rate_too_low_is_named_proved_and_cured():
    x, y = stripes()
    model = small(keras.optimizers.Adam(1e-9))
    report = examine(model, x, y, budget_seconds=120)
    assert report.causes == (causes.LEARNING_RATE_TOO_LOW,) and report.stuck is True
    assert "untouched control" in report.findings[0].tried
    table = prescribe(report, model, x, y, seeds=1, steps=80)
    assert table.trials[0].remedy == "untouched control" and not any(table.trials[0].learned)
    assert table.best is not None and "rate" in table.best.remedy
    assert "did not help" in str(table) or "learns" in str(table)
    assert "<table>" in table._repr_html_()


def test_permuted_labels_are_named():
    x, y = stripes(1200)
    report = examine(small(), x, np.random.default_rng(0).permutation(y), budget_seconds=200)
    assert report.cause == causes.LABELS_INDEPENDENT_OF_IMAGES


def test_too_little_time_is_undetermined():
    x, y = stripes()
    report = examine(small(keras.optimizers.Adam(1e-9)), x, y, budget_seconds=0.01)
    assert report.cause == causes.UNDETERMINED and report.seen
    said = f"training steps. Give it budget_seconds={report.seconds_to_try}, or"
    assert report.seconds_to_try == 60 and said in str(report) and said in report._repr_html_()


@pytest.mark.parametrize(("taken", "pace", "advised"), [(57, 0.5, 180), (57, 0.1, 120), (57, 9, 480), (50, 0.5, None)])
def test_a_longer_budget_is_advised_where_the_clock_ended_it(taken, pace, advised):
    exam = Examination(None, 0.0, 60, print)
    assert exam._seconds_to_try(taken) is None
    exam.lab = SimpleNamespace(courses={n: SimpleNamespace(steps=20, seconds=20 * pace) for n in range(3)})
    assert exam._seconds_to_try(taken) == advised


def test_arguments_are_checked():
    x, y = stripes(40)
    with pytest.raises(ValueError, match="budget_seconds"):
        examine(small(), x, y, budget_seconds=0)
    with pytest.raises(ValueError, match="batch_size"):
        examine(small(), x, y, batch_size=0)
    report = Report(causes.DEAD_RELUS, True, (Finding(causes.DEAD_RELUS, "", "", ""),))
    for name, value in {"seeds": 0, "steps": 1.5, "budget_seconds": 0}.items():
        with pytest.raises(ValueError, match=f"{name} must be .*, received {value}"):
            prescribe(report, small(), x, y, **{name: value})
    with pytest.raises(TypeError, match="report must be what examine returned, received NoneType"):
        prescribe(None, small(), x, y)
    with pytest.raises(TypeError, match="further options are batch_size, .*; received batchsize"):
        prescribe(report, small(), x, y, batchsize=8)
    for given, error in (("rate", TypeError), (("rate x 0.1",), TypeError), ((), ValueError)):
        with pytest.raises(error, match="remedies must be a tuple of Variation, at least one, or None, received"):
            prescribe(report, small(), x, y, remedies=given)
    with pytest.raises(TypeError, match="model must be"):
        prescribe(Report(causes.HEALTHY, False, ()), None, x, y)


MENDED_BY_HAND = [cause for cause in causes.CAUSES if cause not in REMEDIES]


@pytest.mark.parametrize("cause", MENDED_BY_HAND)
def test_where_nothing_can_be_tried_the_prescription_says_what_to_mend(cause):
    finding = Finding(cause, "measured", "judged", "mend <it> so")
    found = () if cause in (causes.HEALTHY, causes.UNDETERMINED) else (finding,)
    report = Report(cause, None, found, seen=("the model does not accept the images",))
    table = prescribe(report, small(), *stripes(40))
    assert table.best is None and table.rows() == [] and table.trials == ()
    for text in (str(table), table._repr_html_()):
        assert "Nothing to try by training" in text and cause in text
    said = "mend <it> so" if found else causes.MEANINGS[cause]
    assert said in str(table) and html.escape(said) in table._repr_html_()
    assert (report.seen[0] in str(table)) == (cause == causes.UNDETERMINED)
    assert "Nothing to try" in table.plot().figure.axes[0].get_title("left")


def test_a_model_that_cannot_be_copied_gets_a_prescription_for_hands(monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("Own has no get_config")

    monkeypatch.setattr(cloning, "copy", refuse)
    finding = Finding(causes.LEARNING_RATE_TOO_HIGH, "measured", "judged", "a lower rate")
    table = prescribe(Report(finding.cause, True, (finding,)), small(), *stripes(40))
    assert table.trials == () and "Own has no get_config" in str(table) and "a lower rate" in str(table)


def test_copies_keep_frozen_values_and_draw_the_rest_anew():
    model = small(depth=2)
    model.layers[0].trainable = False
    x, _ = stripes(8)
    first, second = (cloning.copy(model, x, seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(first.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())
    assert not np.allclose(first.layers[1].kernel.numpy(), second.layers[1].kernel.numpy())
    again = cloning.copy(model, x, seed=1)
    np.testing.assert_array_equal(first.layers[1].kernel.numpy(), again.layers[1].kernel.numpy())
    unfrozen, drawn = (cloning.copy(model, x, seed=1, unfreeze=True, draw_all=kind) for kind in (False, True))
    assert unfrozen.layers[0].trainable and drawn.layers[0].trainable
    np.testing.assert_array_equal(unfrozen.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())
    assert not np.allclose(drawn.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())
    normalised = cloning.copy(model, x, seed=1, batch_norm=True)
    assert normalised.output_shape == model.output_shape
    assert len(cloning.layers_with_statistics(normalised)) == 2


def test_learning_is_told_from_guessing():
    chance = Chance(loss=np.log(10), right=0.01, majority=0.1)
    guessing = Course(Variation(), 32, loss=[2.30] * 40, correct=[3] * 40, spread=[0.1] * 40)
    learned = Course(Variation(), 32, loss=[2.30] * 20 + [2.0] * 20, correct=[3] * 20 + [9] * 20, spread=[0.1] * 40)
    assert chance.learned(learned) and not chance.learned(guessing)
    assert not chance.learned(Course(Variation(), 32, loss=[1.0] * 40, correct=[3] * 40, spread=[0.1] * 40))


def test_report_reads_as_text_html_and_picture():
    finding = Finding(causes.DEAD_RELUS, "97% are 0", "above 90%", "He", tried="<the control>")
    report = Report(cause_of((finding,), True), True, (finding,), seen=("one & two",))
    assert report.cause == causes.DEAD_RELUS and "97% are 0" in str(report)
    assert "&lt;the control&gt;" in report._repr_html_() and "one &amp; two" in report._repr_html_()
    assert cause_of((), False) == causes.HEALTHY and cause_of((), None) == causes.UNDETERMINED
    assert "dead relus" in report.plot().figure.axes[0].get_title() or report.plot().text


def test_long_evidence_is_printed_in_lines_between_words():
    evidence = " ".join(f"layer{number} 0.5" for number in range(40))
    report = Report(causes.HEALTHY, False, (), seen=(evidence, "short"))
    *_, first, second, third, fourth, fifth, last = str(report).splitlines()
    assert " ".join(part.strip() for part in (first, second, third, fourth, fifth)) == f"- {evidence}"
    assert max(map(len, (first, second, third, fourth, fifth))) <= 100 and last == "   - short"


def test_every_cause_has_a_meaning_and_a_docstring():
    source = Path(causes.__file__).read_text(encoding="utf-8")
    for name in causes.CAUSES:
        assert f'{name.upper()} = "{name}"\n"""' in source


def test_patient_answers_orders_once():
    x, y = stripes()
    patient = Patient(model=small(), x_train=x, y_train=y, steps=40)
    for instrument in VITAL_SIGNS.values():
        measurement = patient.take(instrument)
        assert measurement.text and patient.take(instrument) is measurement
    control = patient.take(PROBES["untouched control"])
    assert control.courses[0].steps >= 10 and control.plot().text
    assert all(instrument.seconds > 0 and instrument.question for instrument in INSTRUMENTS.values())


def test_callback_warns_once_with_the_cause():
    x, y = stripes()
    model = small(keras.optimizers.Adam(1e-9))
    watch = DiagnosisCallback(patience=20)
    with pytest.warns(StuckTrainingWarning, match="learning_rate_too_low") as seen:
        model.fit(x, y, epochs=3, verbose=0, callbacks=[watch])
    assert (
        watch.cause == causes.LEARNING_RATE_TOO_LOW
        and len([w for w in seen if w.category is StuckTrainingWarning]) == 1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", StuckTrainingWarning)
        small().fit(x, y, epochs=3, verbose=0, callbacks=[DiagnosisCallback(patience=20)])
    with pytest.raises(ValueError, match="both x_train and y_train"):
        DiagnosisCallback(x)


def test_after_a_false_alarm_the_callback_waits_longer(monkeypatch):
    keras.utils.set_random_seed(3)  # which steps are taken for stuck depends on the start weights
    looked = []

    def nothing_found(watch):
        looked.append(len(watch.losses))
        return causes.HEALTHY, ""

    monkeypatch.setattr(DiagnosisCallback, "_from_the_network", nothing_found)
    watch = DiagnosisCallback(patience=10)
    x, y = stripes(64)
    small(keras.optimizers.Adam(1e-9)).fit(x, y, batch_size=8, epochs=20, verbose=0, callbacks=[watch])
    assert watch.cause is None and looked == [10, 20, 40, 80]  # of 160 batches


def test_subject_of_keras_history():
    x, y = stripes(40)
    history = small().fit(x, y, verbose=0)
    assert "loss" in Subject.of(small(), x, y, history=history).history


def test_the_known_good_network_tells_of_validation_images_where_there_are_any():
    x, y = stripes(400)
    for validation, told in ((None, False), ((x[:100], y[:100]), True)):
        patient = Patient(model=small(), x_train=x, y_train=y, validation_data=validation)
        found = patient.take(INSTRUMENTS["known-good network"])
        assert ("On the validation images:" in found.text) == told
        assert np.isfinite(found.values["validation"]) == told


def test_a_dense_network_on_flattened_images_is_examined_like_any_other():
    x, y = stripes(1200)
    flat = np.concatenate([x.reshape(len(x), -1), np.full((len(x), 5), 0.3, np.float32)], axis=1)
    flat[-1, -1] = 1.0  # the corner pixel of a single image
    layers = [
        keras.Input((197,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(4, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    report = examine(model, flat, y, validation_data=(flat[:300], y[:300]), budget_seconds=120)
    assert report.cause == causes.HEALTHY
    known = next(line for line in report.seen if "known-good" in line)
    assert float(known.split("reaches ")[1][:4]) > 0.9


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (np.s_[:, :6, :6], ("expected axis -1 of input shape to have value 512", "(64, 288)")),
        (np.s_[..., 0], ("Expected shape (None, 8, 8, 3)", "incompatible shape (64, 8, 8)")),
    ],
)
def test_what_keras_says_about_images_that_do_not_fit_is_told(images, told):
    x, y = stripes(100)
    report = examine(small(), x[images], y, budget_seconds=30)
    assert report.cause == causes.UNDETERMINED and not report.findings
    for text in (str(report), report._repr_html_()):
        assert all(words in text for words in told) and "\x1b" not in text and "[[" not in text


def test_films_are_examined_without_the_known_good_network():
    x, y = stripes(200)
    layers = [keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")]
    model = keras.Sequential([keras.Input((2, 8, 8, 3)), *layers])
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    report = examine(model, np.stack([x, x], axis=1), y, budget_seconds=60)
    assert report.cause == causes.HEALTHY and "no known-good network" in str(report)


def test_a_watch_refuses_what_examine_would_not_take():
    with pytest.raises(TypeError, match="received 'bugdet'; allowed are x_train, .*, budget_seconds, seed, progress"):
        DiagnosisCallback(*stripes(40), bugdet=5)
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, received 0"):
        DiagnosisCallback(*stripes(40), batch_size=0)
    with pytest.raises(ValueError, match="budget_seconds must be a number above 0, received 0"):
        DiagnosisCallback(*stripes(40), budget_seconds=0)
    with pytest.raises(ValueError, match=r"tolerance must lie in \[0, 1\), received 2"):
        DiagnosisCallback(tolerance=2)
    with pytest.raises(TypeError, match=r"tolerance must lie in \[0, 1\), received '2%'"):
        DiagnosisCallback(tolerance="2%")


def test_a_diagnosis_that_fails_warns_and_the_training_goes_on():
    x, y = stripes()
    watch = DiagnosisCallback(x, y[:10], patience=20)
    with pytest.warns(StuckTrainingWarning, match="failed: ValueError: x_train and y_train must be equally long"):
        history = small(keras.optimizers.Adam(1e-9)).fit(x, y, epochs=2, verbose=0, callbacks=[watch])
    assert len(history.history["loss"]) == 2 and watch.cause == causes.UNDETERMINED


def test_a_watch_warns_in_every_fit_anew():
    x, y = stripes()
    watch, model = DiagnosisCallback(patience=20), small(keras.optimizers.Adam(1e-9))
    for _ in range(2):
        with pytest.warns(StuckTrainingWarning, match="learning_rate_too_low"):
            model.fit(x, y, epochs=2, verbose=0, callbacks=[watch])
    small().fit(x, y, verbose=0, callbacks=[watch])
    assert watch.cause is None


def test_a_watch_knows_the_loss_of_a_short_last_batch():
    x, y = stripes(70)
    y[64:] = (y[64:] + 1) % 4  # a batch of six that is unlike the others
    model, watch = small(), DiagnosisCallback()
    model.fit(x[:64], y[:64], epochs=30, verbose=0)
    model.optimizer.learning_rate = 0.0
    true = [model.evaluate(x[rows], y[rows], verbose=0)[0] for rows in (np.s_[:32], np.s_[32:64], np.s_[64:])]
    model.fit(x, y, epochs=2, shuffle=False, verbose=0, callbacks=[watch])
    np.testing.assert_allclose(watch.losses, 2 * true, rtol=1e-3)


X, Y = stripes(40)
REFUSED = {
    "y_train must be class numbers, .*, received None": {"y_train": None},
    "y_train must be .*, received list of dtype <U3; np.unique": {"y_train": ["cat", "dog"] * 20},
    "y_train must be .*, received list": {"y_train": [[0], [1, 2]] * 20},
    "x_train must be an array of images, .*, received None": {"x_train": None},
    "x_train must be .*, received list of dtype <U3": {"x_train": ["cat"] * 40},
    "budget_seconds must be a number above 0, received '60'": {"budget_seconds": "60"},
    "seed must be a whole number of at least 0, received -1": {"seed": -1},
    "seed must be a whole number of at least 0, received 0.5": {"seed": 0.5},
    "history must be what fit returned, .*, received list": {"history": [1.0, 2.0]},
    "history must be .*, received {'loss': 1.0}": {"history": {"loss": 1.0}},
    "validation_data must be .images, labels., received ndarray": {"validation_data": X},
    "validation_data must be .images, labels., received tuple of 1 item": {"validation_data": (X,)},
    "validation_data's images must have the shape of x_train's, .8, 8, 3., received .6, 8, 3.": {
        "validation_data": (X[:, :6], Y)
    },
    "validation_data's images and validation_data's labels must be equally long": {"validation_data": (X, Y[:3])},
    "validation_data's labels must be class numbers, .*, received None": {"validation_data": (X, None)},
    "batch_size must be a whole number of at least 1, received 0": {"batch_size": 0},
    "batch_size must be a whole number of at least 1, received 2.5": {"batch_size": 2.5},
    "batch_size must be a whole number of at least 1, received None": {"batch_size": None},
    "validation_split must lie in .0, 1., received 1": {"validation_split": 1},
    "validation_split must lie in .0, 1., received '0.2'": {"validation_split": "0.2"},
    "augmentation must be a function of a batch of images or None, received str": {"augmentation": "flip"},
    "progress must be a function of one sentence or None, received int": {"progress": 1},
}


@pytest.mark.parametrize(
    ("message", "change"), list(REFUSED.items()), ids=[f"{list(c)[0]}-{n}" for n, c in enumerate(REFUSED.values())]
)
def test_a_refused_argument_is_named_with_what_it_got(message, change):
    with pytest.raises((TypeError, ValueError), match=message):
        examine(**{"model": small(), "x_train": X, "y_train": Y, **change})


def test_validation_images_of_another_size_for_a_network_that_takes_any():
    layers = [keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(4, activation="softmax")]
    model = keras.Sequential([keras.Input((None, None, 3)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    assert Subject.of(model, X, Y, (X[:, :6], Y, np.ones(40))).validation[0].shape == (40, 6, 8, 3)


def test_given_weights_that_are_not_finite_are_named_where_fresh_ones_learn():
    x, y = stripes(1200)
    model = small()
    model.layers[-1].bias.assign([np.nan, 0, 0, 0])
    report = examine(model, x, y, budget_seconds=120)
    assert report.causes == (causes.NON_FINITE_VALUES,) and report.stuck is None


def test_a_trained_network_needs_no_training_to_be_judged():
    x, y = stripes(1200)
    model = small()
    model.fit(x, y, epochs=3, verbose=0)
    report = examine(model, x, y, budget_seconds=120)
    assert report.cause == causes.HEALTHY and report.stuck is False and not report.courses
    assert any("given weights (114 steps)" in line for line in report.seen)


def for_given(value, ordinary):
    """A judgement that is ``value`` about the training of the given weights, and the ordinary one about all else."""
    return lambda chance, course: value if course.variation == GIVEN else ordinary(chance, course)


@pytest.mark.parametrize("slow", [False, True])
def test_weights_that_were_brought_along_are_judged_by_what_they_learn(monkeypatch, slow):
    """Fresh ones learn nothing here, and with He's would; under a new head the loaded ones learn."""
    x, y = stripes(1200)
    taught = small(depth=3)
    taught.fit(x, (y + 1) % 4, epochs=2, verbose=0)
    model = small(depth=3, initializer=keras.initializers.RandomNormal(stddev=1e-6))
    for own, other in zip(model.layers[:3], taught.layers[:3], strict=True):
        own.set_weights(other.get_weights())
    model.layers[-1].set_weights([np.zeros((512, 4)), np.zeros(4)])  # whatever is drawn may be right by luck
    if slow:  # as if so far the loss had only moved
        for name, value in (("learned", False), ("moving", True)):
            monkeypatch.setattr(Chance, name, for_given(value, getattr(Chance, name)))
    report = examine(model, x, y, budget_seconds=120)
    assert report.cause == causes.HEALTHY and report.stuck is False
    assert "untouched control from the given weights" in str(report)


def test_of_a_network_whose_loss_only_moves_it_is_told_how_far_the_known_good_one_came(monkeypatch):
    x, y = stripes(1200)
    for name, value in (("learned", False), ("moving", True)):
        monkeypatch.setattr(Chance, name, lambda *_, value=value: value)
    monkeypatch.setattr(rules_learned, "BEHIND", 2.0)  # whoever is not twice as good lies behind
    report = examine(small(), x, y, budget_seconds=30)
    assert report.cause == causes.HEALTHY and "less than the known-good network" in str(report)


@pytest.mark.parametrize("share", [0.1, 0.05])
def test_given_weights_that_no_accuracy_can_show_are_judged_by_their_loss(share):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (1200, 8, 8, 3)).astype(np.float32)
    hints = np.where(rng.random(1200) < share, 3.0, -4.0)
    y = (rng.random(1200) < 1 / (1 + np.exp(-hints))).astype(np.float32)[:, None]
    x[:, 0, 0, 0] = hints
    dense = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    model.compile("sgd", "binary_crossentropy")
    model.optimizer.iterations.assign(100)  # as after a training
    subject, fresh = Subject.of(model, x, y), cloning.copy(model, x, seed=0)
    facts = SimpleNamespace(weights_finite=True, kernels=1, frozen_kernels=0, random_kernels=0)
    chance = Chance.of(subject, loss_facts(subject))
    for size, learned in ((1.0, True), (0.0, False)):
        dense.set_weights([np.eye(192, 1) * size, np.array([-(1 - size) * math.log(1 / share - 1)])])
        given = look_at_given(subject, facts, fresh, chance, lambda text: None)
        assert (given.learned, given.stuck) == (learned, not learned)


def test_a_watch_is_silent_where_a_network_that_knows_its_classes_goes_on():
    x, y = stripes()
    model = small()
    model.fit(x, y, epochs=20, verbose=0)
    model.optimizer.learning_rate = 1e-9
    watch = DiagnosisCallback(patience=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StuckTrainingWarning)
        model.fit(x, y, epochs=3, verbose=0, callbacks=[watch])
    assert watch.cause is None


@pytest.mark.parametrize(
    ("units", "loss", "guessing"),
    [
        (4, "sparse_categorical_crossentropy", math.log(4)),
        (4, keras.losses.CategoricalCrossentropy(from_logits=True), math.log(4)),
        (4, "mse", 0.1875),
        (1, "binary_crossentropy", math.log(2)),
        (4, None, 0.0),
    ],
)
def test_a_watch_asks_the_loss_what_guessing_gives(units, loss, guessing):
    watch = DiagnosisCallback()
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(units)])
    model.compile("sgd", loss)
    watch.set_model(model)
    assert watch._guessing() == pytest.approx(guessing, abs=1e-3)


def told(model, x):
    """What a watch says about a training on labels that belong to other images."""
    y = np.random.default_rng(1).integers(0, 4, len(x))
    model.compile(keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy")
    with pytest.warns(StuckTrainingWarning) as seen:
        model.fit(x, y, epochs=3, verbose=0, callbacks=[DiagnosisCallback(patience=20, tolerance=0.9)])
    (message,) = [str(warning.message) for warning in seen if warning.category is StuckTrainingWarning]
    return message


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (1 / 127.5, -1.0)])
def test_a_watch_shows_a_network_that_scales_pixels_its_noise_as_pixels(scale, offset):
    rescaling = keras.layers.Rescaling(scale, offset)
    layers = small(depth=2, initializer="glorot_uniform").layers
    model = keras.Sequential([keras.Input((8, 8, 3)), rescaling, *layers])
    assert causes.INITIALISATION_TOO_SMALL not in told(model, 255 * stripes()[0])


def test_a_watch_copes_with_images_of_any_size_and_with_a_model_that_declares_none():
    layers = [keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(4, activation="softmax")]
    assert "failed" not in told(keras.Sequential([keras.Input((None, None, 3)), *layers]), stripes()[0])
    message = told(Undeclared(), stripes()[0])
    assert "failed" not in message and "no input is declared: give x_train and y_train" in message


USELESS = Variation("rate x 0.9", rate=0.9)


def upside_down(images):
    return images[:, ::-1]


def with_lagging_statistics():
    layers = [keras.layers.Flatten(), keras.layers.BatchNormalization(momentum=0.9999)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Dense(4, activation="softmax")])
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("cause", "make", "mean", "options"),
    [
        (causes.AUGMENTATION_DESTROYS_IMAGES, small, 0, {"augmentation": upside_down}),
        (causes.BATCHNORM_STATISTICS, with_lagging_statistics, 50, {}),  # far from what statistics begin with
    ],
)
def test_where_the_control_learns_a_remedy_must_answer_plain_images_better(cause, make, mean, options):
    x, y = stripes()
    report = Report(cause, False, (Finding(cause, "", "", ""),))
    remedies = (USELESS, *REMEDIES[cause])
    table = prescribe(report, make(), x + mean, y, seeds=2, steps=100, remedies=remedies, **options)
    control, useless, right = table.trials
    assert all(control.learned) and max(control.accuracy) < 0.6 < 0.8 < min(right.accuracy)
    assert control.verdict == "learns, so the accuracy at inference decides"
    assert useless.verdict == "did not help" and right.verdict == "learns better" and table.best is right


def test_a_remedy_that_the_clock_cut_short_is_not_called_useless():
    x, y = stripes()
    report = Report(causes.LEARNING_RATE_TOO_LOW, True, (Finding(causes.LEARNING_RATE_TOO_LOW, "", "", ""),))
    slow = small(keras.optimizers.Adam(1e-9))
    table = prescribe(report, slow, x, y, seeds=1, steps=10**6, budget_seconds=6, remedies=(USELESS,))
    control, useless = table.trials
    assert useless.steps[0] > 0 and useless.cut_short == (True,)
    assert useless.verdict == f"not tried to the end: the time was over after {useless.steps[0]} of 1000000 steps"
    assert control.verdict.startswith("not tried to the end") and "None that was tried helped" not in table.outcome
    table = prescribe(report, slow, x, y, seeds=1, steps=30, remedies=(USELESS,))
    assert [trial.verdict for trial in table.trials] == ["does not learn", "did not help"]


def test_at_a_rate_of_zero_nothing_is_tried():
    x, y = stripes(200)
    model = small(keras.optimizers.SGD(0.0))
    table = prescribe(examine(model, x, y, budget_seconds=20), model, x, y)
    assert table.trials == () and "start at 1e-3 for Adam, 1e-2 for SGD" in str(table)


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("permuted", [False, True])
def test_frozen_kernels_trained_elsewhere_may_see_what_a_small_network_does_not(monkeypatch, loaded, permuted):
    x, y = stripes(1200)
    model = small()
    if loaded:
        model.layers[0].kernel.assign(3 * model.layers[0].kernel.numpy())
    model.layers[0].trainable = False
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    blind = KnownGood(0.25, 300, 0.25, 160, 1.0, False, permuted=0.25)
    monkeypatch.setattr(known_good, "known_good", lambda subject, until: blind)
    report = examine(model, x, np.random.default_rng(0).permutation(y) if permuted else y, budget_seconds=120)
    cause = causes.HEALTHY if loaded and not permuted else causes.LABELS_INDEPENDENT_OF_IMAGES
    assert report.cause == cause
    assert ("on its frozen kernels the network reaches" in str(report)) == loaded


def test_a_network_that_learns_far_less_than_the_known_good_one_is_told_so(monkeypatch):
    monkeypatch.setattr(rules_learned, "BEHIND", 10.0)
    report = examine(small(), *stripes(), budget_seconds=120)
    assert report.cause == "healthy" and sum("narrow place" in line for line in report.seen) == 1


@pytest.mark.parametrize(
    ("knows", "right", "shifted", "validation", "told"),
    [
        (False, 20, 0, 0.9, True),
        (True, 30, 0, 0.9, False),  # it carries over
        (True, 30, 100, 0.9, False),  # half of it does
        (False, 9, 0, 0.9, False),  # hardly better at its own images either
        (False, 20, 0, 0.25, False),  # nobody could do better: labels of others
    ],
)
def test_what_is_learned_by_heart_only_is_told(knows, right, shifted, validation, told):
    keras.utils.set_random_seed(0)
    x, y = stripes()
    model = small()
    model.set_weights([weights if knows else np.zeros_like(weights) for weights in model.get_weights()])
    if knows:
        model.fit(x, y, epochs=8, verbose=0)
    before = model.get_weights()
    y_val = np.concatenate([(y[:shifted] + 1) % 4, y[shifted:200]])
    subject = Subject.of(model, x, y, (x[:200], y_val))
    course = Course(Variation(), 32, loss=[1.0] * 60, correct=[right] * 60)
    known = KnownGood(0.9, 512, 0.27, 160, 5.0, True, validation=Validation(validation, 200))
    said = nothing_carried_over(subject, model, course, known)
    assert bool(said) == told and (not told or f"accuracy {right / 32:.2f}, and 0." in said)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_better_share_is_that_of_the_better_statistics():
    keras.utils.set_random_seed(0)
    x, y = stripes()
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Sequential([keras.Input((8, 8, 3)), norm, *small().layers])
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=8, verbose=0)
    norm.moving_mean.assign([100.0] * 3)
    before = model.get_weights()
    assert better_share(model, x, y) > 0.8 > share_right(answered(model, x), y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_examination_tells_what_was_learned_by_heart(monkeypatch):
    monkeypatch.setattr(training_stage, "nothing_carried_over", lambda *given: f"{len(given)} by heart")
    assert "4 by heart" in examine(small(), *stripes(), budget_seconds=120).seen
