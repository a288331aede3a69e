"""Training speed against stock TensorFlow and PyTorch: ``python -m benchmarks.speed``.

Every contender is a process of its own that builds its network, warms up and then waits; the
contenders take turns, so that a machine whose speed drifts slows all of them alike. Printed are
medians of images per second and the median of the ratios turn by turn. PyTorch is optional
(``pip install torch``) and is left out, saying so, when it is not installed; of its two memory
formats the faster one counts. With ``--output FILE`` each network's turns are appended as a JSON line:
README's tables are those of ``benchmarks/speed.jsonl``, and a test compares them. With ``--avx2`` a newer
processor stands in for an older one: no contender uses more than AVX2, and stock TensorFlow runs without
oneDNN, as it does there.

The clock stops with the last step, not with ``fit``: behind an epoch plain Keras waits until tf.data's tuning thread
looks again, after 10, 20, 40 ... ms. In these short trainings the wait took up to two thirds of the time.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Net:
    """A network to train with Adam: VGG16 at some width, see ``build_vgg``."""

    title: str
    width: float
    head: tuple[int, ...]
    batch_norm: bool
    batch: int
    steps: int


NETS = {
    "lecture": Net("the lecture's VGG16, full width, head 2x4096, batch 128", 1.0, (4096, 4096), False, 128, 2),
    "lecture32": Net("the lecture's VGG16, full width, head 2x4096, batch 32", 1.0, (4096, 4096), False, 32, 4),
    "quarter": Net("VGG16 + batch norm, 1/4 width, head 2x1024, batch 128", 0.25, (1024, 1024), True, 128, 10),
    "eighth": Net("VGG16 plain, 1/8 width, head 2x512, batch 128", 0.125, (512, 512), False, 128, 20),
    "eighth32": Net("VGG16 plain, 1/8 width, head 2x512, batch 32", 0.125, (512, 512), False, 32, 40),
}
CONTENDERS = ("ours", "stock", "torch", "torch-channels-last")
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
"""What holds oneDNN (of TensorFlow and PyTorch), PyTorch's own kernels and MKL to AVX2."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("nets", nargs="*", default=list(NETS), help=f"from {list(NETS)}")
    options.add_argument("--turns", type=int, default=5, help="repetitions of each contender")
    options.add_argument("--output", type=Path, help="file to append a JSON line per network to")
    options.add_argument("--avx2", action="store_true", help="as if the processor had nothing newer than AVX2")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if unknown := [name for name in arguments.nets if name not in NETS]:
        options.error(f"nets must be from {list(NETS)}, received {unknown}")
    if arguments.worker:
        work(arguments.worker, NETS[arguments.nets[0]])
        return
    with_torch = _has("torch")
    contenders = [name for name in CONTENDERS if with_torch or not name.startswith("torch")]
    print(f"{os.cpu_count()} CPUs, {arguments.turns} turns each" + ("" if with_torch else "; PyTorch is not installed"))
    print("| net, Adam | ours | stock TF/Keras | PyTorch | ours / stock | ours / PyTorch |\n|---|---|---|---|---|---|")
    for name in arguments.nets:
        speeds = measure(name, contenders, arguments.turns, arguments.avx2)
        print(row(NETS[name].title, summary(speeds)), flush=True)
        if arguments.output:
            with arguments.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record(name, speeds, arguments.avx2)) + "\n")


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
    if contender == "stock":
        environment["VGG_LESSON_SPEED"] = "0"
        environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
        if avx2:
            environment["TF_ENABLE_ONEDNN_OPTS"] = "0"
    command = [sys.executable, "-m", "benchmarks.speed", "--worker", contender, net]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _read(worker: subprocess.Popen) -> str:
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"a contender ended early with exit status {worker.wait()}: {worker.args}")
    return line


def summary(speeds: dict[str, list[float]]) -> dict[str, float]:
    """Images per second (medians) and the median ratios of ours to the others, turn by turn; of PyTorch the faster."""
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    torch = max((name for name in medians if name.startswith("torch")), key=medians.get, default=None)
    others = {"stock": "stock"} | ({"torch": torch} if torch else {})
    found = {"ours": medians["ours"]}
    for name, other in others.items():
        found[name] = medians[other]
        found[f"ours/{name}"] = statistics.median(a / b for a, b in zip(speeds["ours"], speeds[other], strict=True))
    return found


def record(name: str, speeds: dict[str, list[float]], avx2: bool) -> dict:
    """One line of ``benchmarks/speed.jsonl``: the network, all turns, and what they were measured on."""
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text().split() if cpu.is_file() else []
    newest = next((word for word in ("avx512f", "avx2") if word in flags), "unknown")
    return {
        "net": name,
        "images_per_second": {key: [round(value, 1) for value in values] for key, values in speeds.items()},
        "cores": os.cpu_count(),
        "instructions": "avx2" if avx2 else newest,
        "processor_has": newest,
        "versions": {key: importlib.metadata.version(key) for key in ("tensorflow", "keras", "torch") if _has(key)},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def row(title: str, found: dict[str, float]) -> str:
    """A line of the table."""
    speeds = [f"{found[key]:.0f}" if key in found else "-" for key in ("ours", "stock", "torch")]
    ratios = [f"{found[key]:.2f}" if key in found else "-" for key in ("ours/stock", "ours/torch")]
    return "| " + " | ".join([title, *speeds, *ratios]) + " |"


def work(contender: str, net: Net) -> None:
    """Child process: build, warm up, then train ``net.steps`` steps at each line on standard input."""
    train = (_torch if contender.startswith("torch") else _keras)(contender, net)
    train()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(train(), flush=True)


def _images(net: Net):
    import numpy as np

    rng = np.random.default_rng(0)
    count = net.batch * net.steps
    return rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, count)


def _keras(contender: str, net: Net):
    import time

    import keras
    import numpy as np

    from vgg_lesson.architecture import build_vgg
    from vgg_lesson.data import CLASS_NAMES, Dataset
    from vgg_lesson.pipeline import training_batches
    from vgg_lesson.training import build_model
    from vgg_lesson.training_config import TrainingConfig

    if (os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1") != (contender == "ours"):
        raise RuntimeError(f"TF_ENABLE_ONEDNN_OPTS is {os.environ.get('TF_ENABLE_ONEDNN_OPTS')!r} for {contender!r}")
    images, labels = _images(net)
    config = TrainingConfig(width=net.width, head=net.head, batch_norm=net.batch_norm, batch_size=net.batch)
    if contender == "ours":
        dataset = Dataset(images, labels, images, labels, images, labels, CLASS_NAMES, "sketches", "random")
        model = build_model(config, steps_per_epoch=net.steps)
        arguments = {"x": training_batches(dataset, config), "shuffle": False}
    else:  # as the lecture writes it
        model = build_vgg(width=net.width, head=net.head, batch_norm=net.batch_norm)
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        x, y = images.astype(np.float32) / 255, keras.utils.to_categorical(labels, 10)
        arguments = {"x": x, "y": y, "batch_size": net.batch}
    ended = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ended.append(time.perf_counter()))

    def train() -> float:
        began = time.perf_counter()
        model.fit(**arguments, verbose=0, callbacks=[clock])
        return len(images) / (ended[-1] - began)

    return train


def _torch(contender: str, net: Net):
    import time

    import torch
    from torch import nn

    torch.manual_seed(0)
    layers, channels = [], 3
    for convolutions, filters in zip((2, 2, 3, 3, 3), (64, 128, 256, 512, 512), strict=True):
        for _ in range(convolutions):
            units = round(filters * net.width)
            layers.append(nn.Conv2d(channels, units, 3, padding=1, bias=not net.batch_norm))
            layers += [nn.BatchNorm2d(units)] if net.batch_norm else []
            layers.append(nn.ReLU(inplace=True))
            channels = units
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    for units in net.head:
        layers += [nn.Linear(channels, units), nn.ReLU(inplace=True)]
        channels = units
    layout = torch.channels_last if contender == "torch-channels-last" else torch.contiguous_format
    model = nn.Sequential(*layers, nn.Linear(channels, 10)).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss_function = nn.CrossEntropyLoss()
    images, labels = _images(net)
    x = (torch.from_numpy(images).float() / 255).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    y = torch.from_numpy(labels)

    def train() -> float:
        began = time.perf_counter()
        right = 0
        for rows in torch.randperm(len(x)).split(net.batch):
            optimizer.zero_grad()
            logits = model(x[rows].contiguous(memory_format=layout))
            loss_function(logits, y[rows]).backward()
            optimizer.step()
            right += (logits.argmax(1) == y[rows]).sum().item()  # Keras counts accuracy as well
        return len(x) / (time.perf_counter() - began)

    return train


if __name__ == "__main__":
    main()
