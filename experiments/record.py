"""Make recorded runs: ``python -m experiments.record NAME [NAME ...]``, or a whole plan by its name.

Each finished run is appended at once to FOLDER/<plan>.jsonl, and runs already there are passed
over, so the command can be stopped and started again.
"""

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "vgg_lesson" / "records"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="+", help="names of experiments or plans, see experiments/plans.py")
    options.add_argument("--folder", type=Path, default=FOLDER, help="where the records are")
    options.add_argument("--compare", action="store_true", help="make it again, keep nothing, fail on another verdict")
    options.add_argument("--data-description", help='what the images are, for example "CIFAR-10, JPEG copy"')
    options.add_argument("--hours", type=float, default=float("inf"), help="start no run after this time")
    arguments = options.parse_args()

    from experiments.plans import PLANS, find, plan

    started = time.monotonic()
    for name in arguments.names:
        for experiment in plan(name) if name in PLANS else [find(name)]:
            path = record_path(experiment.name, arguments.folder)
            if time.monotonic() - started > 3600 * arguments.hours:
                return
            recorded = _recorded(path)
            if experiment.name in recorded and recorded[experiment.name].training_config != experiment.config:
                raise SystemExit(f"{experiment.name}: its record in {path.name} was made with other choices; remove it")
            if arguments.compare:
                compare(experiment, recorded)
            elif experiment.name not in recorded:
                run = make(experiment, arguments.data_description, arguments.folder)
                _append(path, run.to_json())
                print(f"{run.name}: {_outcome(run)}", flush=True)


def compare(experiment, recorded: dict) -> None:
    """Make a record again in a temporary folder and compare the verdicts.

    Raises:
        SystemExit: there is no record of that name, or its verdict is another.
    """
    if experiment.name not in recorded:
        raise SystemExit(f"{experiment.name} has no record to compare with")
    before = recorded[experiment.name]
    with tempfile.TemporaryDirectory() as folder:
        run = make(experiment, before.data["description"], Path(folder))
    print(f"{run.name}: recorded {_outcome(before)}; now {_outcome(run)}", flush=True)
    if run.verdict != before.verdict:
        raise SystemExit(f"{run.name}: the record says {before.verdict!r}, this run {run.verdict!r}")


def make(experiment, data_description: str | None, folder: Path):
    """Run one experiment and return its :class:`Run`, named and with its command."""
    from experiments.headline import evaluate_once, lecture_speed, stock_epochs
    from vgg_lesson.data import load_data
    from vgg_lesson.pipeline import validation_batches
    from vgg_lesson.training import train

    dataset = load_data("cifar10", split=experiment.split, validation=experiment.validation)
    if data_description:
        dataset = replace(dataset, description=data_description)
    if experiment.jpeg_quality:
        from experiments.recompressed import recompressed

        dataset = recompressed(dataset, experiment.jpeg_quality)
    whole = dataset
    if experiment.train_images:
        dataset = dataset.subset(train=experiment.train_images, validation=experiment.validation_images)
    callbacks, measurements, recorder = [_progress(experiment)], {}, None
    if experiment.first:
        from experiments.start_from import StartFrom

        start = train(experiment.first.config, dataset)
        callbacks.append(StartFrom(start.model))
        measurements["first"] = {"verdict": start.run.verdict, "epochs": start.run.epochs, "config": start.run.config}
    if experiment.vital_signs:
        from experiments.layers import LayerRecorder

        probe = replace(dataset, x_val=dataset.x_train[:64], y_val=dataset.y_train[:64])
        images, targets = next(iter(validation_batches(probe, experiment.config)))
        recorder = LayerRecorder(images, targets)
        callbacks.append(recorder)
    is_headline = experiment.name.startswith("headline/")
    if is_headline:
        before = lecture_speed()
    model, run = train(experiment.config, dataset, callbacks=tuple(callbacks))
    if recorder:
        measurements["vital_signs"] = recorder.signs
    if is_headline:
        measurements.update(stock_epochs(run.seconds, (before, lecture_speed())))
    if experiment.tested:
        measurements.update(evaluate_once(model, experiment, whole, folder / "headline"))
    run = replace(run, versions={**run.versions, "commit": _commit()})
    return run.named(experiment.name, experiment.command, **measurements)


def _progress(experiment):
    """A line an epoch, since a run can take hours."""
    import keras

    def line(epoch: int, logs: dict) -> None:
        numbers = ", ".join(f"{name} {float(value):.4f}" for name, value in logs.items())
        print(f"{experiment.name}: epoch {epoch + 1} of {experiment.config.epochs}: {numbers}", flush=True)

    return keras.callbacks.LambdaCallback(on_epoch_end=line)


def _commit() -> str:
    """The commit that the running code belongs to; "-dirty" where code was changed since."""
    git = ("git", "-C", str(FOLDER.parent.parent))
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    code = ("--", "*.py", "requirements.txt")
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", *code], check=False).returncode
    return head.stdout.strip() + ("-dirty" if changed else "")


def record_path(name: str, folder: Path = FOLDER) -> Path:
    """The file that holds the record of that name."""
    which = name.partition("/")[0]
    return folder / "headline" / "run.jsonl" if which == "headline" else folder / f"{which}.jsonl"


def _recorded(path: Path) -> dict:
    from vgg_lesson.recordings import read

    return {run.name: run for run in read(path)} if path.exists() else {}


def _outcome(run) -> str:
    last = run.epochs[-1] if run.epochs else {}
    return f"{run.verdict} after {len(run.epochs)} epochs, {run.seconds:.0f} s, {last}"


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    main()
