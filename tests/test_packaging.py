"""One set of versions for all ways to install: pyproject.toml, requirements.txt and environment.yml agree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINNED_FILES = ("requirements.txt", "requirements-browser.txt")
IMPORT_NAMES = {"pillow": "PIL"}  # where the import is called otherwise than the package


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(text: str) -> dict[str, str]:
    """Package -> version of a compiled file; every entry must be pinned and hashed.

    Raises:
        ValueError: an entry without == or without a SHA-256, or anything that is not an entry.
    """
    found = {}
    for entry in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"([\w.-]+)==([\w.]+)( ; [^#]+?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)", entry.strip())
        if match is None:
            raise ValueError(f"not a pinned and hashed requirement: {entry[:80]!r}")
        found[canonicalize_name(match[1])] = match[2]
    return found


def unmet(requirements: list[str], pinned: dict[str, str]) -> list[str]:
    """Requirements whose pinned version is missing or outside the range."""
    parsed = [Requirement(text) for text in requirements]
    versions = {str(requirement): pinned.get(canonicalize_name(requirement.name)) for requirement in parsed}
    return [str(r) for r in parsed if versions[str(r)] is None or not r.specifier.contains(versions[str(r)])]


def test_pins_satisfy_pyproject():
    groups = PROJECT["dependency-groups"]
    build = PROJECT["build-system"]["requires"]
    wanted = PROJECT["project"]["dependencies"] + groups["develop"] + build
    assert not unmet(wanted, pins(text_of("requirements.txt")))
    assert not unmet(groups["browser"], pins(text_of("requirements-browser.txt")))


def test_both_pinned_files_agree():
    first, second = (pins(text_of(name)) for name in PINNED_FILES)
    assert not {name for name in first.keys() & second.keys() if first[name] != second[name]}


@pytest.mark.parametrize("name", [*PINNED_FILES, "environment.yml", "pyproject.toml", "Makefile"])
def test_nothing_of_one_computer_is_named(name):
    # A registry's host, a mirror or a folder would make the file work only where it was written.
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|/home/|/root/|/Users/", text_of(name))


def test_planted_mistakes_are_found():
    digest = "--hash=sha256:" + "0" * 64
    good = f"# by a tool\na==1 \\\n    {digest}\nb==2.0 ; os_name == 'nt' \\\n    {digest} \\\n    {digest}\n"
    assert pins(good) == {"a": "1", "b": "2.0"}
    for wrong in ("a>=1", "a==1", f"a==1 {digest[:-1]}", "-e .", f"a @ file:///a.whl {digest}", "--pre"):
        with pytest.raises(ValueError, match="not a pinned"):
            pins(wrong)
    assert unmet(["a>=2", "b", "c"], {"a": "1", "b": "1"}) == ["a>=2", "c"]


def test_conda_takes_python_from_conda_and_the_rest_from_the_pinned_file():
    environment = yaml.safe_load(text_of("environment.yml"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *from_conda, from_pip = environment["dependencies"]
    assert from_pip == {"pip": ["-r requirements.txt"]}
    python, pip = from_conda
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PROJECT["project"]["requires-python"])
    assert pip.startswith("pip ")
    for line in text_of("environment.yml").partition("dependencies:")[2].splitlines():
        assert not line.strip() or "#" in line or line.strip() == "- pip:", f"no reason beside {line.strip()!r}"


def test_every_dependency_has_its_reason():
    listed = [line for line in text_of("pyproject.toml").splitlines() if re.match(r'    "[a-z][a-z-]*[=><]', line)]
    assert len(listed) == len(PROJECT["project"]["dependencies"]) + sum(map(len, PROJECT["dependency-groups"].values()))
    assert not [line.strip() for line in listed if "  #" not in line and ", #" not in line]


def test_what_is_imported_is_declared():
    declared = PROJECT["project"]["dependencies"] + sum(PROJECT["dependency-groups"].values(), [])
    names = {Requirement(text).name for text in declared}
    allowed = {IMPORT_NAMES.get(name, name) for name in names} | {"vgg_lesson", *sys.stdlib_module_names}
    foreign = {}
    for path in ROOT.glob("vgg_lesson/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            foreign |= {m: path.name for m in modules if m.split(".")[0] not in allowed}
    assert not foreign


def test_data_files_of_the_package_would_be_installed():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    tracked = subprocess.run(["git", "ls-files", "vgg_lesson"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(name) for name in tracked.stdout.splitlines()]
    left_out = [f for f in files if f.suffix != ".py" and not any(f.match(pattern) for pattern in patterns)]
    assert not left_out
