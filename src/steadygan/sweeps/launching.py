"""A sweep from its plans to its summary, however the jobs are run and whatever they are."""

import contextlib
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml
from rich.console import Console

from steadygan.common.errors import Interrupted, UserError
from steadygan.runs import files
from steadygan.runs.job import Job
from steadygan.runs.locks import ELSEWHERE
from steadygan.sweeps.display import SweepProgress, say
from steadygan.sweeps.fanout import FanOut
from steadygan.sweeps.pool import Event, Outcome, run_jobs
from steadygan.sweeps.state import status_of

if TYPE_CHECKING:
    from steadygan.sweeps.grouping import Group


class SweepFailed(Exception):
    """All jobs of a sweep were run; some of them failed.

    Attributes:
        statuses: of the jobs that were started, by signature.
    """

    def __init__(self, message: str, statuses: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.statuses = statuses or {}


def collect(plans: Sequence[Callable[[], Job]]) -> list[Job]:
    """Make all plans.

    Raises:
        UserError: everything that is wrong with any of them, each thing once.
    """
    jobs: list[Job] = []
    mistakes: Counter[str] = Counter()
    for make in plans:
        try:
            jobs.append(make())
        except UserError as error:
            mistakes[str(error)] += 1
    if mistakes:
        raise UserError("\n".join(_with_count(text, count, len(plans)) for text, count in mistakes.items()))
    return jobs


def _with_count(text: str, count: int, total: int) -> str:
    return text if total == 1 else f"{text}\n(in {count} of {total} jobs)"


def run_key(job: Job) -> tuple[Path, str]:
    """Return the key that identifies a run: the folder of its sweep, and its signature."""
    return job.directory.parent, job.signature


def unique(jobs: Sequence[Job]) -> list[Job]:
    """Return the first of the jobs that are the same run."""
    first: dict[tuple[Path, str], Job] = {}
    for job in jobs:
        first.setdefault(run_key(job), job)
    return list(first.values())


def rounds(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs in parts in which each signature is there once: the same run in several folders is run in each of them.

    There is one part, if it has to be without any job.
    """
    parts: list[dict[str, Job]] = [{}]
    for job in jobs:
        if all(job.signature in part for part in parts):
            parts.append({})
        next(part for part in parts if job.signature not in part)[job.signature] = job
    return [list(part.values()) for part in parts]


def one_after_the_other(
    run: Callable[[Sequence[Job], dict[str, str]], Mapping[str, str]],
    parts: Sequence[tuple[Sequence[Job], dict[str, str]]],
) -> dict[tuple[Path, str], str]:
    """Run each part with what is to be done with its jobs; the statuses by ``run_key``.

    Raises:
        SweepFailed: some jobs failed, after all parts were run.
    """
    statuses: dict[tuple[Path, str], str] = {}
    failed: list[SweepFailed] = []
    for jobs, todo in parts:
        try:
            ended = run(jobs, todo)
        except SweepFailed as error:
            failed.append(error)
        else:
            statuses |= {run_key(job): ended[job.signature] for job in jobs}
    if failed:
        raise failed[0] if len(failed) == 1 else SweepFailed("; ".join(map(str, failed)))
    return statuses


def describe(jobs: Sequence[Job], todo: Mapping[str, str], requested: int) -> str:
    """Return ``60 jobs: 12 to run, 3 to resume, 45 skipped (44 completed, 1 diverged)``."""
    actions = Counter(todo[job.signature] for job in jobs)
    words = [f"{actions[verb]} to {verb}" for verb in ("run", "resume", "extend") if actions[verb]]
    skipped = {action.removeprefix("skip: "): n for action, n in actions.items() if action.startswith("skip")}
    if skipped:
        words.append(f"{sum(skipped.values())} skipped ({_counts(skipped)})")
    if requested > len(jobs):
        words.append(f"{requested - len(jobs)} asked for more than once")
    away = [
        action.partition(": ")[2] for action in (todo[job.signature] for job in jobs) if action.startswith(ELSEWHERE)
    ]
    if away:
        words.append(f"{len(away)} running elsewhere ({'; '.join(sorted(set(away)))})")
    hint = "; retry=true runs the failed ones again" if skipped.get("failed") else ""
    return f"{_jobs(len(jobs))}: {', '.join(words)}{hint}"


def write_sweep(
    root: Path,
    name: str,
    question: str,
    command: str,
    swept: Mapping[str, Sequence[object]],
    more: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """``sweep.yaml``: what the folder of a sweep is about, and what is ``more`` to say of it, such as a threshold.

    The commands of earlier launches stay: ``commands`` are all, ``command`` is the last one.
    """
    commands = [*(text for text in _launches(root / files.SWEEP) if text != command), command]
    content = {"name": name, "question": question, "command": command, "commands": commands}
    content |= {"swept": {key: list(values) for key, values in swept.items()}}
    content |= {key: value for key, value in more.items() if value}
    files.write_text(root / files.SWEEP, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def write_jobs(root: Path, jobs: Sequence[Job]) -> None:
    """``jobs.json``: how each job is said on the command line, with those of earlier launches."""
    now = {
        job.signature: {"options": list(job.options), "overrides": list(job.root_overrides or job.overrides)}
        for job in jobs
    }
    files.write_text(root / files.JOBS, json.dumps({**launched(root), **now}, indent=1) + "\n")


def launched(root: Path) -> dict[str, dict[str, list[str]]]:
    """Return ``options`` and ``overrides`` of all jobs that were launched into a folder, by signature."""
    try:
        jobs = json.loads((root / files.JOBS).read_text(encoding="utf-8"))
        keys = ("options", "overrides")
        return {str(signed): {key: list(map(str, job[key])) for key in keys} for signed, job in jobs.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _launches(path: Path) -> list[str]:
    """Return the commands that a ``sweep.yaml`` names, the first one first."""
    try:
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    about = about if isinstance(about, Mapping) else {}
    named = about.get("commands")
    return list(map(str, named)) if isinstance(named, list) else [str(about["command"])] if about.get("command") else []


@contextlib.contextmanager
def closing(jobs: Sequence[Job], console: Console) -> Iterator[None]:
    """A context that ends with where the runs are and the next command, also where some have failed."""
    try:
        yield
    except SweepFailed:
        _say_next(jobs, console)
        raise
    _say_next(jobs, console)


def _say_next(jobs: Sequence[Job], console: Console) -> None:
    for root in sorted({job.directory.parent for job in jobs}):
        here = root.relative_to(Path.cwd()) if root.is_relative_to(Path.cwd()) else root
        done = all(_over(job) for job in jobs if job.directory.parent == root)
        next_command = f"steadygan {'report' if done else 'watch'} {shlex.quote(str(here))}"
        say(console, f"the runs are in {here}; next: {next_command}")


def _over(job: Job) -> bool:
    return (files.read_summary(job.directory) or {}).get("status") in (*files.FINISHED, "failed")


def run_all(
    function: str,
    jobs: Sequence[Job],
    *,
    workers: int,
    threads: int,
    console: Console | None = None,
    groups: "Sequence[Group] | None" = None,
    pool: Callable[..., object] = run_jobs,
) -> dict[str, str]:
    """Run jobs in worker processes, or wherever ``pool`` has them run, showing how it goes.

    Args:
        function: ``module:name``, called with a job; or with a group, and then it returns the status of each member.
        jobs: that are to run.
        workers: number of processes.
        threads: of each.
        console: where to; standard output otherwise.
        groups: of the jobs, where several run in one call.
        pool: is called as ``steadygan.sweeps.pool.run_jobs``.

    Returns:
        The status of each job that was started, by its signature.

    Raises:
        Interrupted: the user stopped it, or somebody stopped some jobs; what is done is said first.
        SweepFailed: some jobs failed; which ones is said first.
    """
    console = console or Console()
    statuses: dict[str, str] = {}
    failed: list[tuple[Job, str | None]] = []

    def attend(event: Event) -> None:
        if event.outcome and event.outcome.status != "not started":
            job = jobs[event.index]
            statuses[job.signature] = status_of(event.outcome)
            if event.outcome.status == "failed":
                _log(job, event.outcome)
            if statuses[job.signature] == "failed":
                failed.append((job, event.outcome.error))
        progress(event)

    try:
        with SweepProgress(jobs, console) as progress:
            on_event = attend if groups is None else FanOut(groups, jobs, attend)
            pool(function, jobs if groups is None else groups, workers=workers, threads=threads, on_event=on_event)
    finally:
        say(console, _counts(Counter(statuses.values())) or "nothing was run")
        for job, error in failed:
            say(console, f"failed: {job.label} seed={job.seed}: {_why(job, error)}")
    if failed:
        raise SweepFailed(f"{len(failed)} of {_jobs(len(jobs))} failed", statuses)
    if {"preempted", "cancelled"} & set(statuses.values()):
        raise Interrupted("some jobs were stopped; the same command goes on from there")
    return statuses


def refuse_failed(before: Sequence[Job], total: int, statuses: Mapping[str, str], console: Console) -> None:
    """Say which jobs had failed before this launch, which did not run them again.

    Args:
        before: those jobs.
        total: how many the sweep has.
        statuses: of all, by signature.
        console: where to.

    Raises:
        SweepFailed: there are such jobs: a sweep with failed jobs has not succeeded, whenever they failed.
    """
    for job in before:
        say(console, f"failed before: {job.label} seed={job.seed}: {_why(job, None)}")
    if before:
        text = f"{len(before)} of {_jobs(total)} failed before and were not run again; retry=true runs them"
        raise SweepFailed(text, statuses)


def _log(job: Job, outcome: Outcome) -> None:
    """A job that died, or failed before it began, has not said so itself."""
    log = job.directory / files.LOG
    if outcome.died or not log.exists():
        with contextlib.suppress(OSError):  # the disk is full, say: the other jobs go on all the same
            files.write_text(log, f"{outcome.error}\n")


def _why(job: Job, error: str | None) -> str:
    """Return the file that says it; the last line of it, if that could not be written."""
    log = job.directory / files.LOG
    return str(log) if log.exists() or not error else error.strip().splitlines()[-1]


def _counts(statuses: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
