"""Ctrl-C, SIGTERM and SIGHUP: once, finish the iteration and save; twice, stop now."""

import signal
import threading
from types import FrameType

from steadygan.common.signals import heard, restore


class Interrupt:
    """A context in which the first of the signals only sets ``requested``; a second SIGINT interrupts at once."""

    def __init__(self) -> None:
        self.requested = False
        self._hung_up = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in heard()}
            self.install()
        return self

    def install(self) -> None:
        """Take the signals back if something else took them (Lightning does, and would raise at SIGTERM)."""
        for number in self._before:
            signal.signal(number, self._handle)

    def __exit__(self, *exc: object) -> None:
        restore(self._before, self._hung_up)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
        self._hung_up = self._hung_up or number == signal.SIGHUP
