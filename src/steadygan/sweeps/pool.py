"""Many jobs on a few persistent worker processes: what is slow to import is imported once a worker.

Nothing here knows what a job is. A job that raises, or that takes its process with it, fails alone.
"""

import contextlib
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from steadygan.common.errors import Interrupted
from steadygan.common.signals import STOPS, heard, restore
from steadygan.sweeps import worker as child

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
GRACE = 60.0
"""Seconds that a job has for its checkpoint when the parent is gone."""

LAST_WORDS = 2000
"""Characters of a dead worker's output that its job's error quotes."""


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
    payloads: Sequence[Any],
    *,
    workers: int,
    threads: int = 1,
    on_event: Callable[[Event], None] = lambda event: None,
    grace: float = GRACE,
) -> list[Outcome]:
    """Call ``function(payload, report)`` for every payload; ``report(dict)`` becomes an event.

    The first Ctrl-C (or SIGTERM, or SIGHUP) hands out no more jobs and passes one SIGINT on to the workers, whose jobs
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
    with tempfile.TemporaryDirectory(prefix="steadygan-") as outputs:
        pool = _Pool(function, payloads, threads, on_event, grace, Path(outputs))
        with _signals() as signals:
            try:
                pool.run(min(workers, len(payloads)), signals)
            finally:
                pool.close()
    if signals.count:
        raise Interrupted("stopped; the same command goes on from there")
    return pool.outcomes


class _Signals:
    """Counts the signals; readable as soon as there is one.

    SIGHUP comes from the terminal and again from its shell: it is nobody's wish to end the jobs at once.
    """

    def __init__(self) -> None:
        self.count = 0
        self.hung_up = False
        self._read, self._write = os.pipe()

    def handle(self, number: int, frame: Any) -> None:
        hung_up = number == signal.SIGHUP
        self.hung_up = self.hung_up or hung_up
        if hung_up and self.count:
            return
        self.count += 1
        os.write(self._write, b"!")

    def fileno(self) -> int:
        return self._read

    def clear(self) -> None:
        os.read(self._read, 4096)

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    signals = _Signals()
    # Python has signal handlers in the main thread only.
    numbers = heard() if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, signals.handle) for number in numbers}
    try:
        yield signals
    finally:
        restore(before, signals.hung_up)
        signals.close()


class _Worker:
    """The parent's side of one worker process."""

    def __init__(self, function: str, threads: int, grace: float, output: Path) -> None:
        self.output = output
        self.index: int | None = None
        self.started = 0.0
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=child.work, args=(theirs, function, os.getpid(), grace, output), daemon=False
        )
        with _environment({name: str(threads) for name in THREADS}), _blocked():
            self.process.start()
        theirs.close()

    def give(self, index: int, payload: Any) -> None:
        self.index, self.started = index, time.monotonic()
        self.pipe.send((child.JOB, index, bytes(ForkingPickler.dumps(payload))))

    def stop(self) -> None:
        """Ask for the end of the running job; the message first, so that it is there when the signal comes."""
        if self.index is not None:
            with contextlib.suppress(OSError):
                self.pipe.send((child.STOP,))
                os.kill(self.process.pid, signal.SIGINT)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signal the process and all it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
        if self.process.is_alive():
            os.kill(self.process.pid, number)  # it may not have its own process group yet

    def messages(self) -> Iterator[tuple[str, int, Any]]:
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll():
                yield self.pipe.recv()

    def death(self) -> str:
        """Return why a process ended before its job."""
        self.process.join()
        code = self.process.exitcode or 0
        reason = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if code == -signal.SIGKILL:
            reason += " (killed, or the machine ran out of memory)"
        words = self.output.read_text(errors="replace")[-LAST_WORDS:] if self.output.exists() else ""
        return f"the process of this job {reason}\n{words}".rstrip()

    def close(self) -> None:
        self.pipe.close()
        self.process.join()
        self.process.close()


class _Pool:
    """Hands out the jobs, and attends to what the workers say."""

    def __init__(
        self,
        function: str,
        payloads: Sequence[Any],
        threads: int,
        on_event: Callable[[Event], None],
        grace: float,
        outputs: Path,
    ) -> None:
        self.payloads = payloads
        self.outcomes = [Outcome(index, "not started") for index in range(len(payloads))]
        self.workers: list[_Worker] = []
        self._make = lambda: _Worker(function, threads, grace, outputs / str(next(self._numbers)))
        self._numbers = iter(range(10**9))
        self._waiting = iter(range(len(payloads)))
        self._on_event = on_event
        self._stopping = False
        self._forced = False

    def run(self, workers: int, signals: _Signals) -> None:
        for _ in range(workers):
            if not signals.count:
                self._start()
        while busy := [worker for worker in self.workers if worker.index is not None]:
            handles = [signals, *(worker.pipe for worker in busy), *(worker.process.sentinel for worker in busy)]
            ready = connection.wait(handles, timeout=1.0)
            if signals in ready:
                signals.clear()
                self._interrupt(signals.count)
            for worker in busy:
                # A process that the worker forked may keep the sentinel open: ask for the worker itself, too.
                self._attend(worker, dead=worker.process.sentinel in ready or not worker.process.is_alive())

    def _start(self) -> None:
        """A new worker, if there is a job for it."""
        index = None if self._stopping else next(self._waiting, None)
        if index is not None:
            worker = self._make()
            self.workers.append(worker)
            self._give(worker, index)

    def _give(self, worker: _Worker, index: int) -> None:
        self._on_event(Event("started", index))
        try:
            worker.give(index, self.payloads[index])
        except OSError:
            pass  # it has just died, which its sentinel tells
        except Exception as error:
            self._end(worker, "failed", error=f"the job cannot be sent to a worker: {error!r}")

    def _interrupt(self, count: int) -> None:
        self._stopping = True
        self._forced = count > 1
        for worker in self.workers:
            if count == 1:
                worker.stop()
            else:
                worker.kill()

    def _attend(self, worker: _Worker, dead: bool) -> None:
        for kind, index, content in worker.messages():
            if kind == child.REPORT:
                self._on_event(Event("report", index, content))
            elif kind == child.DONE:
                self._end(worker, "done", value=content)
            elif kind == child.FAILED:
                self._end(worker, "failed", error=content)
            else:
                self._end(worker, "not started")
        if worker.index is not None and dead:
            worker.kill()
            self.workers.remove(worker)
            self._end(worker, "stopped" if self._forced else "failed", again=False, error=worker.death(), died=True)
            worker.close()
            self._start()

    def _end(self, worker: _Worker, status: str, again: bool = True, **how: Any) -> None:
        """Note how the worker's job ended, and give it the next one."""
        outcome = Outcome(worker.index, status, seconds=time.monotonic() - worker.started, **how)
        self.outcomes[worker.index] = outcome
        worker.index = None
        self._on_event(Event("ended", outcome.index, outcome=outcome))
        index = next(self._waiting, None) if again and not self._stopping else None
        if index is not None:
            self._give(worker, index)

    def close(self, patience: float = 10.0) -> None:
        """End all workers: idle ones by the end of their pipe, others by force."""
        for worker in self.workers:
            worker.pipe.close()
            if worker.index is not None:
                worker.kill()
        until = time.monotonic() + patience
        for worker in self.workers:
            connection.wait([worker.process.sentinel], max(0.0, until - time.monotonic()))
            worker.kill()
            worker.close()


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the processes that are started inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    """A process that is started inside gets no Ctrl-C before it is ready for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
