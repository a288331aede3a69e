"""The house: who may import whom, how long a file may be, and what stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vgg_lesson"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 250

# Everything that is not named here is on floor 0: put a new module that needs training or records on floor 1.
FIRST = (
    "checks",
    "training", "saving", "rate_finder", "recordings", "atlas", "headline", "explain", "covering", "diagnosis", "cases",
    "signals", "watched_step", "consultation",
)  # fmt: skip
FLOORS = dict.fromkeys(FIRST, 1) | {"widgets": 2}

# Within the diagnosis what is not named here is on floor 0 again: the subject, a report, a variation, copies of models.
TOGETHER = ("clinic", "examine", "remedies")
DIAGNOSIS = {"facts": 1, "rules": 2, "trials": 3} | dict.fromkeys(TOGETHER, 4) | {"callback": 5, "__main__": 5}

# These work without TensorFlow: lesson 1 opens in a second, records are read by anything.
LIGHT = (
    "__init__", "environment", "data", "cifar10", "sketches", "metrics",
    "calibration", "preprocessing", "plots", "checks", "recordings", "run_record", "training_config",
)  # fmt: skip


def module_name(path: Path, package: Path = PACKAGE) -> str:
    """vgg_lesson/plots/style.py -> vgg_lesson.plots.style"""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str, known: set[str]) -> set[str]:
    """The modules of the package that a source imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}: write the whole name"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & known) or {node.module}
    return {name for name in found if name.split(".")[0] == "vgg_lesson"}


def room(module: str, within: str = "vgg_lesson") -> str:
    """vgg_lesson.plots.style -> plots: what the floors are made of."""
    return (module.removeprefix(within).split(".") + ["__init__"])[1]


def climbs(imports: dict[str, set[str]], floors: dict[str, int] = FLOORS, within: str = "vgg_lesson") -> list[str]:
    """Imports that go up, or that reach into the widgets from outside."""
    found = []
    for module, targets in imports.items():
        for target in sorted(targets):
            here, there = floors.get(room(module, within), 0), floors.get(room(target, within), 0)
            if there > here or (room(target) == "widgets" and room(module) != "widgets"):
                found.append(f"{module} (floor {here}) imports {target} (floor {there})")
    return found


def cycle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, or an empty list."""
    done, path = set(), []

    def visit(module: str) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        for target in sorted(imports.get(module, ())):
            if circle := visit(target):
                return circle
        path.pop()
        done.add(module)
        return []

    return next((circle for module in sorted(imports) if (circle := visit(module))), [])


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    known = {module_name(path) for path in MODULES}
    return {module_name(path): imported(path.read_text(encoding="utf-8"), known) for path in MODULES}


def test_nothing_imports_from_a_higher_floor(imports):
    assert not climbs(imports)


def test_the_diagnosis_measures_before_it_judges_and_judges_before_it_tries(imports):
    within = {
        module: {target for target in targets if target.startswith("vgg_lesson.diagnosis.")}
        for module, targets in imports.items()
        if module.startswith("vgg_lesson.diagnosis.")
    }
    assert {room(module, "vgg_lesson.diagnosis") for module in within} > {*DIAGNOSIS}
    assert not climbs(within, DIAGNOSIS, "vgg_lesson.diagnosis")


def test_no_imports_in_a_circle(imports):
    # data fetches on request only, with a module that needs to know where data is kept.
    assert not cycle(imports)


def test_planted_imports_are_found():
    known = {"vgg_lesson", "vgg_lesson.training", "vgg_lesson.widgets.common", "vgg_lesson.plots.style"}
    source = "import os\nfrom vgg_lesson import training\ndef f():\n    from vgg_lesson.widgets.common import choice\n"
    assert imported(source, known) == {"vgg_lesson.training", "vgg_lesson.widgets.common"}
    assert climbs({"vgg_lesson.metrics": {"vgg_lesson.training"}})
    assert climbs({"vgg_lesson.plots.style": {"vgg_lesson.widgets.common"}})
    assert not climbs({"vgg_lesson.widgets.training": {"vgg_lesson.widgets.common", "vgg_lesson.training"}})
    facts, trials = {"vgg_lesson.diagnosis.facts.answers"}, {"vgg_lesson.diagnosis.trials.laboratory"}
    assert climbs(dict.fromkeys(facts, trials), DIAGNOSIS, "vgg_lesson.diagnosis")
    assert not climbs(dict.fromkeys(trials, facts), DIAGNOSIS, "vgg_lesson.diagnosis")
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_files_hold_one_idea():
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES}
    assert not {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert not list(ROOT.glob("vgg_lesson/**/utils.py"))


def test_light_modules_do_not_import_tensorflow():
    modules = [module_name(path) for path in MODULES if room(module_name(path)) in LIGHT]
    assert len(modules) >= 10
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    heavy = {'tensorflow', 'keras'} & set(sys.modules)\n"
        "    assert not heavy, f'{name} imports {heavy}'\n"
    )
    run = subprocess.run([sys.executable, "-c", program, *modules], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    heavier = subprocess.run([sys.executable, "-c", program, "keras"], capture_output=True, text=True, timeout=120)
    assert "keras imports" in heavier.stderr, "the planted import was not noticed"


def test_importing_the_package_is_instant():
    program = "import sys; before = set(sys.modules); import vgg_lesson; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not {"numpy", "matplotlib", "ipywidgets", "tensorflow", "keras"} & set(run.stdout.split())
