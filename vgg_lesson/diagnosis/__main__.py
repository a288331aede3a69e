"""Examine from the command line: ``python -m vgg_lesson.diagnosis MODULE:FUNCTION``.

The function, called without arguments, returns the arguments of ``examine`` as a dictionary:
at least model, x_train and y_train.
"""

import argparse
import importlib
import sys
from pathlib import Path

STATUS = {"healthy": 0, "a cause is named": 3, "undetermined": 4}
"""Exit statuses; 1 is an error's and 2 that of arguments that are wrong, as everywhere in Python."""


def main(argv=None) -> int:
    """Run and print the report; returns one of :data:`STATUS`."""
    told = ", ".join(f"{status} {verdict}" for verdict, status in STATUS.items())
    parser = argparse.ArgumentParser(
        prog="python -m vgg_lesson.diagnosis",
        description=__doc__.splitlines()[0],
        epilog=f"Exit status: {told}; 1 an error, 2 wrong arguments.",
    )
    parser.add_argument(
        "target", metavar="MODULE:FUNCTION", help="a function that returns the arguments of examine as a dictionary"
    )
    parser.add_argument("--budget", type=float, default=None, help="seconds, 60 unless the function says otherwise")
    parser.add_argument("--html", type=Path, help="write the report as HTML, too")
    options = parser.parse_args(argv)
    module, separator, function = options.target.partition(":")
    if not separator or not module or not function:
        parser.error(f"expected MODULE:FUNCTION, received {options.target!r}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        make = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # one that the user's module itself asks for
        parser.error(f"there is no module {module!r} in {Path.cwd()} or among those installed")
    if not callable(make):
        parser.error(f"module {module!r} has no function {function!r}")
    arguments = make()
    if not isinstance(arguments, dict):
        parser.error(f"{options.target} must return a dictionary of arguments, received {type(arguments).__name__}")
    from vgg_lesson.diagnosis import examine

    if options.budget is not None:
        arguments["budget_seconds"] = options.budget
    report = examine(**arguments, progress=lambda text: print(f"... {text}", file=sys.stderr, flush=True))
    print(report)
    if options.html:
        options.html.write_text(report._repr_html_(), encoding="utf-8")
    return STATUS.get(report.cause, STATUS["a cause is named"])


if __name__ == "__main__":
    sys.exit(main())
