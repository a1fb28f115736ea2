"""The signals that ask a run to stop: Ctrl-C, SIGTERM, and the SIGHUP of a terminal that is closed."""

import signal
from collections.abc import Mapping
from typing import Any

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heard() -> tuple[int, ...]:
    """Return those of ``STOPS`` that this process listens to: what ``nohup`` starts ignores SIGHUP, and goes on doing
    so."""
    return tuple(number for number in STOPS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN)


def restore(before: Mapping[int, Any], hung_up: bool) -> None:
    """Give signals back to the handlers they had.

    Args:
        before: the handlers.
        hung_up: whether SIGHUP has come. Then further ones do nothing: a terminal that is closed says so twice, once
            itself and once through its shell, and the second must not end what the first began to save.
    """
    for number, handler in before.items():
        kept = signal.SIG_DFL if handler is None else handler
        signal.signal(number, _nothing if hung_up and number == signal.SIGHUP else kept)


def leave() -> None:
    """Before the process ends: Python takes its handlers away, and a second SIGHUP would be its exit code."""
    if signal.getsignal(signal.SIGHUP) is _nothing:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _nothing(number: int, frame: Any) -> None:
    """Unlike SIG_IGN, no reason for the next run of this process to ignore the signal."""
