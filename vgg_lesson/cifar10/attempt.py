"""One download of CIFAR-10's archive from one address, watched so that it cannot hang.

``pooch`` speaks HTTP (its ``HTTPDownloader``, on ``requests``): redirects, proxies, certificates and
lengths are its business. It runs in a thread of its own because a name look-up or a trickling host
cannot be interrupted, only left behind.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests

from vgg_lesson.cifar10.files import move_into_place
from vgg_lesson.cifar10.search import ARCHIVE

WINDOW = 20.0
"""Seconds over which a host's speed is judged."""
_CHUNK = 2**15
_SPARE = 2.0  # seconds


class FetchError(OSError):
    """CIFAR-10 could not be fetched; the message says why, in one line."""


class CannotWrite(Exception):
    """The disk, not the host, is the trouble: another address would not help."""


class _Abandoned(Exception):
    """Raised in the download's thread once nobody waits for it any more."""


def megabytes(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / 1e6:.1f} MB" if count < 1e7 else f"{count / 1e6:.0f} MB"


def host(address: str) -> str:
    """The host of an address, for people; the whole of it where it names none."""
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address


class Progress:
    """Progress on standard error: one line that is rewritten on a terminal, else a line every tenth.

    Args:
        address: where the archive comes from; its host is shown.
        size: bytes to come.
        shown: False for silence.
    """

    def __init__(self, address: str, size: int, shown: bool):
        self._host, self._size, self._shown = host(address), size, shown
        self._terminal = sys.stderr.isatty()
        self._last = -1

    def show(self, received: int, seconds: float) -> None:
        """Show what has come after so many seconds."""
        step = int(received * (100 if self._terminal else 10) / self._size)
        if not self._shown or step == self._last:
            return
        self._last = step
        left = (self._size - received) * seconds / received
        line = f"CIFAR-10 from {self._host}: {megabytes(received)} of {megabytes(self._size)}, {left:.0f} s left"
        sys.stderr.write(f"\r{line}    " if self._terminal else f"{line}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """End the rewritten line."""
        if self._shown and self._terminal and self._last >= 0:
            sys.stderr.write("\n")


class Attempt(threading.Thread):
    """One address: the thread that downloads, and the watch over it.

    Args:
        address: HTTP address of the archive.
        folder: where the .part file goes.
        size: bytes of the archive; more are refused.
        first_byte, silence: seconds to wait for the first byte, and between bytes.
        slowest: bytes a second below which the host is left.

    Attributes:
        part: the .part file. sha256: its checksum once complete, else "". received: bytes so far.

    Raises:
        FetchError: the folder cannot be written.
    """

    def __init__(self, address: str, folder: Path, size: int, first_byte: float, silence: float, slowest: float):
        super().__init__(name="fetch CIFAR-10", daemon=True)
        self._address, self._size, self._slowest = address, size, slowest
        self._first_byte, self._silence = first_byte, silence
        try:
            handle, name = tempfile.mkstemp(prefix=ARCHIVE, suffix=".part", dir=folder)
        except OSError as error:
            raise FetchError(f"CIFAR-10 was not fetched: {folder} cannot be written: {error.strerror}") from error
        self.part = Path(name)
        self._file = os.fdopen(handle, "wb")
        self._digest = hashlib.sha256()
        self.sha256 = ""
        self.received = 0
        self._trouble: Exception | None = None
        self._abandoned = False
        self._done = threading.Event()

    def run(self) -> None:
        """In the thread: download, then leave the outcome for the watch."""
        try:
            # "identity": some hosts declare the archive's own gzip as theirs, and it would be unpacked.
            download = pooch.HTTPDownloader(
                chunk_size=_CHUNK,
                # A little longer than the watch, which then says more exactly what happened.
                timeout=(self._first_byte + _SPARE, self._silence + _SPARE),
                headers={"Accept-Encoding": "identity"},
            )
            download(self._address, self, None)
            self._written(os.fsync, self._file.fileno())
            self._written(self._file.close)
            self.sha256 = self._digest.hexdigest()
        except Exception as error:  # handed to the thread that waits
            self._trouble = error
        finally:
            self._done.set()
            if self._abandoned:
                self.abandon()

    def write(self, chunk: bytes) -> None:
        """Called by pooch with each piece of the archive."""
        if self._abandoned:
            raise _Abandoned
        self.received += len(chunk)
        if self.received > self._size:
            raise FetchError(f"sends more than the {self._size:,} bytes of the archive")
        self._written(self._file.write, chunk)
        self._digest.update(chunk)

    def flush(self) -> None:
        """Called by pooch after each piece."""
        self._written(self._file.flush)

    def _written(self, operation, *arguments) -> None:
        # Network errors are OSErrors too; only here is it surely the disk.
        try:
            operation(*arguments)
        except OSError as error:
            raise CannotWrite(error.strerror or str(error)) from error

    def run_until_done(self, progress: Progress) -> None:
        """In the waiting thread: start, watch, and raise what went wrong.

        Raises:
            FetchError: the host is the trouble. CannotWrite: the disk is.
        """
        started = heard = window_start = time.monotonic()
        seen = window_bytes = 0
        self.start()
        while not self._done.wait(0.05):
            now = time.monotonic()
            if self.received != seen:
                seen, heard = self.received, now
                progress.show(seen, now - started)
            if seen == 0 and now - started > self._first_byte:
                raise FetchError(f"no answer in {now - started:.0f} s")
            if seen and now - heard > self._silence:
                raise FetchError(f"fell silent after {megabytes(seen)}")
            if seen and now - window_start > WINDOW:
                if seen - window_bytes < self._slowest * WINDOW:
                    raise FetchError(f"too slow, {(seen - window_bytes) / WINDOW / 1000:.1f} kB/s")
                window_start, window_bytes = now, seen
        if isinstance(self._trouble, FetchError | CannotWrite):
            raise self._trouble
        if self._trouble is not None:
            raise FetchError(self._in_words(self._trouble)) from self._trouble

    def _in_words(self, error: Exception) -> str:
        if isinstance(error, requests.HTTPError):
            return f"answered HTTP {error.response.status_code}"
        if isinstance(error, requests.TooManyRedirects):
            return "redirects without end"
        if self.received:
            return f"cut off after {megabytes(self.received)}"
        if isinstance(error, requests.Timeout):
            return f"no answer in {self._first_byte:.0f} s"
        if isinstance(error, requests.ConnectionError):
            return "no connection"
        return f"{type(error).__name__}: {error}"

    def keep(self, target: Path) -> None:
        """Give the complete file its name. Raises CannotWrite."""
        self._written(move_into_place, self.part, target)

    def wrong_bytes(self) -> str:
        """Why the checksum differs."""
        if self.received < self._size:
            return f"cut off after {megabytes(self.received)}"
        return "sent other bytes than the official archive (its SHA-256 differs)"

    def abandon(self) -> None:
        """Leave the thread behind and remove the .part file, if it has not been renamed."""
        self._abandoned = True
        if self._done.is_set():
            with contextlib.suppress(OSError):  # a full disk complains again; the file goes anyway
                self._file.close()
        # Windows refuses while the thread still holds the file; a later fetch removes it.
        with contextlib.suppress(PermissionError):
            self.part.unlink(missing_ok=True)
