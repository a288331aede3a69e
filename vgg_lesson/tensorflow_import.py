"""What happens when TensorFlow is imported: no start-up notes on stderr, and then what was asked for.

The notes would appear under a notebook's first cell. TensorFlow 2.21 writes them straight to file descriptor 2 before
its own log level is read, whatever TF_CPP_MIN_LOG_LEVEL says. Everything else that is written there meanwhile is passed
on afterwards.
"""

import importlib.abc
import os
import sys
import tempfile
from collections.abc import Callable
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


def prepare_import(then: tuple[Callable[[], None], ...] = ()) -> None:
    """From now on, the first ``import tensorflow`` of this process is quiet, whoever makes it.

    Args:
        then: what is called right after it.
    """
    if "tensorflow" not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(then))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as ever, and has its module run with stderr held back; a mere look-up changes nothing."""

    def __init__(self, then: tuple[Callable[[], None], ...]):
        self.then = then

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
                for call in self.then:
                    call()

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
