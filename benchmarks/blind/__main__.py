"""Examine the networks of the blind tests, see ``benchmarks.blind``."""

import argparse
import json
import time
from pathlib import Path

import keras

from benchmarks.blind import fifth, first, fourth, second, third
from vgg_lesson.data import load_data
from vgg_lesson.diagnosis import examine

BUDGET = 90.0
AUTHORS = {1: first, 2: second, 3: third, 4: fourth, 5: fifth}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", choices=("sketches", "cifar10", "auto"), default="sketches")
    options.add_argument("--authors", type=int, nargs="+", choices=AUTHORS, default=list(AUTHORS))
    options.add_argument("--output", type=Path, help="JSON lines file to append to")
    arguments = options.parse_args()
    data = load_data(arguments.data).subset(train=2000, validation=500)
    for author in arguments.authors:
        module = AUTHORS[author]
        for kind, cases in (("broken", module.BROKEN), ("healthy", module.HEALTHY)):
            for case in cases:
                result = {"author": author, "name": case.__name__, "kind": kind, "data": data.source} | ask(case, data)
                print(f"{kind} {case.__name__}: {result['named']}", flush=True)
                if arguments.output:
                    with arguments.output.open("a") as file:
                        file.write(json.dumps(result) + "\n")


def ask(case, data) -> dict:
    """The truth about a network, and what ``examine`` says of it."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    network, began = case(data), time.perf_counter()
    try:
        report = examine(**network, budget_seconds=BUDGET)
    except (TypeError, ValueError) as refusal:  # a kind of network that it does not take, such as two inputs
        named, said = "refused", str(refusal)
    else:
        named, said = report.cause, str(report)
    seconds = round(time.perf_counter() - began, 1)
    return {"truth": case.__doc__.splitlines()[0], "named": named, "seconds": seconds, "report": said}


if __name__ == "__main__":
    main()
