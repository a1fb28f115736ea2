"""The folders of jobs that are launched: their locks, what was asked for, and what went wrong."""

import contextlib
import traceback
from collections.abc import Collection, Iterator, Sequence

from omegaconf import OmegaConf

from steadygan.distributed.cluster import rank
from steadygan.runs import files, locks
from steadygan.runs.job import Job, Report, action, skipped
from steadygan.runs.summary import identity

Statuses = dict[str, str]
"""How jobs ended, by signature."""


@contextlib.contextmanager
def locked(jobs: Sequence[Job], report: Report, patience: float) -> Iterator[Statuses]:
    """Hold the locks of all jobs, or of none; yields the statuses of those that are not to be trained now.

    Only the first process of a run locks it, where several train it together.
    """
    if rank(jobs[0].config["trainer"]):
        yield {}
        return

    def waits(owner: str) -> None:
        say(report, f"running elsewhere ({owner}): waits for it; Ctrl-C leaves it to the other")

    with locks.hold([job.directory for job in jobs], patience, waits) as owners:
        if owners:
            for owner in sorted(set(owners.values())):
                say(report, f"running elsewhere ({owner})")
            yield elsewhere(jobs)
            return
        for job in jobs:
            files.remove_temporaries(job.directory)
        yield skipped({job.signature: action(job) for job in jobs})


def elsewhere(jobs: Sequence[Job]) -> Statuses:
    """Return the statuses of jobs that another launch works on."""
    return dict.fromkeys([job.signature for job in jobs], locks.ELSEWHERE)


def say(report: Report, text: str) -> None:
    """Report one line of text."""
    report({"kind": "message", "text": text})


def describe(job: Job) -> None:
    """Write what was asked for, on rank 0."""
    if rank(job.config["trainer"]):
        return
    job.directory.mkdir(parents=True, exist_ok=True)
    (job.directory / files.LOG).unlink(missing_ok=True)  # of a launch that failed before this one
    overrides = job.overrides if job.root_overrides is None else job.root_overrides
    for name, content in ((files.CONFIG, dict(job.config)), (files.OVERRIDES, list(overrides))):
        files.write_text(job.directory / name, OmegaConf.to_yaml(OmegaConf.create(content)))


@contextlib.contextmanager
def failures_noted(jobs: Sequence[Job], ended: Collection[str] = ()) -> Iterator[None]:
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
