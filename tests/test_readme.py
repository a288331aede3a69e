"""README and docs: the code runs as it stands, the picture and the tables show the present records."""

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pytest
from made_networks import small, stripes
from PIL import Image

from benchmarks import speed
from benchmarks.blind.__main__ import AUTHORS
from vgg_lesson import recordings
from vgg_lesson.architecture import layer_table
from vgg_lesson.diagnosis.__main__ import STATUS, main
from vgg_lesson.training import build_model

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPEED = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")


def block(word: str) -> str:
    """The one Python block of the README that contains a word."""
    (found,) = [text for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in text]
    return found


@pytest.fixture
def names():
    keras.utils.set_random_seed(0)  # one fresh network in ten knows a lot by luck, and is not stuck
    x, y = stripes()
    return {"model": small(keras.optimizers.Adam(1e-8)), "x_train": x, "y_train": y}


def test_examine_and_prescribe(names, capsys):
    exec(block("print(report)"), names)
    assert names["report"].cause == "learning_rate_too_low"
    assert "learns (2 of 2 seeds)" in capsys.readouterr().out


def test_the_callback(names):
    x, y = names["x_train"], names["y_train"]
    names |= {"x_train": x.repeat(3, axis=0), "y_train": y.repeat(3)}  # 57 batches an epoch: 200 fit into ten epochs
    with pytest.warns(UserWarning, match="learning_rate_too_low"):
        exec(block("DiagnosisCallback"), names)


def test_the_command_line(tmp_path):
    setup = "from made_networks import small, stripes\nx_train, y_train = stripes()\n"
    maker = "def make_model():\n    model = small()\n    model.trainable = False\n    return model\n"
    (tmp_path / "my_network.py").write_text(setup + maker + block("my_network.py"))
    command = re.search(r"python -m vgg_lesson.diagnosis (\S+:\S+)", README)[1]
    done = subprocess.run(
        [sys.executable, "-m", "vgg_lesson.diagnosis", command], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}"},
    )  # fmt: skip
    assert done.returncode == STATUS["a cause is named"], done.stderr
    assert "Diagnosis: frozen_weights" in done.stdout


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("no_such_module:f", "no module 'no_such_module'"),
        ("json:no_such_function", "module 'json' has no function 'no_such_function'"),
        ("json:__doc__", "has no function '__doc__'"),
        ("json", "expected MODULE:FUNCTION, received 'json'"),
        ("os:getcwd", "must return a dictionary of arguments, received str"),
    ],
)
def test_the_command_line_says_what_it_was_given(target, complaint, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit, match="2"):
        main([target])
    assert complaint in capsys.readouterr().err
    assert not {1, 2} & {*STATUS.values()}, "those of errors"


def test_a_module_that_is_missing_in_theirs_is_an_error_of_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "wants_another.py").write_text("import no_such_module_either")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_either"):
        main(["wants_another:f"])


def test_the_pictures_show_the_present_records():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import draw_pictures as tool
    finally:
        sys.path.remove(str(ROOT / "tools"))
    for name, draw in tool.PICTURES.items():
        _, shown = draw()
        assert shown and Image.open(tool.DOCS / name).text["records"] == tool.checksums(shown), (
            "run tools/draw_pictures.py"
        )
    runs = {words: tool.runs_of(change) for words, change in tool.SHOWN.items()}
    learned = {words: sum(run.verdict == "learning" for run in of_one) for words, of_one in runs.items()}
    said = " ".join(README.split())
    assert (learned["as in the lecture"], learned["He start weights"]) == (0, 0)
    assert f"it falls in {learned['a tenth of the rate']} of {len(runs['a tenth of the rate'])} runs" in said
    assert f"with both changes in {learned['both']} of {len(runs['both'])}." in said


def test_the_count_of_the_bench_is_that_of_its_results():
    from vgg_lesson.cases import CASES
    from vgg_lesson.cases.blind import BLIND_CASES

    lines = (ROOT / "benchmarks" / "diagnosis.jsonl").read_text(encoding="utf-8").splitlines()
    results = [json.loads(line) for line in lines]
    places = {(result["data"], result["seed"], result["case"]) for result in results}
    assert places == set(product(("cifar10", "sketches"), (0, 1, 2), CASES)) and len(places) == len(results)
    for result in results:
        assert (result["name"], tuple(result["true"])) == (CASES[result["case"]].name, CASES[result["case"]].causes)
    healthy = [result for result in results if result["true"] == ["healthy"]]
    ill = [result for result in results if result["true"] != ["healthy"]]
    right = sum(result["right"] for result in ill)
    alarms = sum(result["named"] not in ("healthy", "undetermined") for result in healthy)
    words = " ".join(README.split())
    assert f"{right} of {len(ill)} examinations of broken networks" in words
    assert f"accused {alarms} of {len(healthy)} healthy ones" in words
    broken = len({result["case"] for result in results}) - len({result["case"] for result in healthy})
    assert f"{broken} broken networks, 17 of them" in words and f"{len(BLIND_CASES)} after a blind test" in words


def test_the_counts_of_the_blind_tests_are_those_of_their_results():
    lines = (ROOT / "benchmarks" / "blind.jsonl").read_text(encoding="utf-8").splitlines()
    results = [json.loads(line) for line in lines]
    networks = {
        kind: [case for module in AUTHORS.values() for case in getattr(module, kind.upper())]
        for kind in ("broken", "healthy")
    }
    for kind, cases in networks.items():
        met = [(r["name"], r["truth"]) for r in results if r["kind"] == kind]
        assert met == [(case.__name__, case.__doc__.splitlines()[0]) for case in cases]
    for result in results:
        assert result["judged"] in ("right", "close", "wrong", result["named"], f"called {result['named']}")
    broken, healthy = (Counter(r["judged"] for r in results if r["kind"] == kind) for kind in networks)
    words = " ".join(README.split())
    assert f"accused {healthy['accused']} of {len(networks['healthy'])} healthy ones" in words
    assert f"of {len(networks['broken'])} broken ones it named the fault of {broken['right']}" in words
    assert f"close to it in {broken['close']}, said `undetermined` of {broken['undetermined']}" in words
    assert f"a wrong fault in {broken['wrong']}, called {broken['called healthy']} healthy" in words
    assert f"and refused {broken['refused']} (" in words
    newest = [r["judged"] for r in results if r["kind"] == "broken" and r["author"] == max(AUTHORS)]
    assert f"after the others, it named the fault of {newest.count('right')} of {len(newest)}." in words
    assert f"{len(results)} networks by five authors" in words and len(AUTHORS) == 5


def speed_results() -> dict[tuple[str, str, str], dict]:
    lines = (ROOT / "benchmarks" / "speed.jsonl").read_text(encoding="utf-8").splitlines()
    results = {(r["vendor"], r["use"], r["net"]): r for r in map(json.loads, lines)}
    assert len(results) == len(lines)
    return results


def test_the_tables_of_speeds_are_those_of_the_bench():
    results = speed_results()
    intel = product(["GenuineIntel"], ("avx2", "float32", "bfloat16"), speed.NETS)
    amd = product(["AuthenticAMD"], ("avx2", "float32"), speed.NETS)
    assert list(results) == [*intel, *amd]
    for (vendor, *_), result in results.items():  # what the headings say
        has = ["avx2", "avx512f", *(["amx_bf16"] if vendor == "GenuineIntel" else [])]
        assert (result["processor_has"], result["cores"]) == (has, 2)
    table = [line for line in SPEED.splitlines() if line.startswith("|") and "batch" in line]
    rows = {name: speed.row("", speed.summary(result["images_per_second"]))[2:] for name, result in results.items()}
    for line, (name, row) in zip(table, rows.items(), strict=True):
        assert line.endswith(row), name
    assert min(len(turns) for result in results.values() for turns in result["images_per_second"].values()) >= 5
    short = [line for line in README.splitlines() if line.startswith(("| AVX", "| AMX"))]
    for line, use in zip(short, ("avx2", "float32", "bfloat16"), strict=True):
        assert line.endswith(rows["GenuineIntel", use, "lecture"])


def test_how_close_the_closest_row_is_to_pytorch():
    turns = speed_results()["GenuineIntel", "avx2", "quarter"]["images_per_second"]
    ratios = [ours / torch for ours, torch in zip(turns["ours"], turns["torch-channels-last"], strict=True)]
    low, high = np.quantile(ratios, (0.25, 0.75))
    said = f"in {sum(r > 1 for r in ratios)} of {len(ratios)} turns (the middle half of the ratios lies between "
    assert f"{said}{low:.2f} and {high:.2f})" in " ".join(SPEED.split())


def test_the_headline_runs_are_counted_as_they_are_recorded():
    runs = {run.name: run for run in recordings.filter("headline/*")}
    seeds = defaultdict(list)
    for name, run in runs.items():
        seeds[name.removeprefix("headline/").rpartition("-")[0]].append(run.config["seed"])
    assert seeds == {"": [0, 1, 2], "wide": [0, 1, 2], "muon": [0, 1, 2], "long": [0], "muon-long": [0]}
    words = " ".join(SPEED.split())
    assert len(runs) == 11 and "Eleven runs of four small networks" in words
    run = runs["headline/muon-0"]
    network = build_model(run.training_config, steps_per_epoch=1, images=np.ones((2, 32, 32, 3), np.float32))
    forward = sum(row.multiply_adds for row in layer_table(network))
    operations = 3 * 2 * forward * run.data["train_images"] * len(run.epochs)
    assert f"{operations:.1e} operations".replace("+", "") in words
    pace, measure = operations / run.seconds, run.seconds / run.measurements["stock_epochs"]
    assert f"these cores did {pace:.1e} a second".replace("+", "") in words
    airbench = [needed / pace / measure for needed in (2.9e14, 3.1e15)]  # operations, from its table
    assert "after 2.9e14 operations and 96% after 3.1e15." in words
    assert "these take {:.1f} and {:.1f} times our measure".format(*airbench) in words
