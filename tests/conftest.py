"""What all tests share: quiet TensorFlow, and callbacks of the labs that raise instead of only showing their error."""

import os
from pathlib import Path

import pytest

# Before any module imports TensorFlow; the notebooks' kernels inherit these.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("VGG_LESSON_RAISE", "1")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return REPOSITORY
