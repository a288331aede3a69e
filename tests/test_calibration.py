"""Calibration, temperature and selection against loops, known answers and properties."""

import math

import numpy as np
import pytest

from vgg_lesson import calibration, metrics
from vgg_lesson.outputs import Outputs


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def honest(seed, images=4000, classes=10, sharpness=2.0):
    """Logits and labels drawn from exactly their softmax: a perfectly calibrated network."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(images, classes))
    labels = (softmax(logits).cumsum(axis=1) < rng.random((images, 1))).sum(axis=1).clip(0, classes - 1)
    return logits, labels


@pytest.mark.parametrize("bins", [1, 10, np.int64(15)])
def test_reliability_by_loop(bins):
    logits, labels = honest(0, 500)
    outputs = softmax(logits)
    found = calibration.reliability(outputs, labels, bins)
    error = 0.0
    for place in range(bins):
        low, high = found.edges[place], found.edges[place + 1]
        rows = [i for i in range(500) if low < outputs[i].max() <= high]
        assert found.images[place] == len(rows)
        if rows:
            confidence = sum(outputs[i].max() for i in rows) / len(rows)
            accuracy = sum(outputs[i].argmax() == labels[i] for i in rows) / len(rows)
            assert found.confidence[place] == pytest.approx(confidence)
            assert found.accuracy[place] == pytest.approx(accuracy)
            error += len(rows) / 500 * abs(confidence - accuracy)
        else:
            assert math.isnan(found.accuracy[place])
    assert found.error == pytest.approx(error)
    assert metrics.expected_calibration_error(outputs, labels, bins) == pytest.approx(error)


def test_calibration_error_by_hand():
    outputs = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    labels = np.array([0, 0, 1, 1, 0])  # at 0.9: half right; at 0.6: right
    assert calibration.expected_calibration_error(outputs, labels) == pytest.approx((4 * 0.4 + 1 * 0.4) / 5)


def test_a_confidence_on_a_limit_belongs_to_the_bin_below():
    found = calibration.reliability(np.array([[0.5, 0.5], [0.75, 0.25]]), np.array([0, 0]), bins=4)
    assert found.images.tolist() == [0, 1, 1, 0]


def test_certain_and_right_is_perfect_certain_and_wrong_is_the_worst():
    outputs, right, wrong = np.eye(3), np.arange(3), np.array([1, 2, 0])
    assert calibration.expected_calibration_error(outputs, right) == 0
    assert calibration.expected_calibration_error(outputs, wrong) == 1
    assert calibration.brier_score(outputs, right) == 0
    assert calibration.brier_score(outputs, wrong) == 2
    assert calibration.negative_log_likelihood(outputs, right) == 0
    assert calibration.negative_log_likelihood(outputs, wrong) == pytest.approx(24 * math.log(2))


def test_no_loss_is_written_without_a_minus():
    assert f"{calibration.negative_log_likelihood(np.eye(3), np.arange(3)):.3f}" == "0.000"


def test_uniform_output_costs_ln_10():
    outputs, labels = np.full((7, 10), 0.1), np.arange(7)
    assert calibration.negative_log_likelihood(outputs, labels) == pytest.approx(math.log(10))
    assert calibration.brier_score(outputs, labels) == pytest.approx(0.9)


def test_proper_scores_by_loop():
    logits, labels = honest(1, 50)
    outputs = softmax(logits)
    assert calibration.negative_log_likelihood(outputs, labels) == pytest.approx(
        -sum(math.log(outputs[i, labels[i]]) for i in range(50)) / 50
    )
    assert calibration.brier_score(outputs, labels) == pytest.approx(
        sum((outputs[i, k] - (k == labels[i])) ** 2 for i in range(50) for k in range(10)) / 50
    )


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_temperature_divides_the_logits_though_it_sees_only_probabilities(temperature):
    logits, _ = honest(2, 200, sharpness=1.0)
    assert calibration.at_temperature(softmax(logits), temperature) == pytest.approx(softmax(logits / temperature))


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.0])
def test_fitted_temperature_finds_the_planted_one(planted):
    logits, labels = honest(3)
    outputs = softmax(logits * planted)
    found = calibration.fit_temperature(outputs, labels)
    assert found == pytest.approx(planted, rel=0.05)
    around = [
        calibration.negative_log_likelihood(calibration.at_temperature(outputs, t), labels)
        for t in (0.95 * found, found, 1.05 * found)
    ]
    assert around[1] == min(around)
    if planted != 1:
        before = calibration.expected_calibration_error(outputs, labels)
        after = calibration.expected_calibration_error(calibration.at_temperature(outputs, found), labels)
        assert after < before / 2


def test_fitted_temperature_is_a_bound_when_no_finite_one_is_best():
    outputs = np.array([[0.7, 0.3], [0.4, 0.6]])
    assert calibration.fit_temperature(outputs, np.array([0, 1])) == pytest.approx(0.05)
    assert calibration.fit_temperature(outputs, np.array([1, 0])) == pytest.approx(20)


def test_temperature_changes_no_answer():
    logits, _ = honest(4, 300)
    outputs = softmax(logits)
    for temperature in (0.2, 5):
        assert (calibration.at_temperature(outputs, temperature).argmax(1) == outputs.argmax(1)).all()


def test_selection_by_loop_at_least_means_at_least():
    logits, labels = honest(5, 200)
    outputs = softmax(logits)
    threshold = float(outputs.max(axis=1)[17])
    found = calibration.select(outputs, labels, threshold)
    given = [i for i in range(200) if outputs[i].max() >= threshold]
    assert 17 in given
    assert found.answered == len(given)
    assert found.right == sum(outputs[i].argmax() == labels[i] for i in given)
    assert found.coverage == len(given) / 200
    assert found.accuracy == found.right / len(given)


def test_selection_curve_begins_with_everything_and_never_answers_more():
    logits, labels = honest(6, 500)
    curve = calibration.selection_curve(softmax(logits), labels)
    assert [s.threshold for s in curve] == [t / 100 for t in range(101)]
    assert curve[0].coverage == 1
    answered = [s.answered for s in curve]
    assert answered == sorted(answered, reverse=True)
    nothing = calibration.select(np.full((2, 2), 0.5), np.array([0, 1]), 0.6)
    assert nothing.answered == 0
    assert math.isnan(nothing.accuracy)


def test_confident_errors_are_wrong_and_sorted():
    logits, labels = honest(7, 300)
    outputs = softmax(logits)
    places = calibration.confident_errors(outputs, labels, 20)
    assert len(places) == 20
    assert (outputs.argmax(1)[places] != labels[places]).all()
    confidences = outputs.max(1)[places]
    assert (np.diff(confidences) <= 0).all()
    wrong = outputs.argmax(1) != labels
    assert confidences[-1] >= np.sort(outputs.max(1)[wrong])[-20]


def test_float16_rows_are_accepted_and_their_zeros_have_logarithms():
    outputs = np.array([[1.0, 0.0], [0.3333, 0.6667]], np.float16)
    assert np.isfinite(calibration.negative_log_likelihood(outputs, np.array([1, 0])))
    assert np.isfinite(calibration.at_temperature(outputs, 2.0)).all()


GOOD, LABELS, NAMES = np.full((3, 4), 0.25), np.array([0, 1, 3]), tuple("abcd")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: calibration.reliability(GOOD * 2, LABELS), r"row 0 is \[0.5, 0.5, 0.5, 0.5\]"),
        (lambda: calibration.brier_score(np.array([[1.5, -0.5]]), np.array([0])), "softmax output"),
        (lambda: calibration.brier_score(np.array([[np.nan, 1]]), np.array([0])), "row 0"),
        (lambda: calibration.brier_score(GOOD[0], LABELS), r"shape \(N, classes\), N at least 1, received \(4,\)"),
        (lambda: calibration.brier_score(GOOD, LABELS[:2]), "labels must be 3 class numbers"),
        (lambda: calibration.brier_score(GOOD, LABELS + 1), r"0 \.\. 3, received 1 \.\. 4"),
        (lambda: calibration.brier_score(GOOD, np.eye(4)[LABELS]), r"received \(3, 4\)"),
        (lambda: calibration.brier_score(np.array([[1.005, 0]]), np.array([0])), r"row 0 is \[1.005, 0.0\]"),
        (lambda: calibration.brier_score(GOOD[:0], LABELS[:0]), r"N at least 1, received \(0, 4\)"),
        (lambda: calibration.at_temperature([[0.5, 0.5], [3.0, -1.0]], 1), r"row 1 is \[3.0, -1.0\]"),  # logits
        (lambda: calibration.at_temperature(GOOD, 0), "temperature .* received 0"),
        (lambda: calibration.at_temperature(GOOD, math.nan), "received nan"),
        (lambda: calibration.at_temperature(GOOD[0], 2.0), r"shape \(N, classes\), received \(4,\)"),
        (lambda: calibration.confident_errors(GOOD, LABELS, -1), "count .* received -1"),
        (lambda: calibration.reliability(GOOD, LABELS, True), "bins .* received True"),
        (
            lambda: Outputs("x", GOOD, LABELS, NAMES).cell(0, 4),
            r"classes must lie in 0 \.\. 3, received 0 and 4",
        ),
        (lambda: Outputs("x", GOOD, LABELS, NAMES).cell("cat", 0), "received 'cat' and 0"),
        (lambda: calibration.select(GOOD, LABELS, 50), "threshold must lie in 0 .. 1, received 50"),
        (lambda: calibration.reliability(GOOD, LABELS, 0), "bins .* received 0"),
        (lambda: Outputs("x", GOOD, LABELS, NAMES[:3]), "4 classes but 3 names"),
        (lambda: Outputs("x", GOOD, LABELS, "abcd"), "one name a class, received the text 'abcd'"),
        (
            lambda: Outputs("x", GOOD, LABELS, NAMES, np.zeros((2, 8, 8, 3))),
            r"3 outputs but images .*\(2, 8, 8, 3",
        ),
        (lambda: Outputs("x", GOOD, LABELS, NAMES, np.zeros(3)), r"3 outputs but images of shape \(3,\)"),
    ],
)
def test_errors_say_what_was_received(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_outputs_give_what_the_functions_give():
    logits, labels = honest(8, 600)
    images = np.arange(600)[:, None, None, None] * np.ones((1, 2, 2, 3), int)
    outputs = Outputs("net", softmax(logits), labels, [str(i) for i in range(10)], images)
    assert (outputs.confusion == metrics.confusion_matrix(labels, logits.argmax(1))).all()
    assert outputs.right.mean() == metrics.accuracy(labels, outputs.predictions)
    cell = outputs.cell(2, 5)
    assert sorted(cell) == [i for i in range(600) if labels[i] == 2 and logits[i].argmax() == 5]
    assert len(cell) > 2
    assert (np.diff(outputs.confidence[cell]) <= 0).all()
    part = outputs.rows(slice(10, 20))
    assert (part.labels == labels[10:20]).all()
    assert part.images[0, 0, 0, 0] == 10
    assert outputs.at_temperature(2.0).probabilities == pytest.approx(softmax(logits / 2))
