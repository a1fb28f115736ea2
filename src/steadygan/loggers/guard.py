"""Calls into other people's loggers, which may raise, hang, or die."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

FAILURES = (Exception, SystemExit)
"""What a logging library may throw at a run; SystemExit too, which W&B's teardown raises."""

_log = logging.getLogger("steadygan")


def bounded(call: Callable[[], T], seconds: float) -> T:
    """Return the result of ``call()``, which has ``seconds`` for it.

    It runs in a daemon thread: what hangs is left behind, and Ctrl-C still reaches the caller.

    Raises:
        TimeoutError: if it took longer.
        BaseException: whatever ``call`` raised.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=work, daemon=True, name="steadygan-logger").start()
    return future.result(timeout=seconds)


def attempt(call: Callable[[], object], seconds: float) -> BaseException | None:
    """Make a bounded call; what went wrong, or None."""
    try:
        bounded(call, seconds)
    except FAILURES as error:
        return error
    return None


class Guard:
    """Passes calls on until one fails; then says so once, and passes on no more."""

    def __init__(self, name: str, remedy: str = "") -> None:
        self._name, self._remedy = name, remedy
        self.quiet = False

    def __call__(self, call: Callable[[], object], seconds: float) -> bool:
        """Return whether ``call`` was made and did what it should within ``seconds``."""
        if self.quiet:
            return False
        error = attempt(call, seconds)
        if error is not None:
            self.stop(describe(error))
        return error is None

    def stop(self, reason: str) -> None:
        """Make no more calls; say why, unless that was said before."""
        if not self.quiet:
            _log.warning("%s stopped logging (%s); the run goes on%s", self._name, reason, self._remedy)
        self.quiet = True


def describe(error: BaseException) -> str:
    """Return the kind of an exception and the first line of its message."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
