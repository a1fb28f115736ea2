"""Training jobs, alone or as one program; their folders tell how it went, whatever happens."""

from collections.abc import Callable, Sequence

import torch

from steadygan import population
from steadygan.config.building import build
from steadygan.config.instantiation import make
from steadygan.core.draws import stream_seed
from steadygan.distributed.cluster import processes, spawns
from steadygan.distributed.join import joined
from steadygan.distributed.spawn import spawn
from steadygan.runs import files, locks
from steadygan.runs.checkpoint_manager import resume_iteration
from steadygan.runs.job import Job, Report, action, skipped, tagged
from steadygan.sweeps.grouping import Group
from steadygan.sweeps.grouping import group as regroup
from steadygan.sweeps.job_folders import Statuses, describe, elsewhere, failures_noted, locked, say
from steadygan.training.loop import run as run_single
from steadygan.training.memory import forget_peak


def execute(job: Job, report: Report, patience: float = 0.0) -> str:
    """Train a job, unless another launch does or has done.

    Args:
        job: to train.
        report: called with its events.
        patience: seconds to wait for another launch to leave it.

    Returns:
        ``completed``, ``diverged`` or ``preempted``; ``elsewhere`` if another launch works on it.

    Raises:
        Exception: whatever went wrong, after it was written to the run's ``log.txt``.
    """
    with joined(job.config["trainer"]) as ranks, locked([job], report, patience) as not_trained:
        statuses = ranks.broadcast(not_trained)
        return (statuses or _unless_lost([job], report, lambda: {job.signature: _execute(job, report)}))[job.signature]


def execute_group(group: Group, report: Report, patience: float = 0.0) -> Statuses:
    """Train the jobs of a group as one program; one after the other, where that cannot be.

    If other launches have changed what there is to do since the group was formed, nothing is trained: the jobs that
    are left have to be grouped anew.

    Args:
        group: to train.
        report: called with events.
        patience: seconds to wait for other launches to leave its jobs.

    Returns:
        The status of each job, by its signature: as ``execute``, or ``failed``; ``elsewhere``: not trained here.

    Raises:
        Exception: whatever went wrong with the program, after it was written to the ``log.txt`` of every run.
    """
    jobs = group.jobs
    with locked(jobs, report, patience) as statuses:
        if statuses or len({resume_iteration(job) for job in jobs}) > 1:
            return {**elsewhere(jobs), **statuses}
        return _unless_lost(jobs, report, lambda: _execute_group(group, report))


def execute_later(job: Job, report: Report) -> str:
    """As ``execute``, for a job that waited since it was planned, or is started again: what is done is done."""
    return execute(job, report, locks.PATIENCE)


def execute_group_later(group: Group, report: Report) -> Statuses:
    """As ``execute_group``, for a group that waited since it was formed, or is started again.

    Members that have ended stay out. Others may stand at different iterations, where the group was killed between
    their checkpoints: these go on in programs of their own.
    """
    todo = {job.signature: action(job) for job in group.jobs}
    statuses = skipped(todo)
    left = [job for job in group.jobs if job.signature not in statuses]
    slots = len(group.slots)
    for part in regroup(left, workers=1, most=lambda _: slots, alone=lambda _: group.alone, compile=group.compile):
        if "preempted" not in statuses.values():
            statuses |= execute_group(part, report, locks.PATIENCE)
    return {**dict.fromkeys(todo, "preempted"), **statuses}


def train_here(job: Job, report: Report) -> str:
    """Train in this process; with others, where they were started for it. Its status."""
    trainer = job.config["trainer"]
    _prepare(job)
    engine = run_single if processes(trainer) > 1 else make(job.config["engine"], "engine")
    return engine(build(job.config), job, report)


def _prepare(job: Job) -> None:
    torch.set_num_threads(job.config["trainer"]["threads"])
    forget_peak()
    # Nothing of ours draws from the global generator; a user's method that does is at least repeatable.
    torch.manual_seed(stream_seed(job.seed, "global"))


def _unless_lost(jobs: Sequence[Job], report: Report, train: Callable[[], Statuses]) -> Statuses:
    """Return what ``train`` returns; ``elsewhere`` if another launch has taken a job over."""
    try:
        return train()
    except locks.LockLost as error:
        say(report, f"{error}; it is left to that one")
        return elsewhere(jobs)


def _execute(job: Job, report: Report) -> str:
    describe(job)
    with failures_noted([job]):
        return _spawned(job, report) if spawns(job.config["trainer"]) else train_here(job, report)


def _spawned(job: Job, report: Report) -> str:
    count = processes(job.config["trainer"])
    return str(spawn(f"{__name__}:train_here", job, report, count, lambda: locks.check(job.directory)))


def _execute_group(group: Group, report: Report) -> Statuses:
    jobs, reason = group.jobs, group.alone
    for job in jobs:
        describe(job)
    with failures_noted(jobs, ended=files.FINISHED):
        _prepare(jobs[0])
        if reason is None:
            try:
                slots = [job and (build(job.config), job) for job in group.slots]
                device = population.device(jobs[0], group.index)
                how = population.Plan(group.recorded(), group.write, device, group.together())
                return population.train(slots, report, how)
            except population.NotVmappable as error:
                reason = str(error)
    return _one_by_one(jobs, report, reason)


def _one_by_one(jobs: Sequence[Job], report: Report, reason: str) -> Statuses:
    runs = "1 run trains by itself" if len(jobs) == 1 else f"{len(jobs)} runs train one after the other"
    say(report, f"{runs}: {reason}")
    statuses: Statuses = {}
    for job in jobs:
        on_report = tagged(report, job)
        try:
            with failures_noted([job]):
                alone = not spawns(job.config["trainer"])
                status = run_single(build(job.config), job, on_report) if alone else _spawned(job, on_report)
        except locks.LockLost:
            raise
        except Exception:  # the others are none the worse for it
            status = "failed"
        statuses[job.signature] = status
        report({"kind": "ended", "member": job.signature, "status": status})
        if status == "preempted":
            break
    return statuses
