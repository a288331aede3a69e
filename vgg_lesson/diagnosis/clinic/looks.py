"""Vital signs one at a time, each with its question and its cost: what the clinic orders that trains nothing."""

import numpy as np

from vgg_lesson.diagnosis.clinic.patient import Instrument, Measurement, Patient
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.gradient_check import steps_of_fresh_network
from vgg_lesson.diagnosis.variation import Variation, update_ratio_of
from vgg_lesson.optimizers.unwrapped import unwrapped


def _data(patient: Patient) -> Measurement:
    images, labels, order = patient.facts.images, patient.facts.labels, patient.facts.order
    validation = patient.facts.validation
    other = tail = ""
    if validation is not None:
        other = f" Validation images: mean {np.mean(validation.mean):.3g}, spread {validation.spread:.3g}."
    if not np.isnan(order.tail):
        tail = f" Label shares of the split-off tail and the rest are {order.tail:.2f} apart (0 to 1)."
    copies = patient.facts.copies
    if copies.different < copies.images:
        tail += f" Of {copies.images:,} images {copies.different:,} are different."
    return Measurement(
        "data",
        f"Images: mean {np.mean(images.mean):.3g}, spread {images.spread:.3g}, all finite: {images.finite}. "
        f"Labels: {labels.lowest:g} to "
        f"{labels.highest:g}, {labels.distinct} classes, the largest {labels.majority:.0%}.{other}{tail}",
        {"mean": float(np.mean(images.mean)), "spread": images.spread, "largest_class": labels.majority},
    )


def _loss_and_output(patient: Patient) -> Measurement:
    loss, output = patient.facts.loss, patient.facts.output
    if loss.error or output.error:
        return Measurement("loss and output", f"Keras says: {loss.error or output.error}")
    return Measurement(
        "loss and output",
        f"Loss of right answers {loss.right:.3g}, of uninformed ones {loss.uninformed:.3g}, of wrong ones "
        f"{loss.wrong:.3g}, of right ones dealt out among the images {loss.dealt_out:.3g}. The loss takes "
        f"{loss.takes or 'scores of either kind'}; the output gives {output.kind}, at most "
        f"{output.reach:.2g} under extreme weights.",
        {"right": loss.right, "uninformed": loss.uninformed, "wrong": loss.wrong, "reach": output.reach},
    )


def _metrics(patient: Patient) -> Measurement:
    lines = [
        f"{m.name}: right answers {m.right:.2f}, wrong {m.wrong:.2f}, scattered {m.scattered:.2f}"
        if not m.error
        else f"{m.name}: {m.error}"
        for m in patient.facts.metrics
    ]
    return Measurement("metrics", "; ".join(lines) + "." if lines else "No metric was compiled.")


def _signal(patient: Patient) -> Measurement:
    signs = patient.signs
    reached, first = signs.first_input, ""
    if reached:
        first = f"The first weights get values of size {reached.size:.3g}, {reached.spread:.2g} apart between images. "
    return Measurement(
        "signal through the layers",
        f"{first}The part of the signal that depends on the image is {signs.shrinkage:.2g} times as large behind the "
        f"last hidden layer as behind the first. The logits differ between images by {signs.logit_spread:.2g}.",
        {"shrinkage": signs.shrinkage, "logit_spread": signs.logit_spread},
        signs.layers,
    )


def _silent_units(patient: Patient) -> Measurement:
    return Measurement(
        "silent units",
        f"At most {patient.signs.silent_units:.0%} of a layer's units are zero for every image.",
        {"silent_units": patient.signs.silent_units},
        patient.signs.layers,
    )


def _first_loss(patient: Patient) -> Measurement:
    signs, chance = patient.signs, patient.chance
    return Measurement(
        "first loss",
        f"Fresh network: data loss {signs.loss:.4g}, penalties {signs.penalty:.3g}; guessing by the "
        f"classes' shares gives {chance.loss:.4g}.",
        {"loss": signs.loss, "penalty": signs.penalty, "guessing": chance.loss},
    )


def _weights(patient: Patient) -> Measurement:
    facts = patient.facts
    lab = patient.laboratory
    text = f"{facts.trainable} trainable arrays, {facts.frozen_kernels} of {facts.kernels} kernels frozen."
    if facts.uncounted:
        text += f" Keras does not count what these attributes hold: {', '.join(facts.uncounted)}."
    if not facts.trainable:
        return Measurement("updates", text, {"trainable": 0})
    trainer = lab.trainer(CONTROL)
    gathered = unwrapped(patient.subject.model.optimizer).gradient_accumulation_steps
    if gathered:
        text += f" The gradients of {gathered:,} batches make one step."
    ratio_course = Variation("first steps")
    start = trainer.start(ratio_course).state[0]
    course = lab.train(ratio_course, 2)
    ratio = update_ratio_of(trainer.model, start, course.state[0], course.steps)
    return Measurement(
        "updates",
        f"{text} A first step changes a kernel by {ratio:.2g} of its size (learning rate {facts.rate:.3g}).",
        {"update_ratio": ratio, "rate": facts.rate, "trainable": facts.trainable},
    )


def _gradient_check(patient: Patient) -> Measurement:
    steps = steps_of_fresh_network(patient.laboratory, float("inf"))
    shares = {step.kernel: step.measured / step.expected for step in steps if step.visible}
    lines = [f"{kernel} {share:.2f}" for kernel, share in shares.items()]
    told = "Of what its gradient predicts, a small step along it changes the loss by: " + ", ".join(lines) + "."
    return Measurement(
        "gradient check",
        told if lines else "Nothing can be checked: gradients too small, numbers of 16 bits, or chance in the loss.",
        shares,
    )


def _sign(name, question, seconds, measure, *, asks_loss=False):
    return name, Instrument(name, question, seconds, "vital sign", measure, asks_loss)


VITAL_SIGNS: dict[str, Instrument] = dict(
    [
        _sign("data", "What do the images and labels hold?", 1, _data),
        _sign(
            "loss and output",
            "What does the loss say to made-up answers, and what can the output say?",
            1,
            _loss_and_output,
        ),
        _sign("metrics", "What do the metrics say to made-up answers?", 1, _metrics),
        _sign(
            "signal through the layers",
            "How much of the signal still depends on the image, layer by layer?",
            1,
            _signal,
        ),
        _sign("silent units", "How many units are zero for every image?", 1, _silent_units),
        _sign("first loss", "How does the fresh network's loss compare with guessing?", 1, _first_loss, asks_loss=True),
        _sign("updates", "How much does a step change the weights?", 4, _weights, asks_loss=True),
        _sign("gradient check", "Is what training follows the slope of the loss?", 4, _gradient_check, asks_loss=True),
    ]
)
"""Name -> instrument that measures without training."""
