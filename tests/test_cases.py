"""The public cases: complete, buildable, and as they are described."""

import numpy as np
import pytest
from lesson_sources import prose

from vgg_lesson.cases import CASES, HEALTHY_CASES
from vgg_lesson.data import load_data
from vgg_lesson.diagnosis.causes import CAUSES


@pytest.fixture(scope="module")
def few():
    return load_data("sketches").subset(train=600, validation=100, test=10)


def test_numbers_and_causes():
    assert set(range(1, 18)) <= set(CASES), "the 17 public reports"
    assert len(HEALTHY_CASES) >= 20 and len(CASES) - len(HEALTHY_CASES) >= 27
    healthy = {case for case in CASES.values() if case.causes == ("healthy",)}
    assert healthy == set(HEALTHY_CASES) and min(case.number for case in healthy) > 100
    assert all(number == case.number for number, case in CASES.items())
    assert all(set(case.causes + case.also) <= set(CAUSES) for case in CASES.values())


def test_lesson_5_counts_them():
    words, ill = prose("05"), len(CASES) - len(HEALTHY_CASES)
    assert f"{len(CASES)} networks: {ill} are ill, and 17 of these make public reports again; " in words
    assert f"; {len(HEALTHY_CASES)} are healthy" in words


@pytest.mark.parametrize("number", sorted(set(CASES) - {114, 115}))  # these two are trained: seconds each
def test_case_builds(number, few):
    given = CASES[number].build(few, seed=0)
    assert given["model"].compiled and len(given["x_train"]) == len(given["y_train"])
    assert given["model"].input_shape[1:] == np.shape(given["x_train"])[1:]


def test_same_seed_same_weights(few):
    first, second = (CASES[101].build(few, seed=4)["model"].get_weights() for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
