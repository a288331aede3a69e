"""Probes one at a time, each with its question and its cost: what the clinic orders that trains copies.

Costs are seconds on two idle cores at a quarter of VGG16's width; a first training probe pays some
3 s more for tracing.
"""

import numpy as np

from vgg_lesson.diagnosis.clinic.looks import VITAL_SIGNS
from vgg_lesson.diagnosis.clinic.patient import Instrument, Measurement, Patient
from vgg_lesson.diagnosis.facts import known_good
from vgg_lesson.diagnosis.variation import Variation


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


def _probe(name, question, seconds, *variations):
    return name, Instrument(name, question, seconds, "probe", _compare(name, *variations), True)


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
            "larger batches",
            "Does it learn from batches of 32 images or more?",
            12,
            Variation("batches of 32 images", larger_batches=True),
        ),
        _probe(
            "a change after every batch",
            "Does it learn when no gradients are gathered?",
            12,
            Variation("a change after every batch", each_step=True),
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
