"""Many jobs on a few persistent worker processes: what is slow to import is imported once a worker.

Nothing here knows what a job is. A job that raises, or that takes its process with it, fails alone.
"""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steadygan.common.child_process import DONE, REPORT, Failure, Message
from steadygan.common.errors import Interrupted
from steadygan.common.supervisor import GRACE, Child, Supervisor

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class Event:
    """Something that happened to the job ``index``.

    ``kind`` is ``started``, ``report`` (``data`` is what the job reported) or ``ended`` (``outcome`` is set).
    """

    kind: str
    index: int
    data: Mapping[str, Any] = field(default_factory=dict)
    outcome: "Outcome | None" = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    ``status`` is ``done`` (with a ``value``), ``failed`` (with an ``error``), ``stopped`` (its worker was ended by a
    second Ctrl-C) or ``not started``. ``died``: it took its worker with it, and could not write anything more.
    """

    index: int
    status: str
    value: Any = None
    error: str | None = None
    seconds: float = 0.0
    died: bool = False


def run_jobs(
    function: str,
    payloads: Sequence[object],
    *,
    workers: int,
    threads: int = 1,
    on_event: Callable[[Event], None] = lambda event: None,
    grace: float = GRACE,
) -> list[Outcome]:
    """Call ``function(payload, report)`` for every payload; ``report(dict)`` becomes an event.

    The first Ctrl-C (or SIGTERM, or SIGHUP) hands out no more jobs and passes one SIGTERM on to the workers, whose jobs
    end as their own handlers see fit; the second one ends the workers at once. Workers outlive neither this call
    nor this process.

    Args:
        function: ``module:name``, importable by the workers.
        payloads: picklable.
        workers: number of processes at a time.
        threads: of the numerical libraries in each worker, set before anything is imported there.
        on_event: called in this thread.
        grace: seconds that a running job has left when this process is killed.

    Returns:
        One outcome for each payload, in their order.

    Raises:
        Interrupted: by a signal, after the running jobs ended.
    """
    with tempfile.TemporaryDirectory(prefix="steadygan-") as folder, Supervisor(function, grace) as supervisor:
        outputs = (Path(folder) / str(number) for number in itertools.count())
        pool = _Pool(supervisor, payloads, {name: str(threads) for name in THREADS}, outputs, on_event)
        pool.run(min(workers, len(payloads)))
    if supervisor.requested:
        raise Interrupted("stopped; the same command goes on from there")
    return pool.outcomes


class _Pool:
    """Hands out the jobs, and attends to what the workers say."""

    def __init__(
        self,
        supervisor: Supervisor,
        payloads: Sequence[object],
        environment: Mapping[str, str],
        outputs: Iterator[Path],
        on_event: Callable[[Event], None],
    ) -> None:
        self.payloads = payloads
        self.outcomes = [Outcome(index, "not started") for index in range(len(payloads))]
        self._supervisor, self._on_event = supervisor, on_event
        self._environment, self._outputs = environment, outputs
        self._waiting = iter(range(len(payloads)))

    def run(self, workers: int) -> None:
        for _ in range(workers):
            self._next(None)
        while self._supervisor.busy:
            for worker, messages, dead in self._supervisor.look():
                for message in messages:
                    self._attend(worker, message)
                if dead and worker.index is not None:
                    status = "stopped" if self._supervisor.forced else "failed"
                    error = f"the process of this job {self._supervisor.bury(worker)}"
                    self._end(worker, status, error=error, died=True)
                    self._next(None)

    def _next(self, worker: Child | None) -> None:
        """Give the next job to a worker, or to a new one."""
        index = None if self._supervisor.requested else next(self._waiting, None)
        if index is None:
            return
        worker = worker or self._supervisor.start(self._environment, next(self._outputs))
        self._on_event(Event("started", index))
        try:
            worker.give(index, self.payloads[index])
        except OSError:
            pass  # it has just died, which the next look tells
        except Exception as error:
            self._end(worker, "failed", error=f"the job cannot be sent to a worker: {error!r}")
            self._next(worker)

    def _attend(self, worker: Child, message: Message) -> None:
        content = message.content
        if message.kind == REPORT:
            self._on_event(Event("report", message.job, content))
            return
        if message.kind == DONE:
            self._end(worker, "done", value=content)
        elif isinstance(content, Failure):
            self._end(worker, "failed", error=content.traceback)
        else:
            self._end(worker, "not started")
        self._next(worker)

    def _end(
        self, worker: Child, status: str, value: object = None, error: str | None = None, died: bool = False
    ) -> None:
        """Note how the worker's job ended."""
        assert worker.index is not None
        outcome = Outcome(worker.index, status, value, error, time.monotonic() - worker.started, died)
        self.outcomes[worker.index], worker.index = outcome, None
        self._on_event(Event("ended", outcome.index, outcome=outcome))
