"""Faults that none of the changes that are tried can cure, for a network that learned nothing with any of them."""

from vgg_lesson.diagnosis.report import NOTHING_HELPED, Finding
from vgg_lesson.diagnosis.rules.rules_learned import signal_blocked
from vgg_lesson.diagnosis.rules.rules_weights import weights_uncounted
from vgg_lesson.diagnosis.trials.gradient_check import gradient_wrong, steps_of_fresh_network


def last_look(exam) -> list[Finding]:
    """The first of these faults that is found, if any.

    Args:
        exam: the :class:`examine.Examination`, its trainings done.
    """
    steps = steps_of_fresh_network(exam.lab, exam.until)
    uncounted = weights_uncounted(exam.facts.uncounted, NOTHING_HELPED)
    return [finding for finding in (gradient_wrong(steps), signal_blocked(exam.signs), uncounted) if finding][:1]
