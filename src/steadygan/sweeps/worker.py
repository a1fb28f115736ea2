"""Worker process of ``pool``: runs jobs from a pipe, one after the other, until the pipe ends."""

import contextlib
import faulthandler
import importlib
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from steadygan.common.signals import STOPS, heard

JOB, STOP = "job", "stop"
"""What the parent sends: ``(JOB, index, pickled payload)``, or ``(STOP,)`` just before it sends SIGINT."""

REPORT, DONE, FAILED, REFUSED = "report", "done", "failed", "refused"
"""What a worker sends: ``(kind, index, report | value | traceback | None)``."""

RETRY = 0.2


class Stops:
    """The signals of a worker that no job has taken into its own hands.

    An idle worker ignores them. One that arrives when a job runs but has not installed its own handler yet (it is
    still importing, say) is sent again until the job's handler gets it, so that it is never lost.
    """

    def __init__(self) -> None:
        self.busy = False
        self.install()

    def install(self) -> None:
        """Take the signals, also from a job that left its handler behind."""
        for number in heard():
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: Any) -> None:
        if self.busy:
            # To the main thread: a signal that another thread gets would not wake it.
            again = threading.Timer(RETRY, signal.pthread_kill, (threading.main_thread().ident, number))
            again.daemon = True
            again.start()


def work(pipe: Connection, function: str, parent: int, grace: float, output: Path) -> None:
    """Entry point of a worker process.

    Args:
        pipe: both ways to the parent.
        function: ``module:name`` of ``(payload, report) -> value``, imported at the first job.
        parent: process id of the parent; the worker ends when it is gone.
        grace: seconds that a running job then gets for its checkpoint.
        output: file that receives all that the jobs print, and where a crash happened.
    """
    os.setpgrp()  # a Ctrl-C of the terminal goes to the parent alone, which passes it on exactly once
    stops = Stops()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    _redirect(output)
    threading.Thread(target=_watch, args=(parent, grace), daemon=True).start()
    # the parent is gone: nobody to tell
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(pipe, function, stops)


def _serve(pipe: Connection, function: str, stops: Stops) -> None:
    while True:
        kind, *rest = pipe.recv()
        if kind == STOP:
            continue  # came when the job had just ended; the pipe ends next
        index, pickled = rest
        stops.busy = True
        # A signal that came before ``busy`` was announced by a STOP, which is in the pipe by now.
        pipe.send((REFUSED, index, None) if pipe.poll() else _run(pipe, function, index, pickled))
        stops.busy = False
        stops.install()


def _run(pipe: Connection, function: str, index: int, pickled: bytes) -> tuple[str, int, Any]:
    try:
        payload = pickle.loads(pickled)
        value = _resolve(function)(payload, lambda report: _tell(pipe, index, report))
        ForkingPickler.dumps(value)  # a value that cannot be sent is the job's failure, not the worker's
    except BaseException:  # also SystemExit and KeyboardInterrupt: whatever a job does, the worker lives on
        return FAILED, index, traceback.format_exc()
    return DONE, index, value


def _resolve(function: str) -> Callable[[Any, Callable[[dict], None]], Any]:
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)


def _tell(pipe: Connection, index: int, report: dict) -> None:
    # The parent is gone: the job must reach its checkpoint all the same.
    with contextlib.suppress(OSError):
        pipe.send((REPORT, index, report))


def _redirect(output: Path) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    faulthandler.enable()


def _watch(parent: int, grace: float) -> None:
    """End this process when its parent is gone: as Ctrl-C would, then, after ``grace`` seconds, in any case."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(grace)
    os.killpg(0, signal.SIGKILL)
