"""Entry point of the processes that ``spawn`` starts; imports nothing slow before signals are handled."""

import contextlib
import importlib
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from steadygan.common.errors import UserError
from steadygan.common.signals import heard

REPORT, DONE, FAILED, REFUSED = "report", "done", "failed", "refused"
"""What a process sends: ``(kind, report | value | traceback | a user's mistake, time)``."""

GRACE = 60.0
"""Seconds that the processes have for a checkpoint when their parent is gone."""


def serve(pipe: Connection, function: str, payload: Any, environment: Mapping[str, str]) -> None:
    """Entry point; signals are blocked, and stay so until the run has its own handlers.

    Args:
        pipe: to the parent.
        function: ``module:name`` of ``(payload, report) -> value``.
        payload: its argument.
        environment: variables; they say which of the processes this one is, as torchrun does.
    """
    for number in heard():
        signal.signal(number, lambda *_: None)  # for those that come when the run has put its handlers away
    threading.Thread(target=_watch, daemon=True).start()
    os.environ.update(environment)
    module, _, name = function.partition(":")
    try:
        value = getattr(importlib.import_module(module), name)(payload, lambda report: _send(pipe, REPORT, report))
    except UserError as error:
        _send(pipe, REFUSED, str(error))
    except BaseException:
        _send(pipe, FAILED, traceback.format_exc())
    else:
        _send(pipe, DONE, value)


def _send(pipe: Connection, kind: str, content: Any) -> None:
    with contextlib.suppress(OSError):  # the parent is gone; the run must reach its checkpoint all the same
        # Plain pickle: tensors by value, not by a handle that ends with this process.
        pipe.send_bytes(pickle.dumps((kind, content, time.monotonic())))


def _watch() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
