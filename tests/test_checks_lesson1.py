"""The checks of lesson 1: solutions pass, plausible wrong answers fail and are told what to do."""

import math
import re

import numpy as np
import pytest
import tensorflow as tf
from lesson_sources import prose
from refused_answers import fails

from vgg_lesson.baselines import class_means, entropy, fit_linear, nearest_mean, shrink
from vgg_lesson.checks import lesson1
from vgg_lesson.checks.common import describe, expect
from vgg_lesson.data import Dataset, load_data
from vgg_lesson.metrics import compare
from vgg_lesson.sketches import CLASS_NAMES, draw_sketches


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data("sketches").subset(train=3000, validation=1000)


def test_expect_says_what_was_received():
    expect(True, "anything", None, "nothing")
    fails("None (does the function return", expect, False, "a number", None, "return it")
    fails("nothing filled in", expect, False, "a number", ..., "fill in")
    fails(
        "shape (2, 3), dtype uint8, values 0 to 5", expect, False, "x", np.arange(6, dtype=np.uint8).reshape(2, 3), "y"
    )
    fails("as said", expect, False, "x", "as said", "y")


def test_describe_is_short():
    assert describe(np.float32(0.25)) == "0.2500"
    assert describe(np.int64(3)) == "3"
    assert len(describe(list(range(1000)))) < 100
    assert describe(np.array([])) == "an array of shape (0,), dtype float64"


def solutions() -> list[dict]:
    """The folded solutions of the notebook, each run, by exercise."""
    found = re.findall(r"<summary>Solution</summary>\s*```python\n(.*?)```", prose("01"), re.DOTALL)
    assert len(found) == 3
    return found


def test_the_folded_solutions_pass(data):
    space = {"np": np, "data": data}
    for solution in solutions():
        exec(solution, space)
    lesson1.check_mirror(space["mirror"])
    lesson1.check_guessing_cost(space["guessing_cost"])
    lesson1.check_my_classifier(space["my_classifier"], data)


def test_other_mirrors_pass():
    lesson1.check_mirror(lambda images: np.flip(images, axis=2))
    lesson1.check_mirror(lambda images: np.stack([np.fliplr(image) for image in images]))
    lesson1.check_mirror(lambda images: [image[:, ::-1] for image in images])
    lesson1.check_mirror(lambda images: images[:, :, np.arange(31, -1, -1)])


def in_place(images):
    images[:] = images[:, :, ::-1].copy()
    return images


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda images: images, "as it was"),
        (lambda images: images[:, ::-1], "upside down"),
        (lambda images: images[::-1], "reverse order"),
        (lambda images: images[..., ::-1], "red and blue exchanged"),
        (lambda images: images[:, :, ::-1, ::-1], "red and blue as well"),
        (lambda images: images[:, ::-1, ::-1], "180"),
        (np.fliplr, "upside down"),  # the obvious function, made for one image: almost right
        (np.flip, "Compare one row"),
        (lambda images: images[:, :, ::-1] / 255, "Compare one row"),
        (lambda images: images[:, :, ::-1].astype("float32"), "calculates nothing"),
        (lambda images: images.transpose(0, 2, 1, 3), "rows and columns exchanged"),
        (lambda images: images[:, :16, ::-1], "four axes"),
        (lambda images: images[0, :, ::-1], "four axes"),
        (lambda images: None, "does the function return"),
        (in_place, "changes the batch"),
        (..., "nothing filled in"),
        (lambda images: images[:, :, :, :, ::-1], "IndexError"),
    ],
)
def test_wrong_mirrors(wrong, words):
    fails(words, lesson1.check_mirror, wrong)


def test_other_costs_pass():
    lesson1.check_guessing_cost(entropy)
    lesson1.check_guessing_cost(lambda counts: -sum(c / sum(counts) * np.log(c / sum(counts)) for c in counts if c))
    lesson1.check_guessing_cost(lambda counts: np.array(entropy(counts)))  # an array without axes is a number
    lesson1.check_guessing_cost(lambda counts: -(shares_of(counts) * np.log(shares_of(counts) + 1e-6)).sum())
    lesson1.check_guessing_cost(lambda counts: tf.constant(entropy(counts)))


def shares_of(counts):
    return counts / counts.sum()


def without_zeros(counts):
    return shares_of(counts[counts > 0])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda counts: -(shares_of(counts) * np.log(shares_of(counts))).sum(), "nan"),  # almost right
        (lambda counts: -(shares_of(counts) * np.log(shares_of(counts) + 1e-4)).sum(), "2.3026"),  # almost right, too
        (lambda counts: (without_zeros(counts) * np.log(without_zeros(counts))).sum(), "minus before the sum"),
        (lambda counts: -(without_zeros(counts) * np.log2(without_zeros(counts))).sum(), "not np.log2"),
        (lambda counts: -(without_zeros(counts) * np.log10(without_zeros(counts))).sum(), "not np.log10"),
        (lambda counts: np.log(len(counts)), "equal shares"),
        (lambda counts: -np.log(shares_of(counts).max()), "most frequent"),
        (lambda counts: -(without_zeros(counts) * np.log(without_zeros(counts))).mean(), "mean over the classes"),
        (lambda counts: -np.log(without_zeros(counts)).mean(), "Weight each cost by its class's share"),
        (lambda counts: -np.log(without_zeros(counts)).sum(), "23.0259, the costs of one image of each class"),
        (lambda counts: -(counts * np.log(counts)).sum(), "Do your shares add up to 1"),
        (lambda counts: -np.log(shares_of(counts)), "one number"),
        (lambda counts: None, "does the function return"),
        (lambda counts: True, "one number"),
        (..., "nothing filled in"),
        (lambda counts: 1 / 0, "ZeroDivisionError"),
        (lambda counts: -sum(s * math.log(s) for s in shares_of(counts)), "leave it out before you take the logarithm"),
    ],
)
def test_wrong_costs(wrong, words):
    fails(words, lesson1.check_guessing_cost, wrong)


def test_a_linear_classifier_passes(data):
    predict = fit_linear(data.x_train, data.y_train).predict
    lesson1.check_my_classifier(predict, data)
    lesson1.check_my_classifier(lambda images: predict(images).tolist(), data)


def own_contrast(images):
    small = shrink(images, 8).reshape(len(images), -1)
    small = small - small.mean(axis=1, keepdims=True)
    return small / (small.std(axis=1, keepdims=True) + 1)


def nearest(features, images, labels, votes=1):
    """Nearest-neighbour classifier over some features, by the votes of so many."""
    known = features(images)
    squares = (known**2).sum(axis=1)

    def classify(asked):
        near = np.argsort(squares - 2 * features(asked) @ known.T, axis=1)[:, :votes]
        return np.eye(10)[labels[near]].sum(axis=1).argmax(axis=1)

    return classify


def flat(images):
    return images.reshape(len(images), -1).astype(np.float32)


def batch_contrast(images):
    small = own_contrast(images)
    return small - small.mean(axis=0)


def scores(data):
    means = np.stack([own_contrast(data.x_train[data.y_train == k]).mean(axis=0) for k in range(10)])
    return lambda images: own_contrast(images) @ means.T


def test_wrong_classifiers(data):
    x, y = data.x_train, data.y_train
    bar = nearest(flat, np.stack([x[y == k].mean(axis=0) for k in range(10)]), np.arange(10))
    few = nearest(flat, x[:150], y[:150])
    part = nearest(own_contrast, np.concatenate([x[:500], data.x_val]), np.concatenate([y[:500], data.y_val]), votes=10)
    peeks = nearest(flat, np.concatenate([x, data.x_val]), np.concatenate([y, data.y_val]))
    batch = nearest(batch_contrast, x, y)
    score = scores(data)
    rows = lambda images: np.arange(len(images)) + 10  # noqa: E731
    for words, wrong in (
        ("right: not more", bar),  # as good as the bar: almost right
        ("more than one example for each class", few),
        ("100 right: fewer", lambda images: np.zeros(len(images), int)),
        ("Too good", peeks),
        ("Build it from the training images only", part),  # ten votes, of which one knows the answer
        ("not from the batch", batch),  # almost right
        ("an integer array (50,)", lambda images: bar(data.x_val)),  # as many as are asked for at first
        ("Class numbers are integers: .astype(int)", lambda images: bar(images).astype(float)),
        ("argmax gives class numbers", lambda images: score(images).max(axis=1)),
        ("One answer for each image", score),
        ("row numbers", rows),
        ("does the function return", lambda images: None),
        ("nothing filled in", ...),
        ("IndexError", lambda images: images[len(images)]),
        ("ValueError", lambda images: score(images.reshape(1000, 32, 32, 3)).argmax(axis=1)),  # all images or none
    ):
        fails(words, lesson1.check_my_classifier, wrong, data)


def test_a_difference_that_luck_could_make_is_called_so(data):
    bar = nearest_mean(data.x_val, class_means(data.x_train, data.y_train))
    answers = bar.copy()
    answers[np.flatnonzero(bar != data.y_val)[:3]] = data.y_val[bar != data.y_val][:3]
    known = {image.tobytes(): answer for image, answer in zip(data.x_val, answers, strict=True)}
    fails(
        "by luck",
        lesson1.check_my_classifier,
        lambda images: np.array([known.get(i.tobytes(), 0) for i in images]),
        data,
    )


def test_votes_without_normalising_pass_and_the_solution_beats_the_linear_classifier_on_sketches():
    """What the hints' order and the recap say."""
    data = load_data("sketches")
    known = shrink(data.x_train[:4000], 8).reshape(4000, -1)

    def raw_votes(images):
        asked = shrink(images, 8).reshape(len(images), -1)
        ten = np.argsort((known**2).sum(axis=1) - 2 * asked @ known.T, axis=1)[:, :10]
        return np.eye(10)[data.y_train[ten]].sum(axis=1).argmax(axis=1)

    lesson1.check_my_classifier(raw_votes, data)
    space = {"np": np, "data": data}
    exec(solutions()[2], space)
    linear = fit_linear(data.x_train, data.y_train).predict(data.x_val)
    comparison = compare(data.y_val, linear, space["my_classifier"](data.x_val))
    text = prose("01")
    assert comparison.difference > 0.01 and f"{100 * comparison.difference:.0f} points further" in text
    assert 0.05 < comparison.p_value < 0.15  # too few images to tell it from luck, as the solution says
    assert len(re.findall(r"may be luck.*?\(p = 0\.08\)", text)) == 1


def test_a_classifier_that_changes_images_fails(data):
    def darkens(images):
        images //= 2
        return np.zeros(len(images), int)

    fails("left as they are", lesson1.check_my_classifier, darkens, data)


def test_the_check_needs_no_particular_data():
    x, y = draw_sketches(700, seed=5)
    small = Dataset(x[:400], y[:400], x[400:], y[400:], x[:10], y[:10], CLASS_NAMES, "sketches", "few")
    fails("clearly more", lesson1.check_my_classifier, lambda images: np.full(len(images), 3), small)
    x, y = x[y < 3], y[y < 3]
    three = Dataset(x[:100], y[:100], x[100:], y[100:], x[:10], y[:10], CLASS_NAMES[:3], "sketches", "three classes")
    fails("clearly more", lesson1.check_my_classifier, lambda images: np.full(len(images), 2), three)
