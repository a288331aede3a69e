"""Is what training follows the slope of the loss? A small step along a kernel's gradient must raise the loss."""

import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import causes, cloning
from vgg_lesson.diagnosis.facts.answers import chance_off
from vgg_lesson.diagnosis.facts.batches import as_fed, prepared
from vgg_lesson.diagnosis.facts.loss_and_output import loss_function
from vgg_lesson.diagnosis.report import NOTHING_HELPED, Finding
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.laboratory import FEW, Laboratory

IMAGES = 64
"""At most; fewer where the steps of a training have fewer."""
STEP = 1e-3
"""Length of a step over that of the kernel: short enough for a straight line, mostly."""
SEEN = 2e-5
"""Change of the loss, over the loss, below which it is not judged: 32 bits round to 1e-7."""
OPPOSITE = (-2.0, -0.5)
"""What a step changes over what was expected, for a gradient turned around; 1 where it is right, and anything where
chance has a part in the loss."""
NOTHING = 0.1
"""Share of what was expected that a step changes at most, where the gradient has nothing to do with the slope."""
NEARLY = 0.25
"""Of what was expected, for a gradient that is right."""


@dataclass(frozen=True)
class StepAlong:
    """A step along the gradient of one kernel, of :data:`STEP` of its size.

    Attributes:
        kernel: of which layer, and its name there.
        expected: change of the loss by the gradient. measured: half the difference between a step along it and one
            back, which leaves out how the slope bends.
        shorter: the same with a tenth of the step, times ten. loss: at the start.
    """

    kernel: str
    expected: float
    measured: float
    shorter: float
    loss: float

    @property
    def visible(self) -> bool:
        """Whether what is expected is more than rounding."""
        return self.expected > SEEN * abs(self.loss)

    @property
    def opposite(self) -> bool:
        least, most = OPPOSITE
        return self.visible and least * self.expected < self.measured < most * self.expected

    @property
    def unrelated(self) -> bool:
        """Whether steps of both lengths change next to nothing of what was expected."""
        return self.visible and max(abs(self.measured), abs(self.shorter)) < NOTHING * self.expected

    @property
    def right(self) -> bool:
        return all(abs(change - self.expected) < NEARLY * self.expected for change in (self.measured, self.shorter))


def steps_along_gradients(subject: Subject, model: keras.Model, until: float) -> tuple[StepAlong, ...]:
    """Measure ``model``, a copy of ours, on a batch of training images; its weights are put back.

    None in 16 bits, which round the changes away, and where the loss of the same images varies: layers with weights may
    have a dropout of their own. No more once the clock (``time.perf_counter``) says ``until``.
    """
    short = {"float16", "bfloat16"} & {layer.compute_dtype for layer in cloning.leaves(model)}
    if short or time.perf_counter() > until:
        return ()
    rows = subject.sample(min(IMAGES, max(FEW, subject.step_images)))  # the gradient of more may not fit
    images, labels = prepared(subject, rows).astype(np.float32), tf.constant(as_fed(subject.labels.given[rows]))
    loss_of, kept, found = loss_function(subject.model), model.get_weights(), []
    with chance_off(model):

        def loss():
            return loss_of(labels, model(tf.constant(images), training=True))

        kernels = [weight for weight in model.trainable_weights if len(weight.shape) >= 2]
        with tf.GradientTape() as tape:
            start = loss()
        varies = abs(float(loss() - start)) > SEEN * abs(float(start)) / 10
        gradients = tape.gradient(start, [kernel.value for kernel in kernels])
        for kernel, gradient in () if varies else zip(kernels, gradients, strict=True):
            if gradient is None or time.perf_counter() > until:
                continue
            before, steepness, size = tf.identity(kernel.value), tf.norm(gradient), tf.norm(kernel.value)
            if not steepness * size > 0:
                continue
            name = kernel.path.removeprefix(f"{model.name}/")  # a copy of a model is called otherwise
            changes = []
            for part in (1.0, 0.1):
                step = gradient * (part * STEP * size / steepness)
                kernel.assign(before + step)
                along = loss()
                kernel.assign(before - step)
                changes.append((along - loss()) / 2 / part)
            found.append(StepAlong(name, *map(float, (STEP * size * steepness, *changes, start))))
            kernel.assign(before)
    model.set_weights(kept)  # batch norm's moving statistics moved
    return tuple(found)


def steps_of_fresh_network(lab: Laboratory, until: float) -> tuple[StepAlong, ...]:
    """As :func:`steps_along_gradients`, for the start weights of the untouched control."""
    trainer = lab.trainer(CONTROL)
    trainer.model.set_weights(trainer.start(CONTROL).state[0])
    return steps_along_gradients(lab.subject, trainer.model, until)


def gradient_wrong(steps: tuple[StepAlong, ...]) -> Finding | None:
    """Kernels whose gradient points down where the loss rises, or anywhere; for a network that did not learn.

    Where gradients explode, a step is too long for a straight line, layer by layer the more. So a gradient that has
    nothing to do with the slope counts only where the kernel behind it has a right one: there, something breaks it.
    """
    wrong = [step for step in steps if step.opposite] or [step for step in steps if step.unrelated]
    if not wrong:
        return None
    last, behind = wrong[-1], steps[steps.index(wrong[-1]) + 1 :]
    if not last.opposite and not (behind and behind[0].right):
        return None
    place = f"between {last.kernel} and {behind[0].kernel}" if behind else f"behind {last.kernel}"
    return Finding(
        causes.GRADIENT_WRONG,
        f"a small step along the gradient of {last.kernel} should raise the loss by {last.expected:.2g}, and changes "
        f"it by {last.measured:.2g}; {len(wrong)} of {len(steps)} kernels are like that",
        "the loss must rise along its gradient",
        f"look {place} for what changes a gradient on its way back: a custom gradient (does it multiply by what "
        "comes from behind?), a gradient reversal, a sign (rounding that lets gradients through is meant so)",
        tried=NOTHING_HELPED,
    )
