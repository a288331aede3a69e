"""Process settings that must be made before TensorFlow is imported, in one place.

``import vgg_lesson`` (or any of its modules) calls :func:`prepare`, so opening a notebook
directly cannot bypass it. Every setting is a default: a variable that you set yourself wins.
``VGG_LESSON_SPEED=0`` turns those off that are for speed; TensorFlow stays quiet, and what the package
speeds up within a step (:mod:`vgg_lesson.speed.acceleration`) stays on.
"""

import ctypes
import gc
import os
import sys
from dataclasses import dataclass

from vgg_lesson.tensorflow_import import prepare_import

FOR_SPEED = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE": "0"}
"""What TensorFlow reads when it is imported, see :func:`prepare`."""

ON_TWO_CORES = {"TF_NUM_INTRAOP_THREADS": "1"}
"""The same, where there are two."""

# glibc's malloc.h; mallopt(3) documents the meaning.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_KEEP_BYTES = 2**31 - 1


@dataclass(frozen=True)
class SpeedSettings:
    """What :func:`prepare` found or did.

    Attributes:
        enabled: False when ``VGG_LESSON_SPEED=0`` turned the settings of the process for speed off.
        variables: those of :data:`FOR_SPEED` and :data:`ON_TWO_CORES` that are set, with the values that TensorFlow
            will see.
        keeps_pages: True when the C library was told to keep freed memory (Linux with glibc only).
        graphs_as_traced: True when TensorFlow will not rewrite its graphs before it runs them, unless there is a GPU.
        too_late: True when TensorFlow had been imported before, so that ``variables`` have no effect.
    """

    enabled: bool
    variables: dict[str, str]
    keeps_pages: bool
    graphs_as_traced: bool
    too_late: bool

    def __str__(self) -> str:
        if not self.enabled:
            return "speed settings of the process: off (VGG_LESSON_SPEED=0)"
        late = ", but TensorFlow was imported earlier: restart the kernel" if self.too_late else ""
        pages = "kept" if self.keeps_pages else "returned"
        graphs = "run as they were traced, unless there is a GPU" if self.graphs_as_traced else "are optimised first"
        variables = ", ".join(f"{name}={value}" for name, value in self.variables.items())
        return f"speed settings of the process: {variables}{late}; freed memory is {pages}, graphs {graphs}"


def prepare() -> SpeedSettings:
    """Set the defaults that make TensorFlow fast on a laptop CPU and quiet in a notebook.

    * ``TF_ENABLE_ONEDNN_OPTS=1``: TensorFlow switches oneDNN on by itself only on CPUs with
      AVX512-VNNI or better; on others its convolutions run several times slower.
    * ``TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE=0``: otherwise TensorFlow prepares oneDNN's gradients of kernels anew
      at every step, a twentieth of the time of a step of VGG16 at 1/8 width. Memory stays as it is.
    * ``TF_CPP_MIN_LOG_LEVEL=3``: notes, such as the one on a missing GPU, would otherwise appear under
      a cell (what really fails is raised as an exception all the same); those that come before it is
      read are held back by :mod:`vgg_lesson.tensorflow_import`.
    * Once TensorFlow is imported, the garbage collector leaves its objects alone (``gc.freeze``). There are 300,000,
      and they stay as long as the process: a full collection, for every eighth picture of a lab, takes 0.03 s
      instead of 0.3 s, or 0.6 s in the midst of a drawing.
    * ``TF_NUM_INTRAOP_THREADS=1`` on two cores: an operation has one thread, and two operations run at a time. Two
      threads that share each operation wait for each other; what fills both instead is in
      :mod:`vgg_lesson.speed.halves`. A training that takes whole batches, as one by Keras alone does, is 0.85 to 1.1
      times as fast with it (VGG16 on an AMD processor). With more cores this was not measured.
    * TensorFlow runs its graphs as they were traced. To rewrite them first (Grappler) takes 0.3 s for each network
      that is trained, and gains nothing on a CPU: measured on two AVX2 cores, alternating, a step takes 0.95 to 1.03
      times as long without it (VGG16 at 1/8, 1/4 and full width, with and without batch norm), ``predict`` 0.86 to
      1.00 times. With a GPU nothing is changed: there it chooses the layout.
    * On Linux, freed memory stays with the process: the large temporaries of a training step
      otherwise come from fresh pages at every step, and faulting these in costs time.
    """
    too_late = "tensorflow" in sys.modules
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    fast = os.environ.get("VGG_LESSON_SPEED", "1") != "0"
    prepare_import(then=(_run_graphs_as_traced, gc.freeze) * fast)
    if fast:
        if too_late:
            _run_graphs_as_traced()
        for name, value in (FOR_SPEED | (ON_TWO_CORES if cores() == 2 and not too_late else {})).items():
            os.environ.setdefault(name, value)
    variables = {name: os.environ[name] for name in FOR_SPEED | ON_TWO_CORES if name in os.environ}
    return SpeedSettings(fast, variables, fast and _keep_freed_pages(), fast, too_late)


def cores() -> int:
    """CPU cores that this process may use, which is what TensorFlow counts."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_graphs_as_traced() -> None:
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _keep_freed_pages() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent from musl's C library
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES))
