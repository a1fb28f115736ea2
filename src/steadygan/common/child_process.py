"""Entry point of the processes that ``supervisor`` starts; imports nothing slow before signals are handled."""

import contextlib
import faulthandler
import importlib
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from steadygan.common.errors import UserError
from steadygan.common.signals import STOPS, heard

JOB, STOP = "job", "stop"
"""What the parent sends: ``(JOB, index, pickled payload)``, or ``(STOP,)`` just before it sends SIGTERM."""

REPORT, DONE, FAILED, REFUSED = "report", "done", "failed", "refused"
"""Kinds of messages: a report, the job's value, its ``Failure``, or None for a job that was stopped before it began."""

RETRY = 0.2


class Message(NamedTuple):
    """What a child sends of its ``job``, ``at`` a time of the machine's monotonic clock."""

    kind: str
    job: int
    content: Any
    at: float


class Failure(NamedTuple):
    """Why a job failed; ``mistake`` is the message where it is a user's."""

    traceback: str
    mistake: str | None


@dataclass(frozen=True)
class Orders:
    """What a child is started with.

    Attributes:
        function: ``module:name`` of ``(payload, report) -> value``, imported at the first job.
        environment: all variables.
        parent: the process id whose end ends the child, too; None: the process that forks it.
        grace: seconds that a running job then gets for its checkpoint.
        leads: whether it leads a process group of its own: a terminal's Ctrl-C then goes to its parent alone.
        output: file that receives all that the jobs print, and where a crash happened.
    """

    function: str
    environment: Mapping[str, str]
    parent: int | None
    grace: float
    leads: bool
    output: Path | None = None


class _Stops:
    """The signals of a child that no job has taken into its own hands.

    An idle child ignores them. One that arrives when a job begins or runs, but has not installed its own handler yet
    (it is still importing, say), is sent again until the job's handler gets it, so that it is never lost.
    """

    def __init__(self) -> None:
        self.busy, self._again = True, False
        self.install()

    def install(self) -> None:
        """Take the signals, also from a job that left its handler behind."""
        for number in heard():
            signal.signal(number, self._handle)

    def _handle(self, *_: object) -> None:
        if self.busy and not self._again:
            self._again = True
            timer = threading.Timer(RETRY, self._send)
            timer.daemon = True
            timer.start()

    def _send(self) -> None:
        self._again = False
        # To the main thread: a signal that another thread gets would not wake it.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def serve(pipe: Connection, orders: Orders) -> None:
    """Run jobs from a pipe, one after the other, until the pipe ends."""
    if orders.leads:
        os.setpgrp()
    stops = _Stops()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    os.environ.update(orders.environment)
    if orders.output is not None:
        _redirect(orders.output)
    threading.Thread(target=_watch, args=(orders.parent or os.getppid(), orders), daemon=True).start()
    # the parent is gone: nothing can be reported
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            kind, *job = pipe.recv()
            if kind == STOP:
                continue  # came when the job had just ended; the pipe ends next
            stops.busy = True
            # A signal that came before the job was announced by a STOP, which is in the pipe by now.
            pipe.send_bytes(_packed(REFUSED, job[0], None) if pipe.poll() else _run(pipe, orders.function, *job))
            stops.busy = False
            stops.install()


def _run(pipe: Connection, function: str, index: int, pickled: bytes) -> bytes:
    def report(content: object) -> None:
        # The parent may be gone: the job must reach its checkpoint all the same.
        with contextlib.suppress(OSError):
            pipe.send_bytes(_packed(REPORT, index, content))

    try:
        module, _, name = function.partition(":")
        value = getattr(importlib.import_module(module), name)(pickle.loads(pickled), report)
        return _packed(DONE, index, value)  # a value that cannot be sent is the job's failure, not the child's
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: whatever a job does, the child lives on
        mistake = str(error) if isinstance(error, UserError) else None
        return _packed(FAILED, index, Failure(traceback.format_exc(), mistake))


def _packed(kind: str, index: int, content: object) -> bytes:
    """Return a message by plain pickle: tensors by value, not by a handle that ends with this process."""
    return pickle.dumps(Message(kind, index, content, time.monotonic()))


def _redirect(output: Path) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    faulthandler.enable()


def _watch(parent: int, orders: Orders) -> None:
    """End this process when its parent is gone: as a signal would, then, after the grace, in any case."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(orders.grace)
    (os.killpg if orders.leads else os.kill)(0 if orders.leads else os.getpid(), signal.SIGKILL)
