"""Predictions are compared, never punished; a letter that is no option is refused by name."""

import pytest

from vgg_lesson.checks.predictions import compare_prediction


def test_each_kind_of_prediction_gets_its_sentence():
    assert compare_prediction(None, "c").startswith("You made no prediction: choose")  # and the answer is not told
    assert compare_prediction("c", "c") == "You predicted c, and so it is."
    assert compare_prediction("a", "c").startswith("You predicted a; it is c.")
    assert compare_prediction("d", "d", options="abcd") == "You predicted d, and so it is."


@pytest.mark.parametrize("typed", ["C", " c ", "C\n", "c)", "(c)", "c."])
def test_a_capital_letter_spaces_and_brackets_are_no_mistake(typed):
    assert compare_prediction(typed, "c") == "You predicted c, and so it is."
    assert compare_prediction(typed, "a").startswith("You predicted c; it is a.")


@pytest.mark.parametrize("wrong", ["d", "D", "ab", "a b", "", " ", 1, ...])
def test_what_is_no_option_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match="'a', 'b', 'c'"):
        compare_prediction(wrong, "c")


def test_an_answer_that_is_no_option_is_a_mistake_of_the_lesson():
    with pytest.raises(ValueError, match="answer must be one of"):
        compare_prediction("a", "e")
