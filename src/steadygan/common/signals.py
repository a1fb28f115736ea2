"""The signals that ask a run to stop: Ctrl-C, SIGTERM, and the SIGHUP of a terminal that is closed."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Self

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Handler = Callable[[int, FrameType | None], object] | int | None
"""What ``signal.getsignal`` returns."""


def heard() -> tuple[signal.Signals, ...]:
    """Return those of ``STOPS`` that this process listens to: what ``nohup`` starts goes on ignoring SIGHUP."""
    return tuple(number for number in STOPS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN)


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """Have ``STOPS`` wait until the end; processes that are started inside begin with them blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Interrupt:
    """A context in which the first of the signals only sets ``requested``; a second SIGINT interrupts at once."""

    def __init__(self) -> None:
        self.requested = False
        self._hung_up = False
        self._before: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python has handlers there only
            self._before = {number: signal.getsignal(number) for number in heard()}
            self.install()
        return self

    def install(self) -> None:
        """Take the signals back if something else took them (Lightning does, and would raise at SIGTERM)."""
        for number in self._before:
            signal.signal(number, self._handle)

    def __exit__(self, *exc: object) -> None:
        """Give the signals back to the handlers they had.

        After a SIGHUP further ones do nothing: a terminal that is closed says so twice, once itself and once through
        its shell, and the second must not end what the first began to save.
        """
        for number, handler in self._before.items():
            before = signal.SIG_DFL if handler is None else handler
            signal.signal(number, _nothing if self._hung_up and number == signal.SIGHUP else before)

    def again(self) -> None:
        """React to a second SIGINT."""
        raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            self.again()
        self.requested = True
        self._hung_up = self._hung_up or number == signal.SIGHUP


def leave() -> None:
    """Before the process ends: Python takes its handlers away, and a second SIGHUP would be its exit code."""
    if signal.getsignal(signal.SIGHUP) is _nothing:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Unlike SIG_IGN, no reason for the next run of this process to ignore the signal."""
