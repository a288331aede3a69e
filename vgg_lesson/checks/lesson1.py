"""Checks of lesson 1: mirror images, what guessing costs, and a classifier that beats the nearest class mean."""

import math
from collections.abc import Callable

import numpy as np

from vgg_lesson.baselines import class_means, entropy, nearest_mean
from vgg_lesson.checks.common import answer_of, as_array, describe, expect, is_number, plain
from vgg_lesson.data import Dataset
from vgg_lesson.metrics import compare

ASKED = 1200
"""Exercise 3: at most so many validation images, so that the check takes seconds."""
CLOSE = 1e-4
"""Exercise 2: nats by which a cost may differ, by rounding or a small number beside a share."""
LEAKS = 4.0
"""Standard errors by which validation and test accuracy may differ: more comes by luck once in 30,000 times."""
TOO_GOOD = 0.95
P_VALUE = 0.05


def check_mirror(function: Callable) -> None:
    """Exercise 1: ``function(images)`` exchanges left and right in each image of a batch (N, H, W, C)."""
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    given = images.copy()
    asked = (
        "a new batch of the same shape and dtype (here (3, 32, 32, 3), uint8), each image with left and right exchanged"
    )
    next_step = "print(images.shape) shows the four axes: which are indexed?"
    result = as_array(answer_of(function, (given,), asked, next_step))
    expect(np.array_equal(given, images), asked, "a function that changes the batch it is given", "Return a new array.")
    expect(
        isinstance(result, np.ndarray) and result.shape == images.shape,
        asked,
        result,
        "The four axes are image, row, column, channel; none of them is to go or to move.",
    )
    mistakes = (
        (
            "the batch as it was",
            images,
            "images[:, :, ::-1] reads the third axis backwards. Which axis is left to right?",
        ),
        ("images upside down", images[:, ::-1], "Axis 1 counts rows, from top to bottom. Which axis counts columns?"),
        (
            "images turned by 180 degrees",
            images[:, ::-1, ::-1],
            "Only left and right are to be exchanged, not the rows.",
        ),
        ("red and blue exchanged", images[..., ::-1], "The last axis is the channel. The columns come just before it."),
        ("the right images in reverse order", images[::-1], "The first axis counts images. Put a plain : there."),
        (
            "rows and columns exchanged",
            images.swapaxes(1, 2),
            "Rows stay rows. Only the order of the columns is to change.",
        ),
        (
            "left and right exchanged, but red and blue as well",
            images[:, :, ::-1, ::-1],
            "Columns are the third axis; leave the fourth alone.",
        ),
    )
    for words, mistake, next_step in mistakes:
        expect(not np.array_equal(result, mistake), asked, words, next_step)
    expect(
        np.array_equal(result, images[:, :, ::-1]),
        asked,
        result,
        "Compare one row of numbers of an image before and after: print(images[0, 0, :, 0]).",
    )
    expect(result.dtype == images.dtype, asked, result, "Mirroring moves numbers; it calculates nothing.")


def check_guessing_cost(function: Callable) -> None:
    """Exercise 2: ``function(counts)`` is the loss, in nats, of always answering the shares of the classes."""
    cases = (
        ([1] * 10, "ten equally frequent classes"),
        ([90, 10], "90 labels of one class and 10 of another"),
        ([7, 0, 7], "two equally frequent classes and one without any label"),
        ([4996, 40, 3964], "three uneven classes"),
    )
    for counts, words in cases:
        cost = entropy(counts)
        asked = f"{cost:.4f} for {words}, counts {counts if len(counts) < 10 else '[1, 1, ..., 1]'}"
        next_step = "Return one number: the sum over the classes."
        if 0 in counts:
            next_step = "A class without labels costs nothing: leave it out before you take the logarithm."
        with np.errstate(all="ignore"):
            result = answer_of(function, (np.array(counts),), asked, next_step)
        expect(is_number(result), asked, result, next_step)
        result = float(plain(result))
        received, next_step = _explain_cost(result, np.array(counts), cost)
        expect(math.isclose(result, cost, abs_tol=CLOSE), asked, received, next_step)


def _explain_cost(result: float, counts: np.ndarray, cost: float) -> tuple[str, str]:
    """What a wrong cost probably is, and what to try."""
    shares = counts / counts.sum()
    costs = -np.log(shares[shares > 0])
    known = (
        (-cost, "the same number below 0", "The logarithm of a share is negative: there is a minus before the sum."),
        (cost / math.log(2), "bits instead of nats", "Keras takes the natural logarithm: np.log, not np.log2."),
        (cost / math.log(10), "a logarithm to base 10", "Keras takes the natural logarithm: np.log, not np.log10."),
        (math.log(len(counts)), "the cost of equal shares", "These shares differ: 1/classes is not the best answer."),
        (-math.log(shares.max()), "the cost of the most frequent class", "Every class counts, as often as it occurs."),
        (cost / len(counts), "a mean over the classes", "Weight each class by its share, and add up."),
        (costs.mean(), "a mean in which every class counts alike", "Weight each cost by its class's share; add up."),
        (costs.sum(), "the costs of one image of each class, added up", "Weight each cost by its class's share first."),
    )  # fmt: skip
    if math.isnan(result):
        return (
            "nan: 0 times ln 0 is not a number",
            "A class without labels costs nothing: leave it out, with shares[shares > 0].",
        )
    for value, words, next_step in known:
        if math.isclose(result, value, abs_tol=CLOSE):
            return f"{result:.4f}, {words}", next_step
    return describe(result), "Do your shares add up to 1? Weight each class's cost, -ln(share), by its share; add up."


def check_my_classifier(function: Callable, dataset: Dataset) -> None:
    """Exercise 3: ``function(images)`` gives class numbers and beats the nearest class mean on validation images.

    "Beats" means: McNemar's exact test on the same images would call the difference luck less than
    once in twenty times.
    """
    chosen = dataset.subset(validation=min(ASKED, len(dataset.y_val)))
    images, labels = chosen.x_val, chosen.y_val
    given = images.copy()
    asked = (
        f"class numbers 0 to {len(dataset.class_names) - 1} for {len(images)} images: an integer array ({len(images)},)"
    )
    answers = as_array(answer_of(function, (given,), asked, "Try it on a few images: my_classifier(data.x_val[:5])"))
    expect(np.array_equal(given, images), "images left as they are", "changed images", "Work on a copy: images + 0.0")
    expect(
        isinstance(answers, np.ndarray) and answers.shape == labels.shape, asked, answers, "One answer for each image."
    )
    whole = np.issubdtype(answers.dtype, np.floating) and np.array_equal(answers, np.round(answers))
    next_step = "Class numbers are integers: .astype(int)" if whole else "argmax gives class numbers, not scores."
    expect(np.issubdtype(answers.dtype, np.integer), asked, answers, next_step)
    expect(0 <= answers.min() <= answers.max() < len(dataset.class_names), asked, answers, "Are these row numbers?")

    few = min(50, len(images))
    asked_again = f"class numbers for {few} images: an integer array ({few},)"
    next_step = f"Take any number of images: len(images), not {len(images)}."
    again = as_array(answer_of(function, (images[:few].copy(),), asked_again, next_step))
    expect(np.shape(again) == (few,), asked_again, again, next_step)
    changed = int(np.sum(again != answers[:few]))
    expect(
        changed <= few // 25,  # ties may be broken differently by the last bit of a float
        "the same answer to an image whatever other images are asked about with it",
        f"{changed} of {few} answers that change when only these images are asked about",
        "Take means and spreads from the training images, or from each image by itself, not from the batch.",
    )
    bar = nearest_mean(images, class_means(dataset.x_train, dataset.y_train, len(dataset.class_names)))
    right, of_the_bar = int((answers == labels).sum()), int((bar == labels).sum())
    expect(
        right / len(labels) < TOO_GOOD,
        "what can be found without a network, from training images alone",
        f"{right / len(labels):.1%} right",
        "Too good to be true: do validation images take part in building the classifier?",
    )
    comparison = compare(labels, bar, answers)
    luck = f"more, but a difference as large would come by luck with probability {comparison.p_value:.2g}"
    expect(
        comparison.difference > 0 and comparison.p_value < P_VALUE,
        f"clearly more than the nearest class mean, which gets {of_the_bar} of these {len(labels)} images right",
        f"{right} right: {luck if right > of_the_bar else 'not more' if right == of_the_bar else 'fewer'}",
        "Do you keep more than one example for each class, and let several vote? If so: does brightness mislead?",
    )
    unseen, truth = dataset.x_test[: len(images)], dataset.y_test[: len(images)]
    asked = f"class numbers for {len(unseen)} images that were never shown before"
    found = as_array(answer_of(function, (unseen.copy(),), asked, "Take any images.")) == truth
    share = (right + found.sum()) / (len(labels) + len(truth))
    error = math.sqrt(share * (1 - share) * (1 / len(labels) + 1 / len(truth)))
    expect(
        right / len(labels) - found.mean() <= LEAKS * error,
        "as good an answer to images that had no part in building it",
        "clearly better answers to the validation images than to as many test images",
        "Build it from the training images only: do validation images take part?",
    )
