"""The small network that is known to learn, and the trainings of it on the subject's own arrays.

A flattened image is one pixel with as many channels as it has values: the convolutions then are dense layers.
"""

import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vgg_lesson.baselines import majority_share
from vgg_lesson.diagnosis.facts.array_facts import fitting, without_copies
from vgg_lesson.diagnosis.facts.batches import augment_batch, in_blocks, pictures, pieces, prepares
from vgg_lesson.diagnosis.facts.guessing import STANDARD_ERRORS, evidence
from vgg_lesson.diagnosis.facts.mendings import SCALED, gain, mendings, relaid, scaled, spread
from vgg_lesson.diagnosis.subject import Labels, Subject
from vgg_lesson.optimizers.one_device import on_one_device

BATCH, PIECE = 64, 128  # images of a training step, and answered or made smaller at a time
HELD_OUT, DECIDING = 512, 800  # images held out at most; different images of which enough are held out to decide
SIDE = 24
"""Larger images are averaged down to at most this side: a quarter of the time, and most classes still show."""


@dataclass(frozen=True)
class Validation:
    """What the known-good network says about the validation images.

    Attributes:
        accuracy: on them as they are; NaN without. count: their number.
        mended, mended_by: accuracy after the change that helps them most, and its name.
        gain: by how many standard errors this change makes it right more often, on further validation images, than
            scaling alone; NaN without.
    """

    accuracy: float = float("nan")
    count: int = 0
    mended: float = float("nan")
    mended_by: str = ""
    gain: float = float("nan")


def build(input_shape, classes: int, seed: int) -> keras.Model:
    """32-64-96 channels, each 3x3 convolution with batch norm, ReLU and pooling; 0.08 M parameters."""
    seeds = iter(range(seed, seed + 10))
    model = keras.Sequential([keras.Input(input_shape)], name="known_good")
    for number, filters in enumerate((32, 64, 96), 1):
        initializer = keras.initializers.HeNormal(seed=next(seeds))
        model.add(
            keras.layers.Conv2D(
                filters, 3, padding="same", use_bias=False, kernel_initializer=initializer, name=f"conv{number}"
            )
        )
        model.add(keras.layers.BatchNormalization(momentum=0.8, name=f"bn{number}"))
        model.add(keras.layers.ReLU(name=f"relu{number}"))
        if min(model.output_shape[1:3]) >= 4:
            model.add(keras.layers.MaxPooling2D(2, name=f"pool{number}"))
    model.add(keras.layers.GlobalMaxPooling2D(name="pool"))
    model.add(
        keras.layers.Dense(
            classes, kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)), name="scores"
        )
    )
    return model


class KnownGoodNetwork:
    """The network with its data. ``fine``: a block's pixels come as channels, not averaged: nothing is lost."""

    def __init__(self, subject: Subject, fine: bool = False):
        self.subject, self.fine = subject, fine
        self.channels_first = subject.channels_first
        images, labels = subject.training_part()
        rng = np.random.default_rng(subject.seed + 1)
        order = without_copies(images, rng.permutation(len(images))[:12_000], DECIDING)
        held = min(HELD_OUT, len(order) // 4)
        self.held, self.train = order[:held], order[held:]
        self.numbers, coded = np.unique(labels.classes, return_inverse=True)
        self.coded, self.images = coded.astype(np.int64), images
        self.thinned = max(pictures(images[:1], self.channels_first).shape[1:3]) > SIDE
        sample = self._thin_all(images, self.train[: fitting(images, 1000)])
        axes = tuple(range(sample.ndim - 1))
        self.mean, self.std = sample.mean(axis=axes), spread(sample)
        self.model = build(sample.shape[1:], max(2, len(self.numbers)), subject.seed)
        self.optimizer = on_one_device(keras.optimizers.Adam(2e-3))
        self.optimizer.build(self.model.trainable_variables)
        self.fresh = self.model.get_weights(), [v.numpy() for v in self.optimizer.variables]
        self._compiled = tf.function(self._step)
        self._answer = tf.function(lambda x: self.model(x, training=False))
        self.majority = majority_share(self.coded[self.held]) if held else 1.0

    def _thin(self, images) -> np.ndarray:
        return in_blocks(pictures(images, self.channels_first), SIDE, averaged=not self.fine)

    def _thin_all(self, images, rows) -> np.ndarray:
        return np.concatenate([self._thin(images[part]) for part in pieces(rows, PIECE)])

    def _step(self, x, y):
        with tf.GradientTape() as tape:
            logits = self.model(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        return loss

    def fit(
        self, steps: int, until: float, *, permute: bool = False, augment: bool = False, enough: float | None = None
    ) -> int:
        """Train from fresh weights; stop early once the held-out accuracy exceeds ``enough``. Returns steps done."""
        self.model.set_weights(self.fresh[0])
        for variable, value in zip(self.optimizer.variables, self.fresh[1], strict=True):
            variable.assign(value)
        rng = np.random.default_rng(self.subject.seed + 2)
        coded = rng.permutation(self.coded) if permute else self.coded
        batch, order, done = min(BATCH, len(self.train)), np.array([], int), 0
        while done < steps and (time.perf_counter() < until or done < 3):
            if len(order) < batch:
                order = rng.permutation(self.train)
            rows, order = order[:batch], order[batch:]
            x, y = self.images[rows], coded[rows]
            if augment:
                given = self.subject.labels.given[rows]
                x, labels = augment_batch(self.subject.augmentation, x, given)
                y = y if labels is given else self._code(Labels.of(labels).classes).clip(0)
            x = self._thin(x)
            # After an augmentation the question is whether the picture survives, not its scale.
            mean, std = (x.mean(axis=(0, 1, 2)), spread(x)) if augment else (self.mean, self.std)
            x = (x - mean) / std
            self._compiled(tf.constant(x, tf.float32), tf.constant(y))
            done += 1
            if enough is not None and done % 20 == 0 and self.accuracy() > enough:
                break
        return done

    def fit_longer(self, steps: int, until: float, before: int, *, enough: float | None = None) -> int:
        """Train anew, longer than the steps before; where the clock ends it earlier, its weights stay as they were.

        Returns:
            The steps after which the weights are now.
        """
        kept = self.model.get_weights()
        done = self.fit(steps, until, enough=enough)
        if done >= before or (enough is not None and self.accuracy() > enough):
            return done
        self.model.set_weights(kept)
        return before

    def permuted(self, steps: int) -> float:
        """Held-out accuracy after so many steps on permuted labels; the weights stay as they were."""
        kept = self.model.get_weights()
        self.fit(steps, float("inf"), permute=True)
        accuracy = self.accuracy(permute=True)
        self.model.set_weights(kept)
        return accuracy

    def accuracy(self, permute: bool = False) -> float:
        """Share of right answers on the held-out training images."""
        coded = np.random.default_rng(self.subject.seed + 2).permutation(self.coded) if permute else self.coded
        return float(np.mean(self._held_scores().argmax(axis=1) == coded[self.held])) if len(self.held) else np.nan

    def told(self, above: bool) -> bool | None:
        """See ``KnownGood.informative``: where one class is most of the images, accuracy says little."""
        return above or (None if evidence(self._held_scores(), self.coded[self.held]) > STANDARD_ERRORS else False)

    def _held_scores(self) -> np.ndarray:
        parts = pieces(self.held, PIECE)  # in fine detail, all of them at once could take gigabytes
        return np.concatenate([self._scores((self._thin(self.images[p]) - self.mean) / self.std) for p in parts])

    def _code(self, classes) -> np.ndarray:
        """Positions among the class numbers of the training images; -1 for one that is not among them."""
        coded = np.searchsorted(self.numbers, classes).clip(0, len(self.numbers) - 1)
        return np.where(self.numbers[coded] == classes, coded, -1)

    def _scores(self, x) -> np.ndarray:
        parts = [tf.constant(part, tf.float32) for part in pieces(x, PIECE)]
        return np.concatenate([self._answer(part).numpy() for part in parts])

    def validate(self) -> Validation:
        """How it does on validation images as they are, and after the change that helps them most."""
        part = self.subject.validation_part()
        if part is None or self.fine:  # a block's pixels as channels cannot be turned or mirrored
            return Validation()
        images, classes = part
        rows = np.random.default_rng(self.subject.seed).permutation(len(images))[: 4 * HELD_OUT]
        x, y = self._thin_all(images, rows), classes[rows]
        coded = self._code(y)

        def right(images, part: slice) -> np.ndarray:
            return self._scores(images[part]).argmax(axis=1) == coded[part]

        first, rest = slice(HELD_OUT), slice(HELD_OUT, None)
        changed = {} if self.channels_first else relaid(images[rows])
        mended = mendings(x) | {name: scaled(self._thin_all(new, np.arange(len(y)))) for name, new in changed.items()}
        # Where the augmentation is what scales, the training images' own scale is not that of the validation images.
        own = mended[SCALED] if prepares(self.subject, self.train) else (x - self.mean) / self.std
        plain = float(np.mean(right(own, first)))
        shares = {name: float(np.mean(right(images, first))) for name, images in mended.items()}
        name = max(shares, key=shares.get)
        # Chosen on the first images, it is judged on others: the best of ten looks good by luck.
        won = gain(right(mended[SCALED], rest), right(mended[name], rest)) if len(x) > HELD_OUT else float("nan")
        return Validation(plain, len(y[first]), shares[name], name, won)
