"""One change to a training, and how a short training went: the values that probes take and give."""

from dataclasses import dataclass, field

import keras
import numpy as np

LARGER = 32
"""Images of a larger batch."""


@dataclass(frozen=True)
class Variation:
    """One change to the subject's own configuration; the default is no change: the control.

    Attributes:
        name: for readers.
        rate: factor on the learning rate.
        hold_rate: the largest rate of a schedule, all the time.
        he: kernels from He's distribution, biases zero.
        zero_biases: all biases start at zero.
        scale_inputs: let standardised values (per channel) reach the first kernel.
        permute_labels: give the images each other's labels.
        augment: use the augmentation that was given.
        strip: without penalties, constraints, decay and layers that act only in training.
        batch_norm, unfreeze, batchnorm_defaults: as in :func:`cloning.copy`.
        each_step: change the weights after every batch, where gradients of several were to be gathered.
        larger_batches: of at least :data:`LARGER` images.
        one_batch: train on the same handful of images again and again.
        seed: of weights and order.
    """

    name: str = "untouched control"
    rate: float = 1.0
    hold_rate: bool = False
    he: bool = False
    zero_biases: bool = False
    scale_inputs: bool = False
    permute_labels: bool = False
    augment: bool = True
    strip: bool = False
    batch_norm: bool = False
    unfreeze: bool = False
    batchnorm_defaults: bool = False
    each_step: bool = False
    larger_batches: bool = False
    one_batch: bool = False
    seed: int = 0

    def structure(self) -> tuple:
        """Variations of equal structure share one compiled training step."""
        kind = self.strip, self.batch_norm, self.unfreeze, self.batchnorm_defaults
        return *kind, self.each_step, self.larger_batches


IN_WORDS = {
    "scale_inputs": "scaled inputs",
    "he": "He initialisation",
    "strip": "no regularisation",
    "unfreeze": "all weights trainable",
    "batch_norm": "batch normalisation",
    "batchnorm_defaults": "default batch normalisation",
    "each_step": "a change of the weights after every batch",
    "larger_batches": f"batches of {LARGER} images",
    "augment": "no augmentation",
    "hold_rate": "the schedule's peak rate held",
    "zero_biases": "",
}
"""A change by its name -> for readers; a rate says its factor."""


@dataclass
class Course:
    """How a short training went, step by step.

    Attributes:
        variation: what was changed.
        batch: images a step.
        loss: data loss of each step, regularisation excluded, on images before they were trained on.
        correct: right answers of each step.
        spread: of each step: how much the logits differ between images (mean standard deviation).
        state: weights and optimizer, to go on from.
        seconds: wall time of the steps.
    """

    variation: Variation
    batch: int
    loss: list[float] = field(default_factory=list)
    correct: list[int] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    state: tuple = ()
    seconds: float = 0.0

    @property
    def steps(self) -> int:
        return len(self.loss)

    def window(self) -> int:
        """Steps that give a firm mean: at least 320 images and 10 steps, at most half of all."""
        return max(1, min(max(10, -(-320 // self.batch)), max(1, self.steps // 2)))

    def last_loss(self) -> float:
        return float(np.mean(self.loss[-self.window() :])) if self.loss else float("nan")

    def last_accuracy(self) -> float:
        return float(np.mean(self.correct[-self.window() :])) / self.batch if self.correct else float("nan")


@dataclass(frozen=True)
class Trial:
    """What one remedy did.

    Attributes:
        remedy: its name. learned: for each seed, whether the network learned; where the untouched control does,
            whether it is right clearly more often than this, at inference and on plain training images.
        loss, accuracy: of the last steps, or at inference where that decides, for each seed.
        steps: trained, for each seed. courses: the trainings. obstacle: why there are none, or why they were cut short.
        compared: whether the comparison with a control that learns decides.
        cut_short: for each seed, whether the clock ended the training before it could be judged.
    """

    remedy: str
    learned: tuple[bool, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    steps: tuple[int, ...]
    courses: tuple[Course, ...]
    obstacle: str = "the time was over"
    compared: bool = False
    cut_short: tuple[bool, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether it was tried long enough to say that it helped, or that it did not."""
        return any(self.learned) or bool(self.learned) and not any(self.cut_short)

    @property
    def verdict(self) -> str:
        """In words: for the control, whether it learns; for a remedy, whether it helped."""
        if not self.learned:
            return f"not tried: {self.obstacle}"
        control = self.remedy == Variation().name
        if control and self.compared:
            return "learns, so the accuracy at inference decides"
        if any(self.learned):
            learns = "learns better" if self.compared else "learns"
            return learns if all(self.learned) else f"{learns} for some seeds"
        if not self.judged:
            return f"not tried to the end: {self.obstacle}"
        return "does not learn" if control else "did not help"


def update_ratio_of(model: keras.Model, before: list[np.ndarray], after: list[np.ndarray], steps: int) -> float:
    """Median over trainable kernels of one step's change over the kernel's size, from the weights some steps apart.

    Args:
        model: whose weights they are, in its order.
        before, after: values of all its weights.
        steps: training steps between them.
    """
    trainable = {id(weight) for weight in model.trainable_weights}
    ratios = [
        float(np.linalg.norm(new - old) / np.linalg.norm(old) / steps)
        for weight, old, new in zip(model.weights, before, after, strict=True)
        if old.ndim >= 2 and id(weight) in trainable and np.linalg.norm(old)
    ]
    return float(np.median(ratios)) if ratios else float("nan")


def rate_in_words(rate: float, factor: float, rates: dict[int, float] | None = None) -> str:
    """Another learning rate as a remedy; of a schedule, whose steps were all multiplied, no single rate was tried.

    Args:
        rate, factor: the highest rate seen, and what it was multiplied by.
        rates: the schedule after 1, 300 and other numbers of steps.
    """
    if rates and factor > 1 and rates[300] > 1.5 * rates[1]:
        seen = f"{rates[1]:.2g} after one step and {rates[300]:.2g} after 300"
        return f"a shorter warm-up: the schedule's learning rate is {seen}"
    if rates and min(rates.values()) != max(rates.values()):
        return f"{factor:g} times the schedule's learning rate"
    return f"learning rate {rate * factor:.2g}"
