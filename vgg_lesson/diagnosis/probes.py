"""Vital signs and probes one at a time, each with its question and its cost: what the clinic orders.

Costs are seconds on two idle cores at a quarter of VGG16's width; a first training probe pays some
3 s more for tracing.
"""

import numpy as np

from vgg_lesson.diagnosis import known_good
from vgg_lesson.diagnosis.confirmation import CONTROL
from vgg_lesson.diagnosis.patient import Instrument, Measurement, Patient
from vgg_lesson.diagnosis.variation import Variation, update_ratio_of


def _data(patient: Patient) -> Measurement:
    images, labels, order = patient.facts.images, patient.facts.labels, patient.facts.order
    validation = patient.facts.validation
    other = tail = ""
    if validation is not None:
        other = f" Validation images: mean {np.mean(validation.mean):.3g}, spread {validation.spread:.3g}."
    if not np.isnan(order.tail):
        tail = f" Label shares of the split-off tail and the rest are {order.tail:.2f} apart (0 to 1)."
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
        f"{loss.wrong:.3g}. The loss takes "
        f"{loss.takes or 'scores of either kind'}; the output gives {output.kind}, at most "
        f"{output.reach:.2g} under extreme weights.",
        {"right": loss.right, "uninformed": loss.uninformed, "wrong": loss.wrong, "reach": output.reach},
    )


def _metrics(patient: Patient) -> Measurement:
    lines = [
        f"{m.name}: right answers {m.right:.2f}, wrong {m.wrong:.2f}, scattered {m.uninformed:.2f}"
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
    if not facts.trainable:
        return Measurement("updates", text, {"trainable": 0})
    trainer = lab.trainer(CONTROL)
    ratio_course = Variation("first steps")
    start = trainer.start(ratio_course).state[0]
    ratio = update_ratio_of(trainer.model, start, lab.train(ratio_course, 2))
    return Measurement(
        "updates",
        f"{text} A first step changes a kernel by {ratio:.2g} of its size (learning rate {facts.rate:.3g}).",
        {"update_ratio": ratio, "rate": facts.rate, "trainable": facts.trainable},
    )


def _known_good(patient: Patient) -> Measurement:
    known = known_good.known_good(patient.subject, float("inf"))
    validation = f" On the validation images: {known.validation.accuracy:.2f}." if known.validation.count else ""
    augmented = "" if np.isnan(known.augmented) else f" After training on augmented images: {known.augmented:.2f}."
    permuted = "" if np.isnan(known.permuted) else f" With permuted labels: {known.permuted:.2f}."
    return Measurement(
        "known-good network",
        f"A small network that is known to learn reaches {known.accuracy:.2f} on held-out training images "
        f"(guessing {known.majority:.2f}).{validation}{augmented}{permuted}",
        {"accuracy": known.accuracy, "validation": known.validation.accuracy, "guessing": known.majority},
    )


def _compare(name: str, *variations: Variation):
    def measure(patient: Patient) -> Measurement:
        control = patient.control()
        courses = [control] + [patient.laboratory.train(v, patient.steps) for v in variations]
        lines = [
            f"{c.variation.name}: loss {c.last_loss():.3f}, accuracy {c.last_accuracy():.2f} after {c.steps} steps"
            for c in courses
        ]
        chance = patient.chance
        return Measurement(
            name,
            "; ".join(lines) + f" (guessing {chance.loss:.3f}, {chance.majority:.2f}).",
            {c.variation.name: c.last_loss() for c in courses},
            (),
            tuple(courses),
            chance.loss,
            chance.majority,
        )

    return measure


def _sign(name, question, seconds, measure, *, asks_loss=False):
    return name, Instrument(name, question, seconds, "vital sign", measure, asks_loss)


def _probe(name, question, seconds, *variations):
    return name, Instrument(name, question, seconds, "probe", _compare(name, *variations), True)


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
    ]
)
"""Name -> instrument that measures without training."""
PROBES: dict[str, Instrument] = dict(
    [
        (
            "known-good network",
            Instrument("known-good network", "Do the images show their labels?", 5, "probe", _known_good),
        ),
        _probe("untouched control", "Does it learn as it is?", 12),
        _probe("a tenth of the rate", "Does it learn with smaller steps?", 12, Variation("rate x 0.1", rate=0.1)),
        _probe("ten times the rate", "Does it learn with larger steps?", 12, Variation("rate x 10", rate=10.0)),
        _probe(
            "He initialisation",
            "Does it learn from stronger start weights?",
            12,
            Variation("He initialisation", he=True),
        ),
        _probe(
            "He and a tenth of the rate",
            "Does it learn with both changes?",
            12,
            Variation("He, rate x 0.1", he=True, rate=0.1),
        ),
        _probe(
            "batch normalisation",
            "Does it learn when each layer's output is normalised?",
            20,
            Variation("batch normalisation", batch_norm=True),
        ),
        _probe(
            "scaled inputs",
            "Does it learn from standardised images?",
            12,
            Variation("scaled inputs", scale_inputs=True),
        ),
        _probe(
            "without regularisation",
            "Does it learn without penalties, decay and dropout?",
            15,
            Variation("no regularisation", strip=True),
        ),
        _probe(
            "without augmentation",
            "Does it learn from the images as they are?",
            12,
            Variation("no augmentation", augment=False),
        ),
        _probe(
            "all weights trainable",
            "Does it learn when nothing is frozen?",
            15,
            Variation("all weights trainable", unfreeze=True),
        ),
        _probe(
            "a handful of images",
            "Can it learn one batch by heart?",
            12,
            Variation("one batch again and again", one_batch=True),
        ),
        _probe(
            "permuted labels",
            "Does it learn as much from labels that belong to other images?",
            12,
            Variation("permuted labels", permute_labels=True),
        ),
        _probe(
            "another seed", "Was it the draw of the start weights?", 12, Variation("untouched control, seed 1", seed=1)
        ),
    ]
)
"""Name -> instrument that trains copies beside the untouched control."""

INSTRUMENTS: dict[str, Instrument] = VITAL_SIGNS | PROBES
"""Name -> what can be ordered: vital signs, which measure, and probes, which train."""

__all__ = ["INSTRUMENTS", "PROBES", "VITAL_SIGNS", "Instrument", "Measurement", "Patient"]
