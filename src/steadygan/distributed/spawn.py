"""Starts the processes of one run, fresh ones each time, and ends them all when one ends before its time."""

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from torch.distributed import TCPStore

from steadygan.common.errors import UserError
from steadygan.common.signals import STOPS
from steadygan.distributed import child
from steadygan.runs.job import Report
from steadygan.training.interrupt import Interrupt

SETTLE = 0.5
"""Seconds after a failure in which the failure behind it shows."""

PATIENCE = 10.0
"""Seconds to end in, after the work is done."""


class ProcessFailed(Exception):
    """One of a run's processes failed, or ended before the run did; all of them were ended."""


def spawn(function: str, payload: Any, report: Report, count: int, check: Callable[[], None] = lambda: None) -> Any:
    """Call ``function(payload, report)`` in so many processes, which find each other as those of torchrun do.

    A first SIGINT, SIGTERM or SIGHUP is passed on to them once, a second SIGINT ends them.

    Args:
        function: ``module:name``.
        payload: picklable.
        report: told what process 0 reports.
        count: of processes.
        check: called about once a second; what it raises ends them.

    Returns:
        What process 0 returned.

    Raises:
        UserError: a process says so.
        ProcessFailed: a process failed or died.
    """
    processes: list[_Process] = []
    # The store lives here, at a port that the system picks: it outlives every process, and no two runs collide.
    store = TCPStore("127.0.0.1", 0, None, True, timedelta(seconds=60), wait_for_workers=False)
    with _Relay(processes) as relay:
        try:
            with _blocked():
                for rank in range(count):
                    processes.append(_Process(rank, count, store.port, function, payload))
            if relay.requested:  # by another thread, while some of them were not there yet
                relay.forward()
            _attend(processes, report, check)
        finally:
            for process in processes:
                process.end()
    return processes[0].value


def _context(function: str) -> Any:
    """On Linux, processes are forked from a clean one that has paid the imports, and has run nothing."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["steadygan.training.loop", function.partition(":")[0]])
    return context


class _Relay(Interrupt):
    """Passes the first signal on; as SIGTERM, since a Ctrl-C at the terminal reaches the processes by itself."""

    def __init__(self, processes: list["_Process"]) -> None:
        super().__init__()
        self.processes = processes

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first = not self.requested
        super()._handle(number, frame)
        if first:
            self.forward()

    def forward(self) -> None:
        for each in self.processes:
            each.signal(signal.SIGTERM)


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    """Processes started inside have signals blocked until they are ready for them."""
    resource_tracker.ensure_running()  # the first time it would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Process:
    """This side of one process."""

    def __init__(self, rank: int, count: int, port: int, function: str, payload: Any) -> None:
        self.rank, self.count = rank, count
        self.done, self.value = False, None
        self.failure: Exception | None = None
        self.failed_at = 0.0
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        self.process: BaseProcess = _context(function).Process(
            target=child.serve,
            args=(theirs, function, payload, {**os.environ, **_environment(rank, count, port)}),
            daemon=False,
        )
        self.process.start()
        theirs.close()

    @property
    def handles(self) -> list[Connection | int]:
        return [] if self.done else [self.pipe, self.process.sentinel]

    def attend(self, report: Report) -> None:
        """Take in what it says, and whether it is still there."""
        ended = not self.process.is_alive()  # asked first: what it said before it ended is then in the pipe
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll():
                self._hear(*pickle.loads(self.pipe.recv_bytes()), report)
        if ended and not self.done and self.failure is None:
            self.failure = ProcessFailed(f"{self._name} {_reason(self.process.exitcode or 0)}")

    def _hear(self, kind: str, content: Any, when: float, report: Report) -> None:
        if kind == child.REPORT:
            if self.rank == 0:
                report(content)
        elif kind == child.DONE:
            self.done, self.value = True, content
        elif kind == child.REFUSED:
            self.failure, self.failed_at = UserError(content), when
        else:
            self.failure, self.failed_at = ProcessFailed(f"{self._name} failed:\n{content.rstrip()}"), when

    @property
    def killed(self) -> bool:
        return (self.process.exitcode or 0) < 0

    @property
    def _name(self) -> str:
        return f"process {self.rank} of {self.count}"

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def end(self) -> None:
        """By force, unless it has done its work."""
        if self.done:
            self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.pipe.close()


def _environment(rank: int, count: int, port: int) -> dict[str, str]:
    environment = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # rank 0 need not serve the store
    }
    if sys.platform == "linux":
        environment["GLOO_SOCKET_IFNAME"] = "lo"  # a machine's own name may not resolve
    return environment


def _attend(processes: list[_Process], report: Report, check: Callable[[], None]) -> None:
    while handles := [handle for process in processes for handle in process.handles]:
        connection.wait(handles, timeout=1.0)
        check()
        for process in processes:
            process.attend(report)
        if any(process.failure for process in processes):
            time.sleep(SETTLE)
            for process in processes:
                process.attend(report)
            raise _cause(processes)


def _cause(processes: list[_Process]) -> Exception:
    """Return the failure behind the others: processes that lose one of theirs fail, too."""
    failed = [process for process in processes if process.failure]
    mistakes = [process for process in failed if isinstance(process.failure, UserError)]
    killed = [process for process in failed if process.killed]
    return min(mistakes or killed or failed, key=lambda process: process.failed_at).failure


def _reason(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    reason = f"was ended by {signal.Signals(-code).name}"
    return f"{reason} (killed, or the machine ran out of memory)" if code == -signal.SIGKILL else reason
