"""Every recorded run by name: its configuration and how much data it sees.

The order of :func:`plan` is the order of work, chosen so that a half-finished plan is already useful.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from vgg_lesson.training_config import TrainingConfig


@dataclass(frozen=True)
class Experiment:
    """One run to record.

    Attributes:
        name: unique, "plan/..."; the record and the command carry it.
        config: the choices.
        train_images, validation_images: stratified sample sizes; None takes all.
        split, validation: as for ``load_data``.
        vital_signs: measure every layer while training.
        first: a shallower run that is made first; its first four convolutions and its dense layers are where
            this one starts, as the paper trained its deeper networks (section 3.1). Not recorded by itself.
        jpeg_quality: all images are compressed once more, at this quality; None leaves them as they are.
        tested: use the test set, once, when the training has ended.
    """

    name: str
    config: TrainingConfig
    train_images: int | None
    validation_images: int | None
    split: str = "stratified"
    validation: float = 0.2
    vital_signs: bool = False
    first: "Experiment | None" = None
    jpeg_quality: int | None = None
    tested: bool = False

    @property
    def command(self) -> str:
        return f"python -m experiments.record {self.name}"


LECTURE_CHANGES = {
    "none": {},
    "adam-1e-4": {"learning_rate": 1e-4},
    "he": {"initializer": "he_normal"},
    "he-adam-1e-4": {"initializer": "he_normal", "learning_rate": 1e-4},
    "batchnorm": {"batch_norm": True},
    "sgd": {"optimizer": "sgd", "learning_rate": 1e-2},
    "mean-rgb": {"preprocessing": "mean_rgb"},
}
"""The lecture's run at full width, and the same with one change each (one with two)."""
LECTURE_STEPS_AN_EPOCH = 160
LECTURE_EPOCHS = 2

BATCH_SIZES = (32, 128, 512)
"""The lecture's choices at 1/8 width, the same images and number of steps; what a step averages over differs."""
BATCH_IMAGES, BATCH_STEPS = 10_240, 320
BATCH_SIZE_FULL, BATCH_STEPS_FULL = 512, 160
"""The same at full width, for the largest; the lecture's own batches of 32 are in the plan "lecture"."""

FULL_CHANGES = ("he-adam-1e-4",)
"""Those of the changes with which the lecture's run was made in full: all its images, all its ten epochs."""

ATLAS_LETTERS = ("D", "A", "E", "B")
ATLAS_RATES = (1e-3, 1e-4, 1e-2, 1e-5, 1e-1, 3e-4, 3e-3, 3e-5, 3e-2)
ATLAS_COARSE = 5
ATLAS_REMEDIES = {
    "lecture": {},
    "batchnorm": {"batch_norm": True},
    "he": {"initializer": "he_normal"},
    "sgd": {"optimizer": "sgd"},
}
ATLAS_IMAGES, ATLAS_EPOCHS = 5_000, 3
SEEDS = (0, 1, 2)

HEADLINE = TrainingConfig(
    configuration="A",
    width=0.375,
    blocks=4,
    head=(),
    batch_norm="after_pooling",
    optimizer="sgd",
    learning_rate=0.4,
    schedule="one_cycle",
    weight_decay=5e-3,  # decoupled: without momentum's tenfold sum, so ten times the usual 5e-4
    label_smoothing=0.1,
    augmentation=("flip", "shift"),
    preprocessing="standardise",
    batch_size=256,
    epochs=8,
)
"""Chosen for half the time of an epoch of the lecture's run on a machine with AVX-512."""
HEADLINE_LONG = HEADLINE.change(width=0.5, epochs=18)
"""The headline model's; aimed at three times as much time."""
HEADLINE_WIDE = HEADLINE.change(width=0.75, learning_rate=0.8, start=("whitening", "identity"))
"""Chosen for half of that time on an AVX2 machine, where it is four times as long."""
HEADLINE_MUON = TrainingConfig(
    configuration="A",
    width=1.0,
    filters=(64, 256, 256, 256, 256),
    blocks=4,
    head=(),
    batch_norm="after_pooling",
    batch_norm_momentum=0.6,
    start=("whitening_layer", "identity"),
    initializer="he_normal",
    optimizer="muon",
    momentum=0.6,
    learning_rate=0.12,
    schedule="linear",
    label_smoothing=0.2,
    augmentation=("flip", "shift"),
    preprocessing="standardise",
    batch_size=500,
    epochs=7,
    dtype_policy="mixed_bfloat16",
)
"""Chosen for half of that time on a machine that multiplies matrices of bfloat16 (AMX)."""
HEADLINE_MUON_LONG = HEADLINE_MUON.change(epochs=15, augmentation=("flip", "shift", "cutout"))
"""Chosen for one and a half times as long as the lecture's epoch; so many epochs want more augmentation."""

JPEG_QUALITIES = (None, 50, 30)
"""CIFAR-10 is to be had here as JPEG of quality 75 only; what less costs says in what direction that errs."""


def _lecture() -> Iterator[Experiment]:
    sizes = (LECTURE_STEPS_AN_EPOCH * TrainingConfig.lecture().batch_size, 500, "lecture")
    for seed in SEEDS:
        for name, change in LECTURE_CHANGES.items():
            config = TrainingConfig.lecture(epochs=LECTURE_EPOCHS, seed=seed, **change)
            yield Experiment(f"lecture/{name}-{seed}", config, *sizes, vital_signs=True)
        config = TrainingConfig.lecture(epochs=LECTURE_EPOCHS, seed=seed, **LECTURE_CHANGES["sgd"])
        net_a = Experiment(f"net-a-{seed}", config.change(configuration="A", epochs=2 * LECTURE_EPOCHS), *sizes)
        yield Experiment(f"lecture/from-net-a-{seed}", config, *sizes, vital_signs=True, first=net_a)


def _batches() -> Iterator[Experiment]:
    small = TrainingConfig.lecture(width=1 / 8, head=(512, 512))
    runs = [("small", small, size, BATCH_STEPS) for size in BATCH_SIZES]
    runs.append(("full", TrainingConfig.lecture(), BATCH_SIZE_FULL, BATCH_STEPS_FULL))
    for name, config, size, steps in runs:
        for seed in SEEDS:
            config = config.change(batch_size=size, epochs=steps * size // BATCH_IMAGES, seed=seed)
            full = name == "full"  # where a loss that stays may be slow or stuck; the logits tell
            yield Experiment(f"batches/{name}-{size}-{seed}", config, BATCH_IMAGES, 500, vital_signs=full)


def _full() -> Iterator[Experiment]:
    for name in FULL_CHANGES:
        config = TrainingConfig.lecture(**LECTURE_CHANGES[name])
        yield Experiment(f"full/{name}-0", config, None, None, split="lecture", vital_signs=True, tested=True)


def _atlas() -> Iterator[Experiment]:
    grid = [(seed, rates) for rates in (ATLAS_RATES[:ATLAS_COARSE], ATLAS_RATES[ATLAS_COARSE:]) for seed in SEEDS]
    for seed, rates in grid:
        for rate in rates:
            for letter in ATLAS_LETTERS:
                for remedy, change in ATLAS_REMEDIES.items():
                    config = TrainingConfig(
                        configuration=letter, width=0.25, head=(1024, 1024), learning_rate=rate, seed=seed,
                        epochs=ATLAS_EPOCHS, **change,
                    )  # fmt: skip
                    yield Experiment(f"atlas/{letter}-{remedy}-{rate:.1e}-{seed}", config, ATLAS_IMAGES, 1_000)


def _headline() -> Iterator[Experiment]:
    configs = {"long-0": HEADLINE_LONG}
    configs |= {str(seed): HEADLINE.change(seed=seed) for seed in SEEDS}
    configs |= {f"wide-{seed}": HEADLINE_WIDE.change(seed=seed) for seed in SEEDS}
    configs |= {f"muon-{seed}": HEADLINE_MUON.change(seed=seed) for seed in SEEDS} | {"muon-long-0": HEADLINE_MUON_LONG}
    for name, config in configs.items():
        yield Experiment(f"headline/{name}", config, None, None, validation=0.1, tested=True)


def _jpeg() -> Iterator[Experiment]:
    for seed in SEEDS:
        for quality in JPEG_QUALITIES:
            config = HEADLINE_MUON.change(epochs=3, seed=seed)
            name = f"jpeg/{quality or 'as-it-is'}-{seed}"
            yield Experiment(name, config, None, None, validation=0.1, jpeg_quality=quality)


PLANS = {"lecture": _lecture, "batches": _batches, "full": _full, "headline": _headline, "atlas": _atlas, "jpeg": _jpeg}


def plan(name: str) -> list[Experiment]:
    """All experiments of a plan, in the order of work.

    Raises:
        ValueError: no plan of that name.
    """
    if name not in PLANS:
        raise ValueError(f"plan must be one of {sorted(PLANS)}, received {name!r}")
    return list(PLANS[name]())


def find(name: str) -> Experiment:
    """The experiment of that full name.

    Raises:
        ValueError: no such experiment.
    """
    experiments = _by_name(name.partition("/")[0])
    if name not in experiments:
        raise ValueError(f"no experiment {name!r}; names of its plan begin {next(iter(experiments))!r}")
    return experiments[name]


@cache
def _by_name(plan_name: str) -> dict[str, Experiment]:
    return {experiment.name: experiment for experiment in plan(plan_name)}
