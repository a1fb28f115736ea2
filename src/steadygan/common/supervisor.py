"""Processes that this one starts, watches, tells to stop and ends: none of them outlives it.

The workers of a pool and the processes of one run on several devices are children alike. What is done when one of them
dies is not said here: ``sweeps.pool`` goes on without it, ``distributed.spawn`` ends the others.

``torch.distributed.elastic`` knows the second kind only. It ends all processes at the first signal, where ours finish
the iteration and save, tells nobody how far they are, and has no worker that takes one job after another.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import connection, resource_tracker
from pathlib import Path
from types import FrameType

from steadygan.common.child_process import JOB, STOP, Message, Orders, serve
from steadygan.common.signals import Interrupt, blocked

GRACE = 60.0
"""Seconds that a job has for its checkpoint when the parent is gone."""

PATIENCE = 10.0
"""Seconds that children without a job have to end in."""

LAST_WORDS = 2000
"""Characters of a dead child's output that are quoted."""


class Child:
    """This side of one process.

    Attributes:
        index: of its job; None while it has none.
        started: when it got the job.
    """

    def __init__(self, orders: Orders, preload: Sequence[str]) -> None:
        self.orders = orders
        self.index: int | None = None
        self.started = 0.0
        self.pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("forkserver") if preload else multiprocessing.get_context("spawn")
        if preload:
            context.set_forkserver_preload([*preload])
        self.process = context.Process(target=serve, args=(theirs, orders), daemon=False)
        resource_tracker.ensure_running()  # the first time it would unblock the signals
        with blocked():  # the child gets none before it is ready for it
            self.process.start()
        theirs.close()

    def give(self, index: int, payload: object) -> None:
        """Have it run a job.

        Raises:
            OSError: it has just died.
            Exception: the payload cannot be pickled.
        """
        self.index, self.started = index, time.monotonic()
        self.pipe.send((JOB, index, pickle.dumps(payload)))

    def stop(self) -> None:
        """Ask for the end of the job."""
        with contextlib.suppress(OSError):
            if self.orders.leads:  # it may leave a job that has not begun; the message is there when the signal comes
                self.pipe.send((STOP,))
            os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the process, and all it started."""
        if self.orders.leads:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
        self.process.kill()  # it may not have its own process group yet

    def messages(self) -> list[Message]:
        """Return what it has sent since the last call."""
        received = []
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll():
                received.append(pickle.loads(self.pipe.recv_bytes()))
        return received

    @property
    def killed(self) -> bool:
        """Whether a signal has ended it."""
        return (self.process.exitcode or 0) < 0

    def death(self) -> str:
        """Return how a process ended before its job: by which signal or exit code, and its last words."""
        self.process.join()
        code = self.process.exitcode or 0
        reason = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if code == -signal.SIGKILL:
            reason += " (killed, or the machine ran out of memory)"
        output = self.orders.output
        words = output.read_text(errors="replace")[-LAST_WORDS:] if output and output.exists() else ""
        return f"{reason}\n{words}".rstrip()

    def close(self) -> None:
        """Wait for its end, and forget it."""
        self.pipe.close()
        self.process.join()
        self.process.close()

    @property
    def _pid(self) -> int:
        assert self.process.pid is not None  # it was started
        return self.process.pid


class Supervisor(Interrupt):
    """A context in which children run; the first SIGINT, SIGTERM or SIGHUP is passed on to each of them, once.

    A second SIGINT kills them, and so does the end of the context those that still have a job.

    Args:
        function: ``module:name`` of ``(payload, report) -> value``, importable by the children.
        grace: seconds that a job has left when this process is killed.
        preload: modules of children that are one run, which start together: on Linux they are forked from a clean
            process that has imported these and has run nothing. A terminal's Ctrl-C reaches them by itself, too.

    Attributes:
        children: those that are alive, as far as is known.
        forced: whether there was a second SIGINT.
    """

    def __init__(self, function: str, grace: float = GRACE, preload: Sequence[str] = ()) -> None:
        super().__init__()
        self.children: list[Child] = []
        self.forced = False
        self._function, self._grace, self._together = function, grace, bool(preload)
        self._preload = preload if sys.platform == "linux" else ()
        self._stopping = False
        self._wakes, self._wake = os.pipe()

    def start(self, environment: Mapping[str, str], output: Path | None = None) -> Child:
        """Start a child with these variables beside those that are set here.

        Args:
            environment: in force before anything is imported there.
            output: the file for what it prints; None: as for this process.
        """
        parent = None if self._preload else os.getpid()
        orders = Orders(self._function, {**os.environ, **environment}, parent, self._grace, not self._together, output)
        with _environment(environment):
            self.children.append(Child(orders, self._preload))
        return self.children[-1]

    @property
    def busy(self) -> list[Child]:
        """Those that have a job."""
        return [child for child in self.children if child.index is not None]

    def look(self, seconds: float = 1.0) -> Iterator[tuple[Child, list[Message], bool]]:
        """Wait until something happens; yield each busy child, what it says, and whether it is dead."""
        busy = self.busy
        sentinels = [child.process.sentinel for child in busy]
        ready = connection.wait([self._wakes, *(child.pipe for child in busy), *sentinels], seconds)
        if self._wakes in ready:
            os.read(self._wakes, 4096)
        if self.requested and not self._stopping:
            self._stopping = True
            for child in busy:
                child.stop()
        for child, sentinel in zip(busy, sentinels):
            if self.forced:
                child.kill()
            # A process that the child forked may keep the sentinel open: ask for the child itself, too.
            # Asked first: what it said before it died is then in the pipe.
            dead = sentinel in ready or not child.process.is_alive()
            yield child, child.messages(), dead

    def bury(self, child: Child) -> str:
        """Return how a dead child ended, which is no longer among the children."""
        child.kill()  # what it has started
        self.children.remove(child)
        death = child.death()
        child.close()
        return death

    def again(self) -> None:
        """At a second SIGINT: the children are killed at the next look."""
        self.forced = True

    def __exit__(self, *exc: object) -> None:
        """End all children: idle ones by the end of their pipe, others by force."""
        try:
            for child in self.children:
                child.pipe.close()
                if child.index is not None:
                    child.kill()
            until = time.monotonic() + PATIENCE
            for child in self.children:
                connection.wait([child.process.sentinel], max(0.0, until - time.monotonic()))
                child.kill()
                child.close()
        finally:
            super().__exit__()
            os.close(self._wakes)
            os.close(self._wake)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        super()._handle(number, frame)
        os.write(self._wake, b"!")


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
