"""What all tests share: a quiet TensorFlow with few threads, and where the repository is."""

import os
from pathlib import Path

import pytest

# Before any module imports TensorFlow; the notebooks' kernels inherit it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Workers that each start a thread for every core mostly wait for each other.
THREADS = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(THREADS))

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return REPOSITORY


@pytest.fixture
def usual_policy():
    """Put Keras's dtype policy back to float32 after a test that sets it."""
    import keras  # not above: it would import TensorFlow for every test

    yield
    keras.config.set_dtype_policy("float32")
