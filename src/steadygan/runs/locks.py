"""One launch at a time works on a run, on whichever machine: a lease in the run's folder.

The lease is ``filelock.SoftFileLease``: a file created exclusively that names host, process and start of its owner
(boot included), which the owner touches now and then. A process that finds it takes it over at once if its owner was on
this machine and is dead, else after having watched it for ``LEASE`` seconds by the own clock without a touch: clocks of
machines need not agree, and nothing is asked of the file system but exclusive creation and renaming.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from steadygan.runs import files

LEASE = 120.0
"""Seconds without a touch after which an owner on another machine counts as dead."""

TOUCH = 20.0
"""Seconds between touches; with the minute that NFS may keep a file's times to itself, well below ``LEASE``."""

PATIENCE = 1.5 * LEASE
"""Seconds after which an owner that still holds a run is alive."""

ELSEWHERE = "elsewhere"
"""The status of a job that another launch works on."""

PAUSE = 1.0
"""Seconds between two looks of somebody who waits."""

_held: dict[Path, "RunLock"] = {}
"""The locks of this process, by the run's folder."""


def lease(path: Path) -> SoftFileLease:
    """Return the lease that is described above, in the file ``path``; not taken yet."""
    return SoftFileLease(path, lease_duration=LEASE, heartbeat_interval=TOUCH)


class LockLost(Exception):
    """Another launch has taken over the run: this one must not write anything any more."""


class RunLock:
    """The lock of one run; an object that fails to take it again and again notices when its owner goes silent.

    Args:
        run: the run's folder, which must be there when the lock is taken.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self._lease = lease(run / files.LOCK)

    def take(self) -> bool:
        """Return whether it could be taken.

        Raises:
            OSError: the folder cannot be written.
        """
        try:
            self._lease.acquire(timeout=0)
        except (Timeout, LeaseSettingsMismatch):
            return False
        _held[self.run] = self
        return True

    def give_back(self) -> None:
        """If it was taken."""
        if _held.pop(self.run, None) is not None:
            with contextlib.suppress(OSError):  # the folder is gone, or cannot be written any more
                self._lease.release()

    @property
    def lost(self) -> bool:
        """Whether somebody else took it over, or it could not be touched for so long that somebody may have."""
        return self._lease.compromise is not None

    @property
    def owner(self) -> str:
        """``node7, process 1234``; empty where there is none."""
        holder = self._lease.owner
        return f"{holder.hostname.partition('?')[0]}, process {holder.pid}" if holder else ""


def check(run: Path) -> None:
    """Before anything is written to a run.

    Raises:
        LockLost: this process had the lock and lost it.
    """
    if run in _held and _held[run].lost:
        raise LockLost(f"{run}: another launch has taken over this run")


@contextlib.contextmanager
def hold(
    runs: Sequence[Path], patience: float = 0.0, waits: Callable[[str], None] = lambda owner: None
) -> Iterator[dict[Path, str]]:
    """Take the locks of all runs, or of none of them.

    Args:
        runs: folders, which are made.
        patience: seconds to wait for other owners.
        waits: told once who it is.

    Yields:
        The owners that are in the way, by run; empty if all locks are taken.
    """
    _allow_files(len(runs))
    for run in runs:
        run.mkdir(parents=True, exist_ok=True)
    locks = [RunLock(run) for run in sorted(set(runs))]
    until, reported = time.monotonic() + patience, False
    try:
        while (others := _take(locks)) and time.monotonic() < until:
            if not reported:
                waits(next(iter(others.values())))
                reported = True
            time.sleep(PAUSE)
        yield others
    finally:
        _give_back(locks)


def _take(locks: Sequence[RunLock]) -> dict[Path, str]:
    others = {}
    for lock in locks:
        if not lock.take():
            others[lock.run] = lock.owner or "another launch"
    if others:
        _give_back(locks)
    return others


def _give_back(locks: Sequence[RunLock]) -> None:
    for lock in locks:
        lock.give_back()


def _allow_files(count: int) -> None:
    """A lock is an open file; a population may have more members than a process may have files by default."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and count + 256 > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1024) if hard > 0 else count + 1024, hard))


class Others:
    """Who works on runs, as seen by somebody who only looks; keep the object, to notice owners that go silent."""

    def __init__(self) -> None:
        self._locks: dict[Path, RunLock] = {}

    def owner(self, run: Path) -> str:
        """Who works on it; empty if nobody does."""
        if not os.path.lexists(run / files.LOCK):
            return ""
        lock = self._locks.setdefault(run, RunLock(run))
        with contextlib.suppress(OSError):
            if lock.take():
                lock.give_back()
                return ""
        return lock.owner or "another launch"
