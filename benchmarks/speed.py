"""Training speed against stock TensorFlow and PyTorch: ``python -m benchmarks.speed``.

Every contender is a process of its own that builds its network, warms up and then waits; the
contenders take turns, so that a machine whose speed drifts slows all of them alike. Printed are
medians of images per second and the median of the ratios turn by turn. PyTorch is optional
(``pip install torch``) and is left out, saying so, when it is not installed; of its two memory
formats the faster one counts. With ``--output FILE`` each network's turns are appended as a JSON line.
The tables of ``docs/speed.md`` are those of ``benchmarks/speed.jsonl``, and a test compares them.

With ``--use avx2`` a newer processor stands in for an older one: no contender uses more than AVX2, and stock TensorFlow
runs without oneDNN, as it does there. With ``--use bfloat16`` all compute in mixed precision, and stock TensorFlow also
without it: its faster one counts.

The clock stops with the last step, not with ``fit``: behind an epoch plain Keras waits until tf.data's tuning thread
looks again, after 10, 20, 40 ... ms. In these short trainings the wait took up to two thirds of the time.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contenders import BFLOAT16, NETS
from vgg_lesson.environment import FOR_SPEED, ON_TWO_CORES

CONTENDERS = ("ours", "stock", "torch", "torch-channels-last")
USE = ("float32", "avx2", "bfloat16")
"""What the contenders use: all that the processor has for float32, no more than AVX2 of it, or bfloat16 as well."""
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
"""What holds oneDNN (of TensorFlow and PyTorch), PyTorch's own kernels and MKL to AVX2."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("nets", nargs="*", default=list(NETS), help=f"from {list(NETS)}")
    options.add_argument("--turns", type=int, default=5, help="repetitions of each contender")
    options.add_argument("--output", type=Path, help="file to append a JSON line per network to")
    options.add_argument("--use", choices=USE, default=USE[0], help="what the contenders use of the processor")
    arguments = options.parse_args()
    if unknown := [name for name in arguments.nets if name not in NETS]:
        options.error(f"nets must be from {list(NETS)}, received {unknown}")
    if arguments.use == "bfloat16" and "amx_bf16" not in _processor():
        print("This processor does not multiply matrices of bfloat16 in hardware (no amx_bf16 among its flags).")
    with_torch = _has("torch")
    contenders = [name for name in contenders_for(arguments.use) if with_torch or not name.startswith("torch")]
    print(f"{os.cpu_count()} CPUs, {arguments.turns} turns each" + ("" if with_torch else "; PyTorch is not installed"))
    print("| net, Adam | ours | stock TF/Keras | PyTorch | ours / stock | ours / PyTorch |\n|---|---|---|---|---|---|")
    for name in arguments.nets:
        speeds = measure(name, contenders, arguments.turns, avx2=arguments.use == "avx2")
        print(row(NETS[name].title, summary(speeds)), flush=True)
        if arguments.output:
            with arguments.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record(name, speeds, arguments.use)) + "\n")


def contenders_for(use: str) -> list[str]:
    """Names of the contenders, see ``benchmarks.contenders.work``."""
    return ["stock", *(name + BFLOAT16 for name in CONTENDERS)] if use == "bfloat16" else list(CONTENDERS)


def measure(net: str, contenders: list[str], turns: int, avx2: bool = False) -> dict[str, list[float]]:
    """Images per second of each contender in each turn."""
    workers = {name: _start(name, net, avx2) for name in contenders}
    speeds = {name: [] for name in contenders}
    try:
        for worker in workers.values():
            _read(worker)  # built and warm
        for _ in range(turns):
            for name, worker in workers.items():
                worker.stdin.write("go\n")
                worker.stdin.flush()
                speeds[name].append(float(_read(worker)))
    finally:
        for worker in workers.values():
            worker.stdin.close()
            worker.wait(timeout=60)
    return speeds


def _start(contender: str, net: str, avx2: bool) -> subprocess.Popen:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"} | (AVX2 if avx2 else {})
    if contender.startswith("stock"):
        environment["VGG_LESSON_SPEED"] = "0"
        for name in FOR_SPEED | ON_TWO_CORES:
            environment.pop(name, None)
        if avx2:
            environment["TF_ENABLE_ONEDNN_OPTS"] = "0"
    command = [sys.executable, "-m", "benchmarks.contenders", contender, net]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _read(worker: subprocess.Popen) -> str:
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"a contender ended early with exit status {worker.wait()}: {worker.args}")
    return line


def summary(speeds: dict[str, list[float]]) -> dict[str, float]:
    """Images per second (medians) and the median ratios of ours to the others, turn by turn; of each the fastest."""
    found, fastest = {}, {}
    for which in ("ours", "stock", "torch"):
        medians = {name: statistics.median(values) for name, values in speeds.items() if name.startswith(which)}
        if medians:
            fastest[which] = best = max(medians, key=medians.get)
            found[which] = medians[best]
    for which in ("stock", "torch"):
        if which in fastest:
            turns = zip(speeds[fastest["ours"]], speeds[fastest[which]], strict=True)
            found[f"ours/{which}"] = statistics.median(ours / other for ours, other in turns)
    return found


def record(name: str, speeds: dict[str, list[float]], use: str) -> dict:
    """One line of ``benchmarks/speed.jsonl``: the network, all turns, and what they were measured on."""
    return {
        "net": name,
        "images_per_second": {key: [round(value, 1) for value in values] for key, values in speeds.items()},
        "cores": os.cpu_count(),
        "use": use,
        "vendor": _vendor(),
        "processor_has": _processor(),
        "versions": {key: importlib.metadata.version(key) for key in ("tensorflow", "keras", "torch") if _has(key)},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> list[str]:
    """Those of its instruction sets that make a difference here, the newest last; empty where they are not known."""
    flags = _cpuinfo().split()
    return [word for word in ("avx2", "avx512f", "amx_bf16") if word in flags]


def _vendor() -> str | None:
    """Who made the processor, as it says itself; None where that is not known."""
    found = re.search(r"^vendor_id\s*: (\w+)", _cpuinfo(), re.MULTILINE)
    return found and found[1]


def _cpuinfo() -> str:
    file = Path("/proc/cpuinfo")
    return file.read_text() if file.is_file() else ""


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def row(title: str, found: dict[str, float]) -> str:
    """A line of the table."""
    speeds = [f"{found[key]:.0f}" if key in found else "-" for key in ("ours", "stock", "torch")]
    ratios = [f"{found[key]:.2f}" if key in found else "-" for key in ("ours/stock", "ours/torch")]
    return "| " + " | ".join([title, *speeds, *ratios]) + " |"


if __name__ == "__main__":
    main()
