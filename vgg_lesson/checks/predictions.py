"""A prediction set beside what was then measured. Being wrong raises nothing: it is what predicting is for."""

from string import whitespace


def compare_prediction(prediction: str | None, answer: str, options: str = "abc") -> str:
    """Say whether a prediction came true.

    Args:
        prediction: the letter that the learner chose, small or capital, also as "c)" or with spaces; None for none.
        answer: the letter that the lesson has just shown to be right.
        options: all letters of the question.

    Returns:
        One sentence.

    Raises:
        ValueError: a prediction that is none of the letters.

    >>> compare_prediction(None, "c")
    'You made no prediction: choose a letter above, run its cell and then this one again.'
    """
    if answer not in tuple(options):
        raise ValueError(f"answer must be one of {tuple(options)}, received {answer!r}")
    if prediction is None:
        return "You made no prediction: choose a letter above, run its cell and then this one again."
    letter = prediction.strip(f"{whitespace}().").lower() if isinstance(prediction, str) else prediction
    if letter not in tuple(options):
        raise ValueError(f"a prediction must be one of {tuple(options)} or None, received {prediction!r}")
    if letter == answer:
        return f"You predicted {letter}, and so it is."
    return f"You predicted {letter}; it is {answer}. What did you assume that is not so?"
