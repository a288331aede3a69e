"""A thread without a queue, for what a lab computes while its controls stay free."""

import threading
from collections.abc import Callable

LINGER = 30.0
"""Seconds a worker's thread waits for more work.

The kernel (ipykernel 7.4) opens a socket for each thread that sends a message and closes it up to 10 seconds after the
thread has ended: with a thread for each of 230 key presses a second it ran out of files after 2,300 of them.
"""


class Worker:
    """Runs the latest of the requested calls in a daemon thread; stale requests are dropped.

    Args:
        on_error: called in that thread with the exception of a call that raised.
    """

    def __init__(self, on_error: Callable[[Exception], None]):
        self._on_error = on_error
        self._changed = threading.Condition()
        self._pending: tuple[Callable[[], None], Callable[[], None] | None] | None = None
        self._running = False
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """True while a call is running or waiting."""
        with self._changed:
            return self._running or self._pending is not None

    def request(self, call: Callable[[], None], then: Callable[[], None] | None = None) -> None:
        """Run ``call`` soon, instead of any request that still waits.

        Args:
            call: what is to be done.
            then: what may be useful later; it runs after ``call`` if nothing else waits, and nobody waits for it.
        """
        with self._changed:
            self._pending = call, then
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, timeout: float = 60.0) -> None:
        """Return when nothing is running or waiting; at once when called from a call of its own.

        Raises:
            TimeoutError: that took longer than ``timeout`` seconds.
        """
        with self._changed:
            if self._thread is threading.current_thread():
                return
            if not self._changed.wait_for(lambda: not self.busy, timeout):
                raise TimeoutError(f"still busy after {timeout} s")

    def _run(self) -> None:
        while (request := self._next()) is not None:
            call, then = request
            try:
                call()
                if then is not None and self._idle():
                    then()
            except Exception as error:  # shown in the panel, and raised again by its wait()
                self._on_error(error)
            del request, call, then  # they may hold a trained network

    def _idle(self) -> bool:
        """Nothing waits; those who wait for what has been done may go on."""
        with self._changed:
            self._running = False
            self._changed.notify_all()
            return self._pending is None

    def _next(self):
        """Wait for a request and take it; None after a while without one."""
        with self._changed:
            self._running = False
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._pending is not None, LINGER):
                self._thread = None
                return None
            request, self._pending, self._running = self._pending, None, True
            return request
