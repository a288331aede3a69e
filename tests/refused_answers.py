"""What every check of an exercise owes a learner whose answer is wrong."""

import pytest


def failure(check, *answer) -> str:
    """The message with which a check refuses an answer: it says what was expected, what came, and what to do next."""
    with pytest.raises(AssertionError) as caught:
        check(*answer)
    message = str(caught.value)
    for part in ("Expected:", "Received:", "Next step:"):
        assert part in message, message
    return message


def fails(words: str, check, *answer) -> None:
    """The check refuses the answer in these words."""
    message = failure(check, *answer)
    assert words in message, message
