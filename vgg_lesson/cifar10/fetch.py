"""Fetch CIFAR-10's official archive from hosts that may stall, lie or be gone.

``pooch`` does the HTTP (see :mod:`vgg_lesson.cifar10.attempt`). What it does not have is here: a list
of addresses, an end to waiting for hosts that say nothing, and one line of explanation.
"""

import argparse
import math
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from vgg_lesson.cifar10.attempt import Attempt, CannotWrite, FetchError, Progress, host, megabytes
from vgg_lesson.cifar10.search import ARCHIVE, SHA256, cache_folder, file_sha256, read_through_cache, search_cifar10

ADDRESSES = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "https://storage.googleapis.com/skypilot-example-data/datasets/cifar-10-python.tar.gz",
)
"""The official address, and a copy whose bytes are the same."""
SIZE = 170_498_071
"""Bytes of the official archive."""
SLOWEST = {"next": 250_000, "last": 20_000}
"""Bytes a second below which a host is left: with another address to try, at a speed that would
take 11 minutes; at the last one, only at a speed that would take two hours."""
_STALE = 3600  # seconds after which a .part file belongs to no living download


def fetch_cifar10(
    folder: Path | None = None,
    *,
    addresses: tuple[str, ...] = ADDRESSES,
    timeout: float = 10.0,
    progress: bool = True,
    sha256: str = SHA256,
    size: int = SIZE,
) -> Path:
    """Fetch the official archive, unless it is already there.

    Addresses are tried in order. One is given up when it refuses, answers with an error, sends other
    bytes, falls silent for ``timeout`` seconds, or is slow (``SLOWEST``) over 20 seconds.
    The file gets its name only when it is complete and its SHA-256 is right; until then it is a
    ``.part`` file, which nothing reads.

    Args:
        folder: where to put it; by default this package's cache, where ``load_data()`` finds it.
        addresses: HTTP addresses of the archive, the preferred one first.
        timeout: seconds. When no host has sent a byte of the archive after this time, all
            addresses together, the fetch ends.
        progress: True to show progress on standard error.
        sha256, size: checksum and bytes that the archive must have.

    Returns:
        The archive's path.

    Raises:
        FetchError: no address gave the archive, or it cannot be written; one line says why.
        ValueError: no address, or a timeout that is not a positive number.
    """
    if isinstance(addresses, str) or not addresses:
        raise ValueError(f"addresses must be a list with at least one address, received {addresses!r}")
    if not (isinstance(timeout, int | float) and math.isfinite(timeout) and timeout > 0):
        raise ValueError(f"timeout must be a positive number of seconds, received {timeout!r}")
    folder = cache_folder() if folder is None else Path(folder)
    target = folder / ARCHIVE
    try:
        if target.is_file() and target.stat().st_size == size and file_sha256(target) == sha256:
            return target
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise FetchError(f"CIFAR-10 was not fetched: {folder} cannot be used: {error.strerror or error}") from error
    if free < size:
        raise FetchError(
            f"CIFAR-10 was not fetched: it needs {megabytes(size)}, and {folder} has {megabytes(free)} free"
        )
    deadline, answered, reasons = time.monotonic() + timeout, False, []
    for number, address in enumerate(addresses):
        # Hosts that say nothing share the time; one that does starts anew.
        share = timeout if answered else (deadline - time.monotonic()) / (len(addresses) - number)
        shown = Progress(address, size, progress)
        slowest = SLOWEST["last" if number == len(addresses) - 1 else "next"]
        attempt = Attempt(address, folder, size, max(share, 0.1), timeout, slowest)
        try:
            attempt.run_until_done(shown)
            if attempt.sha256 != sha256:
                raise FetchError(attempt.wrong_bytes())
            attempt.keep(target)
            return target
        except CannotWrite as error:
            raise FetchError(f"CIFAR-10 was not fetched: {folder} cannot be written: {error}") from error
        except FetchError as error:
            reasons.append(f"{host(address)}: {error}")
        finally:
            shown.close()
            attempt.abandon()
        answered = answered or attempt.received > 0
    raise FetchError(f"CIFAR-10 was not fetched: {'; '.join(reasons)}")


def _remove_stale(folder: Path) -> None:
    """Remove what a killed download left, as far as this is allowed."""
    for part in folder.glob(f"{ARCHIVE}*.part"):
        with suppress(OSError):  # another account's, or gone meanwhile
            if time.time() - part.stat().st_mtime > _STALE:
                part.unlink()


def main(arguments: list[str] | None = None) -> int:
    """``python -m vgg_lesson.data``: fetch CIFAR-10 unless this computer has it.

    Returns:
        0 when CIFAR-10 is there now, 1 when it is not; one line says which.
    """
    parser = argparse.ArgumentParser(prog="python -m vgg_lesson.data", description="Fetch CIFAR-10 (170 MB).")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds to wait for hosts (default: 10)")
    timeout = parser.parse_args(arguments).timeout
    try:
        found = search_cifar10()
        for note in found.notes:
            sys.stderr.write(f"{note}\n")
        if found.data is not None:
            sys.stdout.write(f"CIFAR-10 ({found.data.edition}) is on this computer: {found.where}\n")
            return 0
        archive = fetch_cifar10(timeout=timeout)
        sys.stderr.write("Reading the archive once, for quick starts later ...\n")
        data, notes = read_through_cache(archive, "fetched", sha256=SHA256)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("; ".join((f"CIFAR-10 ({data.edition}) is ready: {archive}", *notes)) + "\n")
    return 0
