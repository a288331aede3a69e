"""Run records made up for tests; nothing here was measured."""

from vgg_lesson.run_record import Run, judge
from vgg_lesson.training_config import TrainingConfig


def made_run(name="made/up", *, accuracies=(0.2, 0.3), losses=(2.2, 2.0), stopped=False, config=None, **choices) -> Run:
    """A complete record with these validation accuracies and training losses, one an epoch."""
    config = config or TrainingConfig(**choices)
    epochs = tuple(
        {"loss": loss, "accuracy": share + 0.01, "val_loss": loss + 0.1, "val_accuracy": share}
        for loss, share in zip(losses, accuracies, strict=True)
    )
    return Run(
        name=name,
        config=config.to_dict(),
        data={"source": "sketches", "description": "made up", "train_images": 100, "validation_images": 20},
        epochs=epochs,
        step_loss=tuple((step + 1, loss) for step, loss in enumerate(losses)),
        seconds=1.5,
        stopped=stopped,
        verdict=judge(losses, epochs[-1]["accuracy"] if epochs else None, 0.1),
        versions={"python": "3.11"},
        cores=2,
        date="2026-01-01T00:00:00+00:00",
        measurements={"test_accuracy": 0.5},
    )


def made_atlas() -> list[Run]:
    """Two depths, two rates, two remedies; one cell has no run, one has one of two seeds learning."""
    runs = []
    for letter, rate, remedy, accuracies in (
        ("A", 1e-4, "lecture", (0.30, 0.31)),
        ("A", 1e-3, "lecture", (0.30, 0.10)),
        ("D", 1e-3, "lecture", (0.10, 0.10)),
        ("D", 1e-4, "batchnorm", (0.40, 0.41)),
        ("D", 1e-3, "batchnorm", (0.50, 0.51)),
    ):
        for seed, accuracy in enumerate(accuracies):
            runs.append(
                made_run(
                    f"atlas/{letter}-{remedy}-{rate:.1e}-{seed}",
                    accuracies=(0.1, accuracy),
                    configuration=letter,
                    width=0.25,
                    learning_rate=rate,
                    batch_norm=remedy == "batchnorm",
                    seed=seed,
                )
            )
    return runs
