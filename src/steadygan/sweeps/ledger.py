"""The ledger of a sweep: what is to be done with each job, how each stands, and jobs that other launches work on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from steadygan.runs import files, locks
from steadygan.runs.job import Job
from steadygan.sweeps import display
from steadygan.sweeps.launching import SweepFailed
from steadygan.sweeps.slurm.queue import Pending
from steadygan.sweeps.state import RunState, Snapshot, ordered
from steadygan.sweeps.watcher import Watcher

SHOWN = 20
"""Jobs in the table before a launch; the dry run shows all."""

Action = Callable[[Job], str]
"""``run``, ``resume``, ``extend`` or ``skip: STATUS``."""


def plans(jobs: Sequence[Job], action: Action) -> dict[str, str]:
    """Return the action for each job, by its signature, or ``elsewhere: OWNER`` if another launch works on it."""
    others, todo = locks.Others(), {}
    for job in jobs:
        planned = action(job)
        owner = "" if planned.startswith("skip") else others.owner(job.directory)
        todo[job.signature] = f"{locks.ELSEWHERE}: {owner}" if owner else planned
    return todo


def away(planned: str) -> bool:
    """Return whether this is what ``plans`` says of a job that another launch works on."""
    return planned.startswith(locks.ELSEWHERE)


def table(jobs: Sequence[Job], todo: Mapping[str, str], most: int | None = None, places: bool = False) -> str:
    """Return a line for each job: action, job, iterations.

    Args:
        jobs: to list.
        todo: what ``plans`` says.
        most: lines; jobs that are skipped are left out then.
        places: whether each line ends with the signature and the folder.
    """
    rows = [(_will(todo[job.signature]), f"{job.label} seed={job.seed}", _far(job, places)) for job in jobs]
    if most is not None:
        rows = [row for row in rows if not row[0].startswith("skip")]
    shown = rows[:most]
    widths = [max((len(row[column]) for row in shown), default=0) for column in range(2)]
    lines = [f"{will:{widths[0]}}  {name:{widths[1]}}  {far}".rstrip() for will, name, far in shown]
    hidden = len(rows) - len(shown)
    return "\n".join(lines + ([f"and {hidden} more; --dry-run shows all"] if hidden else []))


def _will(planned: str) -> str:
    return f"running elsewhere ({planned.partition(': ')[2]})" if away(planned) else planned


def _far(job: Job, places: bool) -> str:
    done = files.read_summary(job.directory) or {}
    far = f"{done.get('iteration', 0)}/{job.iterations}"
    return f"{far}  {job.signature}  {files.from_here(job.directory)}" if places else far


def until_done(
    run: Callable[[Sequence[Job]], dict[str, str]],
    jobs: Sequence[Job],
    todo: Mapping[str, str],
    action: Action,
    console: Console,
) -> dict[str, str]:
    """Run jobs; those that other launches work on are waited for, and what they leave undone is run here.

    Args:
        run: some of the jobs; returns the status of each, by signature.
        jobs: that are not to be skipped.
        todo: what ``plans`` says.
        action: as in ``plans``.
        console: where to say whom it waits for.

    Returns:
        The status of each job, by its signature.

    Raises:
        SweepFailed: some jobs failed, here or elsewhere.
        Interrupted: as ``run``.
    """
    statuses: dict[str, str] = {}
    waiting = [job for job in jobs if away(todo[job.signature])]
    free = [job for job in jobs if not away(todo[job.signature])]
    others = locks.Others()
    while free or waiting:
        if free:
            statuses |= _run(run, free)
            waiting = [*waiting, *(job for job in free if statuses.get(job.signature) == locks.ELSEWHERE)]
        if waiting:
            ended, free, waiting = _wait(waiting, action, others, console)
            statuses |= ended
        else:
            free = []
    failed = sum(status == "failed" for status in statuses.values())
    if failed:
        raise SweepFailed(f"{failed} of {len(jobs)} jobs failed", statuses)
    return statuses


def _run(run: Callable[[Sequence[Job]], dict[str, str]], jobs: Sequence[Job]) -> dict[str, str]:
    try:
        return run(jobs)
    except SweepFailed as error:
        return dict(error.statuses)


def _wait(
    jobs: Sequence[Job], action: Action, others: locks.Others, console: Console
) -> tuple[dict[str, str], list[Job], list[Job]]:
    """Until some of the jobs are ended or left: the statuses of those ended, those to run here, those to wait for."""
    owners = sorted({owner for job in jobs if (owner := others.owner(job.directory))})
    count = "1 job that runs" if len(jobs) == 1 else f"{len(jobs)} jobs that run"
    text = f"waiting for {count} elsewhere ({'; '.join(owners)}); Ctrl-C leaves them to it" if owners else ""
    if text and not console.is_terminal:
        console.print(Text(text), soft_wrap=True)
    with console.status(Text(text or "looking again")):
        while True:
            time.sleep(locks.PAUSE)
            ended: dict[str, str] = {}
            free, left = [], []
            for job in jobs:
                planned = action(job)
                if planned.startswith("skip"):
                    ended[job.signature] = planned.removeprefix("skip: ")
                else:
                    (left if others.owner(job.directory) else free).append(job)
            if ended or free:
                return ended, free, left


class Ledger(Watcher):
    """All jobs of a sweep, those that have not begun included, as their files tell.

    Args:
        jobs: of the sweep.
        clock: seconds since the epoch, as the files have them.
    """

    def __init__(self, jobs: Sequence[Job], clock: Callable[[], float] = time.time) -> None:
        self.jobs, self.clock = jobs, clock
        self.folder = jobs[0].directory.parent if jobs else Path()
        self._known = {}
        self._pending = Pending(jobs)

    def look(self) -> Snapshot:
        """Return the current state."""
        return Snapshot(ordered(self._look(job) for job in self.jobs))

    def _look(self, job: Job) -> RunState:
        seen = self._by_files(job)
        return replace(seen, status="queued") if job.signature in self._pending() else seen

    def _by_files(self, job: Job) -> RunState:
        name = f"{job.label} seed={job.seed}"
        if not (job.directory / files.CONFIG).exists():
            return RunState(name, iterations=job.iterations, path=job.directory)
        seen = self.see(job.directory)
        extends = seen.status == "completed" and seen.iteration < job.iterations
        status = "waiting" if extends else seen.status
        return replace(seen, name=name, status=status, iterations=job.iterations)


def status(jobs: Sequence[Job], console: Console, once: bool) -> None:
    """Show how all jobs stand: once, or on a terminal until they are over or Ctrl-C."""
    if once or not console.is_terminal:
        display.show(Ledger(jobs), console)
    else:
        display.follow(Ledger(jobs), console)
