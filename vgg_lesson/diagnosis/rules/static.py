"""The rules that need no training, in the order in which they are asked."""

import numpy as np

from vgg_lesson.diagnosis.facts import array_facts
from vgg_lesson.diagnosis.facts.gathered import Facts
from vgg_lesson.diagnosis.report import Finding
from vgg_lesson.diagnosis.rules import contradictions, rules_arrays, rules_output, rules_weights
from vgg_lesson.diagnosis.subject import Subject


def static_findings(subject: Subject, facts: Facts) -> list[Finding]:
    """Ask all static rules. Findings that say why training cannot work come first and exclude follow-up errors."""
    units, majority = subject.units, facts.labels.majority
    hard = [
        rules_arrays.non_finite_arrays(facts.images, facts.labels),
        rules_arrays.inputs_constant(facts.images)
        or rules_arrays.nearly_all_pixels_equal(facts.mode_share, facts.one_colour),
    ]
    declined = _declined(subject, facts)
    if declined:  # the other rules are about classes
        return [finding for finding in hard if finding] + [declined]
    hard += [
        rules_output.output_raises(facts.output),
        rules_arrays.labels_out_of_range(facts.labels, units, facts.loss),
        rules_output.answers_mix_images(facts.output) or rules_output.constant_output(facts.output),
        rules_output.loss_below_zero(facts.loss, facts.labels, facts.output),
        rules_output.too_few_outputs(facts.labels, units),
        rules_output.output_kind(facts.loss, facts.output),
        rules_output.output_reach(facts.output, subject.classes),
        rules_weights.nothing_trainable(facts.trainable, 0, facts.frozen_kernels, facts.uncounted),
        rules_weights.optimizer_of_another_model(subject.model),
        rules_weights.rate_is_zero(facts.rate),
    ]
    found = [finding for finding in hard if finding]
    if not found:  # a loss that raises or errs is often only the echo of one of the above
        found = [
            f
            for f in (
                rules_output.loss_label_mismatch(facts.loss, facts.labels),
                rules_output.non_finite_loss(facts.loss, facts.output),
            )
            if f
        ][:1]
    elsewhere = [
        None if found else contradictions.other_labels(facts.copies),
        _preprocessing(facts),
        rules_arrays.unshuffled_validation_split(facts.order),
        rules_arrays.class_imbalance(facts.labels, array_facts.largest_in_validation(subject, facts.labels)),
        None if found else rules_output.metric_mismatch(facts.metrics, majority),
    ]
    named = {}
    for finding in found + [finding for finding in elsewhere if finding]:
        named.setdefault(finding.cause, finding)  # the first rule that names a cause speaks for it
    return list(named.values())


def _declined(subject: Subject, facts: Facts) -> Finding | None:
    ignored = getattr(subject.model.loss, "ignore_class", None)
    return rules_arrays.not_single_labels(
        facts.labels,
        facts.loss,
        facts.output,
        regresses=facts.regresses,
        ignores=ignored is not None and bool(np.any(subject.labels.given == ignored)),
        no_loss=subject.model.loss is None,
    )


def _preprocessing(facts: Facts) -> Finding | None:
    if facts.validation is None or not facts.images.finite or np.isfinite(facts.order.tail):
        return None  # a split-off tail went through the same preparation as the rest
    return rules_arrays.preprocessing_differs(facts.images_as_validation, facts.validation, facts.channels_swapped)
