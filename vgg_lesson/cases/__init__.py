"""Networks with a known fault, and healthy ones: what the bench measures with and the clinic draws from.

``CASES`` maps a number to a :class:`Case`. Numbers 1 to 17 make public reports again, those from 18 on are
of the same kinds, those from 46 on come from blind tests, and numbers from 101 on are healthy (``HEALTHY_CASES``).
"""

from vgg_lesson.cases.blind import BLIND_CASES
from vgg_lesson.cases.case import Case
from vgg_lesson.cases.healthy import HEALTHY_CASES
from vgg_lesson.cases.more import MORE_CASES
from vgg_lesson.cases.reported import REPORTED_CASES

CASES: dict[int, Case] = {case.number: case for case in (*REPORTED_CASES, *MORE_CASES, *BLIND_CASES, *HEALTHY_CASES)}

__all__ = ["CASES", "HEALTHY_CASES", "Case"]
