"""The checks of lesson 4: solutions pass, plausible wrong answers fail and are told what to do."""

import re

import numpy as np
import pytest
import tensorflow as tf
from lesson_sources import prose
from refused_answers import fails

from vgg_lesson import calibration
from vgg_lesson.checks import lesson4
from vgg_lesson.headline import load_headline
from vgg_lesson.metrics import expected_calibration_error
from vgg_lesson.widgets.evaluation import TEMPERATURES, THRESHOLDS


def solution(matrix, k):
    recall = matrix[k, k] / matrix[k].sum()
    answers = matrix[:, k].sum()
    return recall, matrix[k, k] / answers if answers else float("nan")


def swapped(matrix, k):
    return solution(matrix, k)[::-1]


def share_of_everything(matrix, k):
    return matrix[k, k] / matrix.sum(), matrix[k, k] / matrix.sum()


def one_against_all(matrix, k):
    right = np.trace(matrix) / matrix.sum()
    return right, right


def zero_where_undefined(matrix, k):  # almost right
    recall, precision = solution(matrix, k)
    return recall, np.nan_to_num(precision)


def divides_by_zero(matrix, k):
    return matrix[k, k] / matrix[k].sum(), int(matrix[k, k]) / int(matrix[:, k].sum())


def none_where_undefined(matrix, k):
    recall, precision = solution(matrix, k)
    return recall, None if np.isnan(precision) else precision


def in_percent(matrix, k):
    return tuple(100 * number for number in solution(matrix, k))


def normalises_in_place(matrix, k):
    result = solution(matrix, k)
    matrix[k] = 0
    return result


def test_recall_and_precision():
    lesson4.check_recall_and_precision(solution)
    lesson4.check_recall_and_precision(lambda matrix, k: list(solution(matrix, k)))
    lesson4.check_recall_and_precision(lambda matrix, k: [np.float32(number) for number in solution(matrix, k)])
    lesson4.check_recall_and_precision(lambda matrix, k: [round(number, 4) for number in solution(matrix, k)])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (swapped, "That is the precision"),
        (share_of_everything, "sum of a row"),
        (one_against_all, "sum of a row"),
        (zero_where_undefined, "0 of 0"),
        (divides_by_zero, "ZeroDivisionError"),
        (divides_by_zero, "Ask first whether the column's sum is 0"),
        (none_where_undefined, "Ask first whether the column's sum is 0"),
        (lambda matrix, k: matrix["k"], "IndexError"),
        (in_percent, "50 of 60 = 0.8333"),
        (in_percent, "no percent: recall divides"),
        (normalises_in_place, "Work on a copy"),
        (lambda matrix, k: None, "return recall, precision"),
        (lambda matrix, k: solution(matrix, k)[0], "two numbers"),
        (lambda matrix, k: (matrix[k] / matrix.sum(), matrix[:, k]), "two numbers"),
    ],
)
def test_wrong_recall_and_precision(answer, words):
    fails(words, lesson4.check_recall_and_precision, answer)


def threshold(probabilities, labels, wanted, *, reaches=np.greater_equal, enough=np.greater_equal, order=1):
    """The solution, and with other settings the slips one makes."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for step in range(101)[::order]:
        given = reaches(confidence, step / 100)
        if given.any() and enough(right[given].mean(), wanted):
            return step / 100
    return None


def from_the_top(probabilities, labels, wanted):  # almost right: takes the share for ever growing
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    best = None
    for step in range(100, -1, -1):
        given = confidence >= step / 100
        if given.any():
            if right[given].mean() < wanted:
                break
            best = step / 100
    return best


def share_of_all_images(probabilities, labels, wanted):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    return next((s / 100 for s in range(101) if (right & (confidence >= s / 100)).mean() >= wanted), None)


def silence_is_success(probabilities, labels, wanted):  # almost right
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for step in range(101):
        given = confidence >= step / 100
        if right[given].sum() >= wanted * given.sum():
            return step / 100
    return None


def test_choose_threshold():
    lesson4.check_choose_threshold(threshold)


def test_grid_made_by_numpy_is_accepted():
    def by_arange(probabilities, labels, wanted):
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
        for value in np.arange(0, 1.001, 0.01):
            given = confidence >= value
            if given.any() and right[given].mean() >= wanted:
                return value
        return None

    lesson4.check_choose_threshold(by_arange)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda p, y, w: threshold(p, y, w, reaches=np.greater), '">="'),
        (lambda p, y, w: threshold(p, y, w, enough=np.greater), '">="'),
        (lambda p, y, w: threshold(p, y, w, order=-1), "a smaller one does as well"),
        (from_the_top, "does not always grow"),
        (share_of_all_images, "Count only"),
        (silence_is_success, "do not count that as a success"),
        (lambda p, y, w: w, "then"),
        (lambda p, y, w: None, "None"),
        (lambda p, y, w: (threshold(p, y, w), 0.9), "the threshold itself"),
        (lambda p, y, w: 100 * threshold(p, y, w), "Expected"),
        (lambda p, y, w: min(s / 100 for s in range(101) if np.mean(p) > 1), "ValueError: min"),
    ],
)
def test_wrong_thresholds(answer, words):
    fails(words, lesson4.check_choose_threshold, answer)


def heat_map(maps, gradients):
    return np.maximum((maps * gradients.mean(axis=(0, 1))).sum(axis=-1), 0)


def scales_in_place(maps, gradients):
    maps *= gradients.mean(axis=(0, 1))
    return np.maximum(maps.sum(axis=-1), 0)


def test_heat_map():
    lesson4.check_heat_map(heat_map)
    lesson4.check_heat_map(lambda m, g: heat_map(m, g).tolist())
    lesson4.check_heat_map(lambda m, g: tf.nn.relu(tf.reduce_sum(m * g.mean((0, 1)), axis=-1)))
    lesson4.check_heat_map(lambda m, g: np.maximum(np.einsum("hwc,c->hw", m, g.mean((0, 1))), 0).astype(np.float32))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda m, g: (m * g.mean(axis=(0, 1))).sum(axis=-1), "as in a ReLU"),
        (lambda m, g: heat_map(m, g) * m[..., 0].size, "not their sum"),
        (lambda m, g: heat_map(m, g) / m.shape[-1], "their mean is not asked for"),
        (lambda m, g: np.maximum((m * g).sum(axis=-1), 0), "place by place"),
        (lambda m, g: np.maximum(m * g.mean(axis=(0, 1)), 0).sum(axis=-1), "before you cut off"),
        (lambda m, g: (m * np.maximum(g.mean(axis=(0, 1)), 0)).sum(axis=-1), "before you cut off"),
        (lambda m, g: np.abs((m * g.mean(axis=(0, 1))).sum(axis=-1)), "not positive"),
        (lambda m, g: m.mean(axis=-1), "the four steps"),
        (
            lambda m, g: heat_map(m, g) * np.arange(len(m) - 1, -1, -1)[:, None].clip(0, 1),
            "in row 1",
        ),
        (lambda m, g: m * g.mean(axis=(0, 1)), "shape (2, 3)"),
        (lambda m, g: heat_map(m, g).sum(axis=0), "shape (2, 3)"),
        (lambda m, g: None, "None"),
        (lambda m, g: m @ g, "ValueError: matmul"),
        (scales_in_place, "Make new arrays"),
    ],
)
def test_wrong_heat_maps(answer, words):
    fails(words, lesson4.check_heat_map, answer)


def folded_solutions() -> list[str]:
    """The Python of the three folded solutions, in order."""
    return re.findall(r"<summary>Solution</summary>\s*```python\n(.*?)```", prose("04"), re.DOTALL)


def test_what_there_is_to_find_in_the_labs_is_what_the_headline_model_shows():
    outputs, words = load_headline().outputs(), prose("04")
    confused = outputs.confusion[5, 3], outputs.confusion[3, 5]
    assert "The headline model takes {} dogs for cats and {} cats for dogs.".format(*confused) in words

    def scores(temperature):
        soft, labels = outputs.at_temperature(temperature).probabilities, outputs.labels
        likelihood = -np.log(soft[np.arange(len(labels)), labels]).mean()
        return (
            expected_calibration_error(soft, labels),
            ((soft - np.eye(10)[labels]) ** 2).sum(axis=1).mean(),
            likelihood,
        )

    best = [min(TEMPERATURES, key=lambda temperature: scores(temperature)[which]) for which in range(3)]
    assert best[0] == best[1]
    assert f"smallest at {best[0]:g}, the negative log likelihood at {best[2]:g}." in words
    grid = [calibration.select(outputs.probabilities, outputs.labels, threshold) for threshold in THRESHOLDS]
    lowest = next(chosen for chosen in grid if chosen.accuracy >= 0.95)
    assert f"Headline model: {1 - lowest.coverage:.0%}, at the threshold {lowest.threshold:.2f}." in words


def test_the_notebooks_solutions_pass():
    names: dict = {"np": np}
    solutions = folded_solutions()
    assert len(solutions) == 3
    for solution in solutions:
        exec(solution, names)
    lesson4.check_recall_and_precision(names["recall_and_precision"])
    lesson4.check_choose_threshold(names["choose_threshold"])
    lesson4.check_heat_map(names["heat_map"])
