"""What a student's session costs: ``python -m benchmarks.session [start] [memory] [notebooks]``.

* start: seconds from starting a kernel to the first point of a training curve, step by step.
* memory: resident memory over 50 builds and trainings in one kernel, garbage collected; flat means within 10%.
* notebooks: seconds of strict nbval, notebook by notebook.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
TRAININGS = 50
SETTLED = 10
"""Trainings after which caches and thread pools have their size."""

START = """
import time; began = time.perf_counter()
def tell(what): print(f"{time.perf_counter() - began:6.2f} s  {what}", flush=True)
from vgg_lesson.data import load_data
dataset = load_data(); tell("data loaded")
from vgg_lesson.widgets.training import TrainingPanel
tell("TensorFlow and the panel imported")
panel = TrainingPanel(dataset); tell("panel shown")
clicked = time.perf_counter()
panel.start()
while not panel.curves.text or "step" not in panel.message.value.lower(): time.sleep(0.01)
tell(f"first point of the curve, {time.perf_counter() - clicked:.2f} s after the click")
clicked = time.perf_counter()
panel.stop(); panel.wait()
tell(f"stopped, {time.perf_counter() - clicked:.2f} s after the click")
"""

MEMORY = f"""
import gc
from pathlib import Path
from vgg_lesson.data import load_data
from vgg_lesson.training import train
from vgg_lesson.training_config import TrainingConfig
def resident():
    gc.collect()  # what waits for the next collection goes up and down by a tenth
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
data = load_data("sketches").subset(train=64, validation=32)
depths = ("A", "B", "D", "E")
for number in range(1, {TRAININGS} + 1):
    trained = train(TrainingConfig(configuration=depths[number % 4], head=(128, 128), epochs=1, seed=number), data)
    if number == {SETTLED}: settled = resident()
    if number % 10 == 0: print(f"{{number:4d}} trainings: {{resident():.0f}} MiB", flush=True)
print(f"growth from training {SETTLED} to {TRAININGS}: {{resident() / settled - 1:+.1%}}")
"""


def in_kernel(code: str) -> None:
    """Run code in a fresh Jupyter kernel and show what it prints."""
    from jupyter_client.manager import start_new_kernel

    began = time.perf_counter()
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
    try:
        print(f"{time.perf_counter() - began:6.2f} s  kernel started; times below count from here")
        reply = client.execute_interactive(code, timeout=1800, output_hook=_show)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"the kernel answered: {reply['content'].get('evalue', reply['content'])}")


def _show(message) -> None:
    if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
        print(message["content"]["text"], end="")


def notebooks() -> None:
    """Time strict nbval on each notebook in a process of its own."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", str(path)], cwd=ROOT, capture_output=True, text=True
        )
        summary = done.stdout.strip().splitlines()[-1]
        print(f"{time.perf_counter() - began:6.1f} s  {path.name}: {summary}")
        if done.returncode:
            raise RuntimeError(f"{path.name} failed:\n{done.stdout[-2000:]}")


def main() -> None:
    parts = {"start": lambda: in_kernel(START), "memory": lambda: in_kernel(MEMORY), "notebooks": notebooks}
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", choices=[[], *parts], default=[])
    for name in options.parse_args().parts or parts:
        print(f"-- {name}")
        parts[name]()


if __name__ == "__main__":
    main()
