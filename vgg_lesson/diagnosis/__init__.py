"""Why does my network not learn? Facts are measured, rules judge them, trials confirm, remedies are tried.

>>> report = examine(model, x_train, y_train)   # doctest: +SKIP
>>> report.cause                                # doctest: +SKIP
'learning_rate_too_high'
"""

from vgg_lesson.diagnosis.callback import DiagnosisCallback, StuckTrainingWarning
from vgg_lesson.diagnosis.examine import examine
from vgg_lesson.diagnosis.prescription import Prescription
from vgg_lesson.diagnosis.remedies import prescribe
from vgg_lesson.diagnosis.report import Finding, Report

__all__ = ["DiagnosisCallback", "Finding", "Prescription", "Report", "StuckTrainingWarning", "examine", "prescribe"]
