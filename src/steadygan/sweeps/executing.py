"""Training jobs, alone or as one program; their folders tell how it went, whatever happens."""

import contextlib
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence

import torch
from omegaconf import OmegaConf

from steadygan import population
from steadygan.config.build import build, make
from steadygan.core.draws import stream_seed
from steadygan.distributed.cluster import processes, rank, spawns
from steadygan.distributed.join import joined
from steadygan.distributed.spawn import spawn
from steadygan.runs import files, locks
from steadygan.runs.checkpoint_manager import resume_iteration
from steadygan.runs.job import Job, Report, action, skipped, tagged
from steadygan.runs.summary import identity
from steadygan.sweeps.grouping import Group
from steadygan.sweeps.grouping import group as regroup
from steadygan.training.loop import run as run_single
from steadygan.training.memory import forget_peak

Statuses = dict[str, str]
"""How jobs ended, by signature."""


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
    with joined(job.config["trainer"]) as ranks, _locked([job], report, patience) as not_trained:
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
    with _locked(jobs, report, patience) as statuses:
        if statuses or len({resume_iteration(job) for job in jobs}) > 1:
            return {**_elsewhere(jobs), **statuses}
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


@contextlib.contextmanager
def _locked(jobs: Sequence[Job], report: Report, patience: float) -> Iterator[Statuses]:
    """Hold the locks of all jobs, or of none; yields the statuses of those that are not to be trained now.

    Only the first process of a run locks it, where several train it together.
    """
    if rank(jobs[0].config["trainer"]):
        yield {}
        return

    def waits(owner: str) -> None:
        _say(report, f"running elsewhere ({owner}): waits for it; Ctrl-C leaves it to the other")

    with locks.hold([job.directory for job in jobs], patience, waits) as owners:
        if owners:
            for owner in sorted(set(owners.values())):
                _say(report, f"running elsewhere ({owner})")
            yield _elsewhere(jobs)
            return
        for job in jobs:
            files.remove_temporaries(job.directory)
        yield skipped({job.signature: action(job) for job in jobs})


def _unless_lost(jobs: Sequence[Job], report: Report, train: Callable[[], Statuses]) -> Statuses:
    """Return what ``train`` returns; ``elsewhere`` if another launch has taken a job over."""
    try:
        return train()
    except locks.LockLost as error:
        _say(report, f"{error}; it is left to that one")
        return _elsewhere(jobs)


def _elsewhere(jobs: Sequence[Job]) -> Statuses:
    return dict.fromkeys([job.signature for job in jobs], locks.ELSEWHERE)


def _say(report: Report, text: str) -> None:
    report({"kind": "message", "text": text})


def _execute(job: Job, report: Report) -> str:
    _describe(job)
    with _failures_noted([job]):
        return _spawned(job, report) if spawns(job.config["trainer"]) else train_here(job, report)


def _spawned(job: Job, report: Report) -> str:
    count = processes(job.config["trainer"])
    return spawn(f"{__name__}:train_here", job, report, count, lambda: locks.check(job.directory))


def _execute_group(group: Group, report: Report) -> Statuses:
    jobs, reason = group.jobs, group.alone
    for job in jobs:
        _describe(job)
    with _failures_noted(jobs, ended=files.FINISHED):
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
    _say(report, f"{runs}: {reason}")
    statuses: Statuses = {}
    for job in jobs:
        on_report = tagged(report, job)
        try:
            with _failures_noted([job]):
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


def _describe(job: Job) -> None:
    if rank(job.config["trainer"]):
        return
    job.directory.mkdir(parents=True, exist_ok=True)
    (job.directory / files.LOG).unlink(missing_ok=True)  # of a launch that failed before this one
    overrides = job.overrides if job.root_overrides is None else job.root_overrides
    for name, content in ((files.CONFIG, dict(job.config)), (files.OVERRIDES, list(overrides))):
        files.write_text(job.directory / name, OmegaConf.to_yaml(OmegaConf.create(content)))


@contextlib.contextmanager
def _failures_noted(jobs: Sequence[Job], ended: Collection[str] = ()) -> Iterator[None]:
    """Write what goes wrong inside to the ``log.txt`` of every job that has not one of the statuses ``ended``."""
    try:
        yield
    except locks.LockLost:
        raise
    except Exception:
        for job in jobs:
            if (files.read_summary(job.directory) or {}).get("status") not in ended:
                _write_failure(job, traceback.format_exc())
        raise


def _write_failure(job: Job, text: str) -> None:
    this_rank = rank(job.config["trainer"])
    with contextlib.suppress(OSError):
        if this_rank:  # the first process tells how the run ended, which may be for this reason
            files.write_text(job.directory / files.LOG.replace(".", f".{this_rank}."), text)
            return
        files.write_text(job.directory / files.LOG, text)
        known = files.read_summary(job.directory) or {}
        error = text.strip().splitlines()[-1]
        files.write_json(job.directory / files.SUMMARY, {**known, **identity(job, "failed"), "error": error})
