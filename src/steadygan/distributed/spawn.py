"""Starts the processes of one run, fresh ones each time, and ends them all when one ends before its time."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]  # documented there

from steadygan.common.child_process import DONE, Failure, Message
from steadygan.common.errors import UserError
from steadygan.common.supervisor import Child, Supervisor
from steadygan.runs.job import Report

SETTLE = 0.5
"""Seconds after a failure in which the failure behind it shows."""


class ProcessFailed(Exception):
    """One of a run's processes failed, or ended before the run did; all of them were ended."""


def spawn(
    function: str, payload: object, report: Report, count: int, check: Callable[[], None] = lambda: None
) -> object:
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
    # The store lives here, at a port that the system picks: it outlives every process, and no two runs collide.
    store = TCPStore("127.0.0.1", 0, None, True, timedelta(seconds=60), wait_for_workers=False)
    with Supervisor(function, preload=[function.partition(":")[0]]) as supervisor:
        processes = _Processes(supervisor, report, count)
        for rank in range(count):
            supervisor.start(_environment(rank, count, store.port)).give(rank, payload)
        while supervisor.busy:
            processes.look()
            check()
            if processes.failures:
                time.sleep(SETTLE)
                processes.look()
                raise processes.cause()
    return processes.value


@dataclass(frozen=True)
class _Lost:
    """A process that failed: why, when (0 where it could not say so), and whether a signal ended it."""

    error: Exception
    at: float = 0.0
    killed: bool = False


class _Processes:
    """What the processes of one run say; their failures by rank, and the value of process 0."""

    def __init__(self, supervisor: Supervisor, report: Report, count: int) -> None:
        self.supervisor, self.report, self.count = supervisor, report, count
        self.failures: dict[int, _Lost] = {}
        self.value: object = None

    def look(self) -> None:
        for child, messages, dead in self.supervisor.look():
            for message in messages:
                self._hear(child, message)
            rank = child.index
            if dead and rank is not None and rank not in self.failures:
                error = ProcessFailed(f"process {rank} of {self.count} {child.death()}")
                self.failures[rank] = _Lost(error, killed=child.killed)
        if self.supervisor.forced:
            raise KeyboardInterrupt

    def _hear(self, child: Child, message: Message) -> None:
        rank, content = message.job, message.content
        if message.kind == DONE:
            child.index = None
            self.value = content if rank == 0 else self.value
        elif isinstance(content, Failure):
            error = ProcessFailed(f"process {rank} of {self.count} failed:\n{content.traceback.rstrip()}")
            self.failures[rank] = _Lost(UserError(content.mistake) if content.mistake else error, message.at)
        elif rank == 0:
            self.report(content)

    def cause(self) -> Exception:
        """Return the failure behind the others: processes that lose one of theirs fail, too."""
        failed = list(self.failures.values())
        mistakes = [each for each in failed if isinstance(each.error, UserError)]
        killed = [each for each in failed if each.killed]
        return min(mistakes or killed or failed, key=lambda each: each.at).error


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
