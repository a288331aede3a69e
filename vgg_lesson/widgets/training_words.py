"""The words of the training panel: what a click costs, the table of runs, the exported code."""

import html

from vgg_lesson.configurations import count_layers, weight_layers
from vgg_lesson.run_record import Run
from vgg_lesson.training_config import TrainingConfig, short_rate

# Seconds on two cores of a laptop, fitted to the widths 1/8, 1/4 and 1 (see benchmarks/): an
# estimate of what a click costs, replaced by the learner's own machine's speed after one run.
_START, _PER_IMAGE, _PER_MULTIPLY_ADD = 5.0, 4e-4, 5.4e-11
_COLUMNS = (
    "Run", "Weight layers", "Learning rate", "Batch norm", "Initial weights", "Optimizer", "Width", "Images x epochs",
    "Seed", "Training accuracy", "Validation accuracy", "Outcome", "Seconds",
)  # fmt: skip
_OUTCOMES = {"learning": "learns", "stuck": "at chance", "diverged": "diverged", "unfinished": "no epoch finished"}


def estimated_seconds(config: TrainingConfig, images: int, factor: float = 1.0) -> float:
    """Wall seconds that a training probably takes; ``factor`` is measured time over estimate."""
    layers = count_layers(
        config.configuration, width=config.width, head=config.head, blocks=config.blocks, filters=config.filters
    )
    multiply_adds = sum(layer.multiply_adds for layer in layers)
    per_image = _PER_IMAGE + _PER_MULTIPLY_ADD * multiply_adds
    return _START + factor * images * config.epochs * per_image * 1.1  # a tenth for validation


def speed_factor(run: Run) -> float:
    """How much longer a run took than estimated for two laptop cores."""
    images = run.data["train_images"]
    work = estimated_seconds(run.training_config, images) - _START
    return max(0.05, (run.seconds - _START / 2) / work)


def cost_words(config: TrainingConfig, images: int, factor: float | None) -> str:
    """What a click on Train costs, in words; ``factor`` None before the first run."""
    steps = config.steps_per_epoch(images)
    seconds = estimated_seconds(config, images, factor or 1.0)
    time = (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
    basis = "at the speed of your last run" if factor else "on two laptop cores without other work"
    return (
        f"<p><b>A click costs</b> {config.epochs} epochs of {steps:,} steps of {config.batch_size} images: "
        f"about {time} {basis}.</p>"
    )


def short_name(run: Run, number: int) -> str:
    """A run in a few words, for the end of a curve."""
    config = run.training_config
    layers = weight_layers(config.configuration, config.head, config.blocks)
    changes = [f"{layers} layers", short_rate(config.learning_rate)]
    changes += ["batch norm"] * bool(config.batch_norm)
    changes += ["He"] * config.initializer.startswith("he_") + ["SGD"] * (config.optimizer == "sgd")
    return f"run {number}: " + ", ".join(changes)


def runs_table(runs: list[Run]) -> str:
    """All runs as an HTML table, the latest first."""
    if not runs:
        return "<p>No run yet: the table of your runs will stand here.</p>"
    head = "".join(f"<th scope='col' style='padding:2px 8px;text-align:left'>{name}</th>" for name in _COLUMNS)
    body = "".join(_row(number, run) for number, run in reversed(list(enumerate(runs, start=1))))
    return (
        "<div style='overflow-x:auto' tabindex='0' role='region' aria-label='Your runs'>"
        "<table style='border-collapse:collapse;font-size:90%'>"
        "<caption style='text-align:left'><b>Your runs</b></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(number: int, run: Run) -> str:
    config = run.training_config
    last = run.epochs[-1] if run.epochs else None
    cells = (
        number,
        weight_layers(config.configuration, config.head, config.blocks),
        short_rate(config.learning_rate),
        "yes" if config.batch_norm else "no",
        ", ".join([config.initializer, *config.start]),
        config.optimizer,
        f"{config.width:g}",
        f"{run.data['train_images']:,} × {len(run.epochs)}",
        config.seed,
        f"{last['accuracy']:.1%}" if last else "-",
        f"{last['val_accuracy']:.1%}" if last else "-",
        _OUTCOMES[run.verdict] + (", stopped" if run.stopped else ""),
        f"{run.seconds:.0f}",
    )
    return "<tr>" + "".join(f"<td style='padding:2px 8px'>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def code_words(code: str, source: str) -> str:
    """A script as preformatted HTML that can be selected and copied; ``source`` is what the panel trains on."""
    what = "The same run in plain Keras."
    if source != "cifar10":
        what = "The same network and settings in plain Keras, on CIFAR-10; this panel trains on drawn images."
    return (
        f"<p><b>{what}</b> Copy it into a file and run it; it does not need this package.</p>"
        "<pre tabindex='0' role='region' aria-label='Keras code of this run' "
        "style='max-height:24em;overflow:auto;padding:.8em;"
        f"border:1px solid #6B6B6B;line-height:1.35'>{html.escape(code)}</pre>"
    )
