"""The bench of the diagnosis: does it name the true cause, and is it silent on healthy networks?

    python -m benchmarks.diagnosis                      # all cases, seed 0
    python -m benchmarks.diagnosis --short              # what CI runs
    python -m benchmarks.diagnosis --cases 1,7,101-110 --seeds 0,1,2 --data cifar10 --output results.jsonl

With ``--output``, every result is appended as one JSON line, and cases already there are not run again.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import keras

from vgg_lesson.cases import CASES
from vgg_lesson.data import load_data
from vgg_lesson.diagnosis import examine

SHORT = (11, 13, 16, 17, 19, 23, 10, 6, 112)
"""Cases for CI: answered mostly by static facts, one training each of a broken and a healthy network."""


def numbers(text: str) -> list[int]:
    """Read "1,3,10-12"."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def run_case(number: int, seed: int, dataset, budget: float) -> dict:
    """Examine one case; everything that the report needs for a count."""
    case = CASES[number]
    arguments = case.build(dataset, seed)
    began = time.perf_counter()
    report = examine(**arguments, budget_seconds=budget, seed=seed)
    return {
        "case": number,
        "name": case.name,
        "seed": seed,
        "data": dataset.source,
        "budget": budget,
        "true": list(case.causes),
        "named": report.cause,
        "all_named": list(report.causes),
        "right": case.named_by(report),
        "stuck": report.stuck,
        "seconds": round(time.perf_counter() - began, 1),
        "seen": list(report.seen),
    }


def summary(results: list[dict]) -> str:
    """Totals: share right, false alarms on healthy cases, wrong names, not decided."""
    healthy = [r for r in results if r["true"] == ["healthy"]]
    broken = [r for r in results if r["true"] != ["healthy"]]
    alarms = sum(r["named"] not in ("healthy", "undetermined") for r in healthy)
    open_ = sum(r["named"] == "undetermined" for r in results)
    right = sum(r["right"] for r in results)
    several = [r for r in broken if len(r["true"]) > 1]
    complete = sum(set(r["true"]) <= set(r["all_named"]) for r in several)
    missed = sum(r["named"] == "healthy" for r in broken)
    return (
        f"right: {right} of {len(results)} ({100 * right / max(1, len(results)):.0f}%); broken networks "
        f"named: {sum(r['right'] for r in broken)} of {len(broken)}; "
        f"false alarms: {alarms} of {len(healthy)} healthy; undetermined: {open_}; broken called healthy: {missed}; "
        f"all causes of several found: {complete} of {len(several)}; seconds in the mean "
        f"{sum(r['seconds'] for r in results) / max(1, len(results)):.0f}"
    )


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=numbers, default=sorted(CASES), help="numbers, for example 1,7,101-110")
    parser.add_argument("--seeds", type=numbers, default=[0])
    parser.add_argument("--data", choices=("sketches", "cifar10", "auto"), default="sketches")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each examination")
    parser.add_argument("--images", type=int, default=4000, help="training images to keep")
    parser.add_argument("--output", type=Path, help="JSON lines file; finished cases in it are skipped")
    parser.add_argument("--short", action="store_true", help=f"only cases {SHORT}")
    options = parser.parse_args(argv)
    dataset = load_data(options.data)
    dataset = dataset.subset(train=min(options.images, len(dataset.x_train)), validation=min(1000, len(dataset.x_val)))
    print(dataset.description, flush=True)
    results = []
    if options.output and options.output.exists():
        results = [json.loads(line) for line in options.output.read_text().splitlines()]
    wanted = [(n, s) for s in options.seeds for n in (SHORT if options.short else options.cases)]
    done = {(r["case"], r["seed"]) for r in results if r["data"] == dataset.source}
    results = [r for r in results if r["data"] == dataset.source and (r["case"], r["seed"]) in wanted]
    for number, seed in wanted:
        if (number, seed) in done:
            continue
        result = run_case(number, seed, dataset, options.budget)
        keras.backend.clear_session()
        results.append(result)
        mark = "right" if result["right"] else "WRONG"
        print(
            f"{mark} case {number} seed {seed}: named {', '.join(result['all_named']) or result['named']}; "
            f"true {', '.join(result['true'])}; "
            f"{result['seconds']:.0f} s; {result['name']}",
            flush=True,
        )
        if options.output:
            with options.output.open("a") as file:
                file.write(json.dumps(result) + "\n")
    print(summary(results))
    return 0 if all(r["right"] for r in results) or not options.short else 1


if __name__ == "__main__":
    sys.exit(main())
