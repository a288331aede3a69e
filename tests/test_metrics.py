"""Counting metrics against counting by hand, brute force, published examples and properties."""

import itertools
import math

import numpy as np
import pytest

from vgg_lesson import metrics

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
ANSWERS = np.array([0, 0, 1, 2, 1, 1, 1, 2, 2, 0])


def random_answers(seed, images=300, classes=10):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    return labels, np.where(rng.random(images) < 0.6, labels, rng.integers(0, classes, images))


def test_accuracy_by_hand():
    assert metrics.accuracy(LABELS, ANSWERS) == 0.7


def test_confusion_matrix_by_hand_rows_are_the_truth():
    assert metrics.confusion_matrix(LABELS, ANSWERS, 3).tolist() == [[2, 1, 1], [0, 3, 0], [1, 0, 2]]


@pytest.mark.parametrize("seed", range(5))
def test_confusion_matrix_by_brute_force_and_its_sums(seed):
    labels, answers = random_answers(seed)
    matrix = metrics.confusion_matrix(labels, answers)
    for true, predicted in itertools.product(range(10), repeat=2):
        counted = sum(1 for t, p in zip(labels, answers, strict=True) if (t, p) == (true, predicted))
        assert matrix[true, predicted] == counted
    assert matrix.sum() == len(labels)
    assert np.trace(matrix) / len(labels) == metrics.accuracy(labels, answers)
    assert (metrics.confusion_matrix(answers, labels) == matrix.T).all()


def test_constant_answer_fills_one_column_and_gives_chance():
    labels = np.repeat(np.arange(10), 20)
    matrix = metrics.confusion_matrix(labels, np.full(200, 3))
    assert (matrix[:, 3] == 20).all()
    assert matrix.sum() == 200
    assert metrics.accuracy(labels, np.full(200, 3)) == 0.1


def test_scores_per_class_by_hand():
    scores = metrics.per_class(metrics.confusion_matrix(LABELS, ANSWERS, 3))
    assert scores.recall == pytest.approx([2 / 4, 3 / 3, 2 / 3])
    assert scores.precision == pytest.approx([2 / 3, 3 / 4, 2 / 3])
    # Independent form: the harmonic mean of the two.
    assert scores.f1 == pytest.approx([2 / (4 / 2 + 3 / 2), 2 / (3 / 3 + 4 / 3), 2 / (3 / 2 + 3 / 2)])


def test_class_never_answered_has_no_precision_and_class_without_images_no_recall():
    scores = metrics.per_class(np.array([[5, 0, 0], [5, 0, 0], [0, 0, 0]]))
    assert math.isnan(scores.precision[1])
    assert scores.recall[1] == scores.f1[1] == 0
    assert math.isnan(scores.recall[2])
    assert math.isnan(scores.f1[2])


def test_most_confused_is_sorted_and_leaves_the_diagonal_and_zeros_out():
    matrix = np.array([[90, 3, 0], [7, 80, 1], [0, 0, 99]])
    assert metrics.most_confused(matrix) == [(1, 0, 7), (0, 1, 3), (1, 2, 1)]
    assert metrics.most_confused(matrix, 1) == [(1, 0, 7)]
    assert matrix[0, 0] == 90, "the caller's matrix is untouched"
    assert metrics.most_confused(matrix.astype(np.uint64)) == metrics.most_confused(matrix)
    assert metrics.most_confused(matrix, 0) == []


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998), Table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_gives_newcombes_published_values(correct, total, low, high):
    assert metrics.wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_solves_its_defining_equation():
    """Its ends are the accuracies from which the observed share lies exactly 1.96 standard errors away."""
    for correct, total in ((840, 1000), (3, 40), (9_990, 10_000)):
        share = correct / total
        for end in metrics.wilson_interval(correct, total):
            assert abs(share - end) / math.sqrt(end * (1 - end) / total) == pytest.approx(1.959964, rel=1e-6)


def test_wilson_interval_holds_the_truth_about_95_times_in_100():
    truth, images = 0.84, 400
    drawn = np.random.default_rng(0).binomial(images, truth, 4000)
    held = [low <= truth <= high for low, high in (metrics.wilson_interval(int(k), images) for k in drawn)]
    assert 0.94 < np.mean(held) < 0.965


def test_wilson_interval_shrinks_and_stays_inside():
    widths = [metrics.wilson_interval(images * 84 // 100, images).half_width for images in (100, 1_000, 10_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] / widths[2] == pytest.approx(10, rel=0.03)
    assert metrics.wilson_interval(10, 10).high == 1.0
    assert metrics.wilson_interval(0, 10).low == 0.0


def test_accuracy_interval_is_the_interval_of_the_counts():
    assert metrics.accuracy_interval(LABELS, ANSWERS) == metrics.wilson_interval(7, 10)


def test_images_to_tell_apart_finds_the_difference_as_often_as_promised():
    images = metrics.images_to_tell_apart(0.84, 0.85)
    assert 20_000 < images < 21_000
    rng = np.random.default_rng(1)
    first, second = (rng.binomial(images, share, 4000) / images for share in (0.84, 0.85))
    error = np.sqrt((first * (1 - first) + second * (1 - second)) / images)
    assert np.mean(np.abs(second - first) > 1.96 * error) == pytest.approx(0.8, abs=0.02)
    assert metrics.images_to_tell_apart(0.85, 0.84) == images


def test_comparison_counts_disagreements_and_its_p_value_is_the_coins():
    labels = np.zeros(20, int)
    first, second = np.zeros(20, int), np.zeros(20, int)
    first[:8] = 1  # 8 only the second gets right
    second[8:10] = 1  # 2 only the first
    found = metrics.compare(labels, first, second)
    assert (found.only_first, found.only_second) == (2, 8)
    assert found.difference == 0.3
    low, high = found.interval
    assert str(found).startswith("only the first right: 2, only the second: 8; difference +30.0 points")
    assert f"{100 * low:+.1f} to {100 * high:+.1f}" in str(found)
    heads = [sum(tosses) for tosses in itertools.product((0, 1), repeat=10)]
    assert found.p_value == pytest.approx(np.mean([h <= 2 or h >= 8 for h in heads]))


def test_comparison_interval_agrees_with_resampling_images_one_by_one():
    labels, first = random_answers(0, 500)
    second = np.where(np.random.default_rng(9).random(500) < 0.5, first, random_answers(1, 500)[1])
    found = metrics.compare(labels, first, second)
    rng, gains = np.random.default_rng(5), (second == labels).astype(int) - (first == labels)
    drawn = [gains[rng.integers(0, 500, 500)].mean() for _ in range(4000)]
    assert found.interval == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.006)
    assert found.interval.low <= found.difference <= found.interval.high


def test_comparison_is_antisymmetric_and_equal_networks_do_not_differ():
    labels, first = random_answers(2)
    second = random_answers(3)[1]
    one, other = metrics.compare(labels, first, second), metrics.compare(labels, second, first)
    assert one.difference == -other.difference
    assert one.p_value == other.p_value
    assert metrics.compare(labels, first, first).p_value == 1.0
    many = np.zeros(10_000, int)
    assert metrics.compare(many, many, many + 1).p_value == 0.0, "5,000 digits do not overflow"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.confusion_matrix([0, 10], [0, 1]), r"labels must lie in 0 \.\. 9, received 0 \.\. 10"),
        (lambda: metrics.confusion_matrix([0, 1], [0, -1]), r"predictions must lie in 0 \.\. 9, received -1"),
        (lambda: metrics.accuracy([0, 1], [0]), "2 labels but 1 predictions"),
        (lambda: metrics.accuracy([0.0, 1.0], [0, 1]), "labels must be class numbers"),
        (lambda: metrics.accuracy([0, 1], np.eye(2)), r"predictions must be class numbers.*\(2, 2\)"),
        (lambda: metrics.accuracy([], []), "labels must be class numbers"),
        (lambda: metrics.wilson_interval(5, 4), "correct=5, total=4"),
        (lambda: metrics.wilson_interval(0, 0), "total=0"),
        (lambda: metrics.wilson_interval(1, 4, 95), "level must lie between 0 and 1, received 95"),
        (lambda: metrics.images_to_tell_apart(0.5, 0.5), "two different accuracies"),
        (lambda: metrics.images_to_tell_apart(0.5, 0.6, power=1), "power must lie"),
        (lambda: metrics.images_to_tell_apart(0.5, 0.6, power=0.02), r"/ 2 = 0\.025 and 1, received 0\.02"),
        (lambda: metrics.per_class(np.ones((2, 3), int)), "square matrix"),
        (lambda: metrics.most_confused(np.ones((2, 2))), "counts"),
        (lambda: metrics.most_confused(np.eye(2, dtype=int), -1), "count must .* at least 0, received -1"),
        (lambda: metrics.per_class(np.array([[3, -1], [0, 2]])), "counts must be at least 0, received -1"),
        (lambda: metrics.wilson_interval(0.84, 100), "need counts.*correct=0.84"),
        (lambda: metrics.confusion_matrix([0], [0], 0), "classes must .* at least 1, received 0"),
        (lambda: metrics.confusion_matrix([0], [0], 10.0), "classes must .* received 10.0"),
        (lambda: metrics.compare([0, 1], [0, 1], [1, 1], repeats=0), "repeats must .* at least 1, received 0"),
    ],
)
def test_errors_say_what_was_received(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("counts", [("5", 10), (5.5, 10), (5, True)])
def test_an_interval_is_one_of_counts(counts):
    with pytest.raises(ValueError, match="need counts"):
        metrics.wilson_interval(*counts)


def test_a_level_that_is_as_good_as_1_is_refused():
    with pytest.raises(ValueError, match="level must lie between 0 and 1, received 0.99999"):
        metrics.wilson_interval(5, 10, level=1 - 1e-16)
