"""Entry point of one task of a Slurm job: a run, or a group of runs, that is told to stop and is queued again.

Slurm sends USR2 before a time limit, and before a preemption where it is so configured; submitit would queue the job
again at once, from within the signal handler. Here the run first ends its iteration and saves. This module is imported
before any handler is there, so it imports nothing that takes time; what it runs is unpickled later.
"""

import contextlib
import importlib
import os
import pickle
import signal
import subprocess
import threading
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from steadygan.common.signals import Handler, Interrupt, heard
from steadygan.runs.job import Event

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

AGAIN = 0.2
"""Seconds until a run that could not be told yet (it is importing, say) is told again."""


class Task:
    """``function(payload, report)``, called by submitit in a Slurm job.

    Args:
        function: ``module:name``; returns a status, or statuses by signature.
        payload: picklable.
    """

    def __init__(self, function: str, payload: object) -> None:
        self.function, self.payload = function, pickle.dumps(payload)

    def __call__(self) -> str | Mapping[str, str]:
        """Run it; a run that was stopped is queued again, unless Slurm does that or nobody wants it.

        Raises:
            SystemExit: after a run that was stopped: without a result, the job is not over.
        """
        with Stop() as stop:
            module, _, name = self.function.partition(":")
            value = getattr(importlib.import_module(module), name)(pickle.loads(self.payload), _say)
        if _preempted(value):
            if os.environ.get("SLURM_PROCID", "0") == "0" and _running():
                stop.requeue()
            raise SystemExit(0)
        return value

    def checkpoint(self) -> "DelayedSubmission":
        """Return what submitit keeps for the next start: the run's own files know how far it came."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Stop:
    """A context in which USR2, SIGTERM and SIGHUP stop a run as soon as it listens, that is, holds an ``Interrupt``.

    USR2 is blocked and waited for in a thread: so what the run starts (compilers, W&B) inherits a signal that does not
    end it, though Slurm sends it to all processes of a job.
    """

    def __init__(self) -> None:
        self._asked, self._over = threading.Event(), threading.Event()
        self._submitit: Handler = None

    def __enter__(self) -> "Stop":
        self._submitit = signal.getsignal(signal.SIGUSR2)
        for number in (signal.SIGUSR2, *heard()[1:]):  # a Ctrl-C is none of Slurm's
            signal.signal(number, self._ask)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
        for work in (self._wait, self._tell):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()

    def requeue(self) -> None:
        """Have submitit queue the job again: it counts time limits, and ends this process."""
        if callable(self._submitit):
            self._submitit(signal.SIGUSR2, None)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked.set()

    def _wait(self) -> None:
        while True:
            signal.sigwait([signal.SIGUSR2])
            self._asked.set()

    def _tell(self) -> None:
        self._asked.wait()
        while not self._over.wait(AGAIN):
            listener = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
            if isinstance(listener, Interrupt) and not listener.requested:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _preempted(value: str | Mapping[str, str]) -> bool:
    return "preempted" in (value.values() if isinstance(value, Mapping) else [value])


def _running() -> bool:
    """Return whether Slurm means this job to run: not when it is cancelled, or queued again already."""
    command = ["squeue", "--noheader", "--format=%T", f"--jobs={os.environ.get('SLURM_JOB_ID', '')}"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip() == "RUNNING"
    return False


def _say(report: Event) -> None:
    """Into the log of the job."""
    if report.get("kind") == "message":
        print(report.get("text"), flush=True)
