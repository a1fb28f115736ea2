"""Ctrl-C and SIGTERM: once, finish the iteration and save; twice, stop now."""

import signal
import threading
from types import FrameType


class Interrupt:
    """A context in which the first SIGINT or SIGTERM only sets ``requested``; a second SIGINT interrupts at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in self.SIGNALS}
            self.install()
        return self

    def install(self) -> None:
        """Take the signals back from whoever took them since (Lightning does, and would raise at SIGTERM)."""
        for number in self._before:
            signal.signal(number, self._handle)

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
