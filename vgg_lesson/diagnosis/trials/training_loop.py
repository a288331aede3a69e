"""A short training that can be stopped, continued and started again: what the probes run."""

import time
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.diagnosis import cloning
from vgg_lesson.diagnosis.facts.answers import correct_answers, logit_spread
from vgg_lesson.diagnosis.facts.learning_rates import rate_after, rates
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.variation import LARGER, Course, Variation
from vgg_lesson.optimizers.fresh import fresh_optimizer
from vgg_lesson.optimizers.unwrapped import unwrapped

FOLLOW = -1.0
"""In place of a held learning rate: follow the schedule."""


class Trainer:
    """One compiled training step for all variations of equal structure."""

    def __init__(self, subject: Subject, variation: Variation, strip_names: tuple[str, ...] = ()):
        self.subject, self.strip_names = subject, strip_names
        larger = min(max(LARGER, subject.step_images), subject.training_count)
        self.batch = larger if variation.larger_batches else subject.step_images
        self.structure = replace(variation, seed=0)
        self.model = self._copy(subject.seed)
        self.rate_factor, self.held_rate = (tf.Variable(value, trainable=False) for value in (1.0, FOLLOW))
        self.optimizer = fresh_optimizer(
            subject.model.optimizer, weight_decay=not variation.strip, accumulation=not variation.each_step
        )
        steps_by = unwrapped(self.optimizer)
        self.base_rate: float | None = None
        if isinstance(steps_by._learning_rate, keras.Variable):
            self.base_rate = float(steps_by._learning_rate.numpy())
        else:
            steps_by._learning_rate = _Scaled(rate_after(steps_by), self.rate_factor, self.held_rate)
        self.model.compile(
            optimizer=self.optimizer,
            loss=subject.model.loss,
            jit_compile=False,
            loss_weights=getattr(subject.model._compile_loss, "_user_loss_weights", None),
        )
        self.optimizer.build(self.model.trainable_variables)
        self.fresh_slots = [variable.numpy() for variable in self.optimizer.variables]
        self.unreachable: tuple[str, ...] = ()
        eager = subject.model.run_eagerly  # what calls .numpy() works in no graph
        self._compiled = self._step if eager else tf.function(self._step, jit_compile=False)

    def _copy(self, seed: int) -> keras.Model:
        kind = self.structure
        return cloning.copy(
            self.subject.model,
            self.subject.images,
            seed=seed,
            strip=self.strip_names if kind.strip else (),
            batch_norm=kind.batch_norm,
            unfreeze=kind.unfreeze,
            batchnorm_defaults=kind.batchnorm_defaults,
        )

    def start(self, variation: Variation) -> Course:
        """Fresh weights and optimizer for one variation."""
        fresh = self._copy(self.subject.seed + variation.seed)
        weights = he_normal(fresh, self.subject.seed + variation.seed) if variation.he else fresh.get_weights()
        if variation.zero_biases:
            weights = [
                np.zeros_like(value) if len(variable.shape) == 1 and variable.path.endswith("bias") else value
                for value, variable in zip(weights, fresh.weights, strict=True)
            ]
        course = Course(variation, self.batch)
        course.state = weights, [np.array(slot) for slot in self.fresh_slots]
        return course

    def run(self, course: Course, batches, *, steps: int, until: float, finished=None) -> Course:
        """Train on for at most ``steps`` steps or until the clock (``time.perf_counter``) says ``until``.

        Args:
            course: from :meth:`start` or an earlier run; extended in place.
            batches: endless iterator of (images, labels as the loss wants them, class numbers).
            finished: called with the course every few steps; True stops.
        """
        variation = course.variation
        self.model.set_weights(course.state[0])
        for variable, value in zip(self.optimizer.variables, course.state[1], strict=True):
            variable.assign(value)
        self.rate_factor.assign(variation.rate)
        self.held_rate.assign(max(rates(self.subject.model.optimizer).values()) if variation.hold_rate else FOLLOW)
        if self.base_rate is not None:
            self.optimizer.learning_rate.assign(self.base_rate * variation.rate)
        began = time.perf_counter()
        for number in range(steps):
            images, labels, classes = next(batches)
            loss, correct, spread = self._compiled(tf.constant(images), tf.constant(labels), tf.constant(classes))
            course.loss.append(float(loss))
            course.correct.append(int(correct))
            course.spread.append(float(spread))
            if not np.isfinite(course.loss[-1]) or time.perf_counter() >= until:
                break
            if finished and number % 5 == 4 and finished(course):
                break
        course.seconds += time.perf_counter() - began
        course.state = self.model.get_weights(), [variable.numpy() for variable in self.optimizer.variables]
        return course

    def _step(self, images, labels, classes):
        model = self.model
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            losses = model._compile_loss(labels, outputs)
            total = tf.reduce_sum(losses)  # what fit takes the gradient of, where a loss keeps one for each image
            penalties = [] if self.structure.strip else model.losses  # a layer's own add_loss cannot be stripped
            total = self.optimizer.scale_loss(total + tf.add_n(penalties) if penalties else total)
        variables = model.trainable_variables
        gradients = tape.gradient(total, [variable.value for variable in variables])
        self.unreachable = tuple(v.path for v, g in zip(variables, gradients, strict=True) if g is None)
        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        if pairs:
            # A missing gradient counts as zero, so that the optimizer's slots keep their places.
            self.optimizer.apply(
                [tf.zeros_like(v.value) if g is None else g for g, v in zip(gradients, variables, strict=True)],
                variables,
            )
        return tf.reduce_mean(losses), correct_answers(outputs, classes), logit_spread(outputs)


@keras.saving.register_keras_serializable(package="vgg_lesson")
class _Scaled(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, schedule, factor, held):
        self.schedule, self.factor, self.held = schedule, factor, held

    def __call__(self, step):
        return tf.where(self.held < 0, self.schedule(step), self.held) * self.factor

    def get_config(self):
        return {"schedule": self.schedule, "factor": 1.0, "held": FOLLOW}


def he_normal(model: keras.Model, seed: int) -> list[np.ndarray]:
    """Weights for ``model``: kernels drawn from N(0, 2 / fan_in), the last layer's from N(0, 1 / fan_in), biases zero.

    Source: He, Zhang, Ren and Sun, arXiv 1502.01852, equation 10. Frozen layers and everything that Keras calls
    neither kernel (or embeddings) nor bias keep their values, and so does a bias that holds forget gates open.
    """
    rng = np.random.default_rng(seed)
    layers = [layer for layer in cloning.leaves(model) if layer.trainable]
    last = next((layer for layer in reversed(layers) if any(map(_is_kernel, layer.trainable_weights))), None)
    drawn = {}
    for layer in layers:
        for weight in layer.trainable_weights:
            shape = tuple(weight.shape)
            if _is_kernel(weight):
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D) or weight.name == "depthwise_kernel"
                fan_in = np.prod(shape[:2]) if depthwise else np.prod(shape[:-1])
                spread = np.sqrt((1.0 if layer is last else 2.0) / fan_in)
                drawn[id(weight)] = rng.normal(0, spread, shape).astype(np.float32)
            elif weight.name.endswith("bias") and not getattr(layer, "unit_forget_bias", False):
                drawn[id(weight)] = np.zeros(shape, np.float32)
    return [drawn[id(weight)] if id(weight) in drawn else weight.numpy() for weight in model.weights]


def _is_kernel(weight: keras.Variable) -> bool:
    return len(weight.shape) >= 2 and weight.name.endswith(("kernel", "embeddings"))
