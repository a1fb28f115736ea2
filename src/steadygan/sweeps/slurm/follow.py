"""Waiting for runs in Slurm's queue: what ``squeue`` and the runs' own files say, told as a pool tells it."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from steadygan.common.errors import Interrupted, UserError
from steadygan.common.supervisor import LAST_WORDS
from steadygan.runs import files
from steadygan.runs.locks import ELSEWHERE
from steadygan.sweeps.pool import Event, Outcome
from steadygan.sweeps.slurm import queue
from steadygan.sweeps.slurm.queue import Job, QueueEntry
from steadygan.sweeps.state import RunState
from steadygan.sweeps.watcher import Watcher

LATE = 60.0
"""Seconds that files of another machine may take to be seen here."""


def follow(jobs: Sequence[Job], root: Path, on_event: Callable[[Event], None], poll: float) -> None:
    """Tell what happens to runs that were submitted, until none of them is in Slurm's queue any more.

    Args:
        jobs: that were submitted, now or by an earlier launch.
        root: the folder of the sweep.
        on_event: called with each event.
        poll: seconds between two looks.

    Raises:
        Interrupted: Ctrl-C; the jobs go on.
    """
    follower = _Follower(jobs, root, on_event)
    try:
        while not follower.look():
            time.sleep(poll)
    except KeyboardInterrupt:
        raise Interrupted(
            "no longer waiting; the jobs go on in Slurm (`scancel` ends them), and the same command waits again"
        ) from None


class _Follower:
    def __init__(self, jobs: Sequence[Job], root: Path, on_event: Callable[[Event], None]) -> None:
        self.jobs, self.root, self.on_event = jobs, root, on_event
        self.left = dict(enumerate(jobs))
        self.since: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.states: dict[int, str] = {}
        self.watcher: Watcher | None = None
        self.silent = False

    def look(self) -> bool:
        """Tell what is new; whether all is over."""
        try:
            queue_entries = queue.queue_entries(self.left.values())
        except UserError as error:  # the controller is restarted now and then
            self._message(f"{error}; waiting for it")
            return False
        self.silent = False
        seen = self._seen()
        for index, job in list(self.left.items()):
            queued = queue_entries.get(job.signature, QueueEntry("", ""))
            self._started(index, queued, seen.get(job.directory))
            if not queued.live and not self._late(index, job, queued):
                del self.left[index]
                started = self.since.get(index, time.monotonic())
                self.on_event(Event("ended", index, outcome=_outcome(index, job, self.root, queued, started)))
        return not self.left

    def _seen(self) -> Mapping[Path, RunState]:
        try:
            self.watcher = self.watcher or Watcher(self.root)
        except UserError:
            return {}
        return {run.path: run for run in self.watcher.look().runs}

    def _started(self, index: int, queued: QueueEntry, seen: RunState | None) -> None:
        before, self.states[index] = self.states.get(index), queued.state
        if index not in self.since and queued.state != "PENDING":
            self.since[index] = time.monotonic()
            self.on_event(Event("started", index))
        if index not in self.since:
            return
        if queued.state == "PENDING" != before:
            self.on_event(Event("report", index, {"kind": "message", "text": "stopped by Slurm, in the queue again"}))
        if seen is not None and queued.state == "RUNNING":
            progress = {
                "iteration": seen.iteration,
                "iterations": seen.iterations,
                "metrics": seen.metrics,
                "most": seen.most,
            }
            self.on_event(Event("report", index, {"kind": "progress", **progress}))

    def _late(self, index: int, job: Job, queued: QueueEntry) -> bool:
        """Return whether the files of a run that ended well are still on their way here, as on network file systems."""
        if queued.state != "COMPLETED" or _status(job) in (*files.FINISHED, "failed", "preempted"):
            return False
        return time.monotonic() - self.ended.setdefault(index, time.monotonic()) < LATE

    def _message(self, text: str) -> None:
        if self.since and not self.silent:
            self.on_event(Event("report", next(iter(self.since)), {"kind": "message", "text": text}))
        self.silent = True


def _status(job: Job) -> str | None:
    return (files.read_summary(job.directory) or {}).get("status")


def _over(job: Job) -> bool:
    done = files.read_summary(job.directory) or {}
    return done.get("status") == "diverged" or (
        done.get("status") == "completed" and done["iteration"] >= job.iterations
    )


def _outcome(index: int, job: Job, root: Path, queued: QueueEntry, started: float) -> Outcome:
    """Return how a run ended that Slurm does not run any more."""
    seconds = time.monotonic() - started
    status = _status(job)
    if queued.state == "CANCELLED" and not _over(job):
        return Outcome(index, "cancelled", seconds=seconds)
    if status in (*files.FINISHED, "preempted"):
        return Outcome(index, "done", status, seconds=seconds)
    if queued.state == "COMPLETED" and status != "failed":
        return Outcome(index, "done", ELSEWHERE, seconds=seconds)
    log = job.directory / files.LOG
    if status == "failed" and log.exists():
        return Outcome(index, "failed", error=log.read_text(errors="replace"), seconds=seconds)
    return Outcome(index, "failed", error=_death(job, root, queued), seconds=seconds, died=True)


def _death(job: Job, root: Path, queued: QueueEntry) -> str:
    """Return why a run ended that could not say so itself."""
    ticket = queue.Ticket.read(job.directory)
    number = queued.job or (ticket and ticket.job) or "that was submitted"
    log = root / queue.LOGS / f"{number}_0_log.out"
    words = log.read_text(errors="replace")[-LAST_WORDS:] if log.exists() else ""
    return f"the Slurm job {number} of this run ended: {queued.state or 'state unknown'}\n{words}".rstrip()
