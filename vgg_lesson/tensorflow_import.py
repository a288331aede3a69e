"""What happens when TensorFlow is imported: no start-up notes on stderr, and its objects are set aside.

The notes would appear under a notebook's first cell. TensorFlow 2.21 writes them straight to file descriptor 2 before
its own log level is read, whatever TF_CPP_MIN_LOG_LEVEL says. Everything else that is written there meanwhile is passed
on afterwards.

Its 300,000 Python objects stay as long as the process. Left to the garbage collector, each full collection goes through
all of them: 0.3 s alone, 0.6 s in the midst of a drawing, for every eighth picture of a lab.
"""

import gc
import importlib.abc
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

NOTES = (
    b"All log messages before absl::InitializeLog() is called",
    b"oneDNN custom operations are on",
    b"Could not find cuda drivers on your machine",  # the package for CPUs and GPUs, on a computer without one
    b"This TensorFlow binary is optimized to use available CPU instructions",
    b"To enable the following instructions:",
)
"""Lines that hold one of these are dropped."""


def prepare_import(*, set_aside: bool) -> None:
    """From now on, the first ``import tensorflow`` of this process is quiet, whoever makes it.

    Args:
        set_aside: whether the garbage collector then leaves alone what there is (``gc.freeze``).
    """
    if "tensorflow" not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(set_aside))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as ever, and has its module run with stderr held back; a mere look-up changes nothing."""

    def __init__(self, set_aside: bool):
        self.set_aside = set_aside

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        finders = list(sys.meta_path)
        after = finders[finders.index(self) + 1 :] if self in finders else finders
        specs = (finder.find_spec(name, path, target) for finder in after if hasattr(finder, "find_spec"))
        spec = next(filter(None, specs), None)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def quietly(module):
                with _held_back():
                    run(module)
                with suppress(ValueError):  # done before, with what another look-up gave
                    sys.meta_path.remove(self)
                if self.set_aside:
                    gc.freeze()

            spec.loader.exec_module = quietly
        return spec


def _may_abort() -> bool:
    """TensorFlow ends the process on x86 processors without AVX, and nobody could pass on why, once it is gone."""
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return "vendor_id" in flags and " avx" not in flags
    return False


@contextmanager
def _held_back():
    if _may_abort():
        yield
        return
    with ExitStack() as opened:
        try:
            stderr = os.dup(2)
            opened.callback(os.close, stderr)
            held = opened.enter_context(tempfile.TemporaryFile())
        except OSError:  # no stderr at all, as under pythonw, or nowhere to keep what is written there
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            held.seek(0)
            for line in held:
                if not any(note in line for note in NOTES):
                    os.write(2, line)
