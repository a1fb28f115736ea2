"""From a composed config to a finished run."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from steadygan import population
from steadygan.common.errors import Interrupted, UserError, bad_value, first_line
from steadygan.config.build import build, check_engine, make
from steadygan.config.check import check_numbers
from steadygan.config.complete import complete
from steadygan.config.network_keys import check_network
from steadygan.config.targets import check_targets, placed
from steadygan.core.draws import stream_seed
from steadygan.distributed import cluster
from steadygan.distributed.cluster import processes, rank, spawns
from steadygan.distributed.join import joined
from steadygan.distributed.spawn import spawn
from steadygan.networks.labels.base import check_range
from steadygan.population import compiling
from steadygan.population.memory import member_bytes
from steadygan.runs import files, locks, success_criterion, threshold
from steadygan.runs.checkpoint_manager import resume_iteration
from steadygan.runs.signature import label, run_directory, signature
from steadygan.runs.summary import identity
from steadygan.sweeps import launching, ledger
from steadygan.sweeps.compose import without_hydra
from steadygan.sweeps.grouping import Group
from steadygan.sweeps.grouping import group as regroup
from steadygan.sweeps.origin import Origins, check_expected
from steadygan.training.components import DTYPES, Components, Job, Report, tagged
from steadygan.training.loop import run as run_single
from steadygan.training.memory import forget_peak

LONGEST_NAME = 255
"""Bytes that file systems allow."""


def plan(config: DictConfig, overrides: Sequence[str], here: bool = True) -> Job:
    """Everything about a run that can be told without training it.

    Args:
        config: of the run.
        overrides: that the user asked for.
        here: whether it is to be trained on this machine.

    Raises:
        UserError: the config cannot be run as it is; nothing has been written.
    """
    plain = complete(_resolve(config))
    check_targets(plain)
    plain = placed(plain)
    check_network(config)
    plain = check_numbers(plain)
    _check_choices(plain, here)
    _check_parts(json.dumps({key: value for key, value in plain.items() if key != "seed"}))
    signed = signature(plain)
    root = Path(plain["outputs"]) / str(plain["name"])
    _check_name(plain["name"])
    _check_writable(root, root)
    called = label(plain["method"], overrides)
    directory = run_directory(root, signed, overrides).absolute()
    known = files.read_summary(directory) or {}
    job = Job(
        config=plain,
        overrides=tuple(overrides),
        directory=directory,
        signature=signed,
        label=str(known.get("label") or called),
        method=plain["method"] or str(known.get("method") or called),
        seed=plain["seed"],
        iterations=plain["iterations"],
    )
    if not action(job).startswith("skip"):
        _check_writable(job.directory, root)
    return job


def _resolve(config: DictConfig) -> dict[str, Any]:
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(": ".join(filter(None, [error.full_key, first_line(error)]))) from error
    return {key: value for key, value in plain.items() if key != "hydra"}


def _check_choices(config: dict[str, Any], here: bool) -> None:
    precision = str(config["trainer"]["precision"])
    if precision not in DTYPES:
        raise bad_value("trainer.precision", precision, "unknown precision", DTYPES)
    if here and config["trainer"]["accelerator"] == "gpu" and not torch.cuda.is_available():
        raise bad_value("trainer.accelerator", "gpu", "this machine has no GPU that torch can use", ["cpu"])
    cluster.check(config, here)
    if not isinstance(config["metrics"]["raw"], bool):
        raise bad_value("metrics.raw", config["metrics"]["raw"], "must be true or false")
    kept = config["engine"].get("files", "all")
    if kept not in ("all", "summary"):
        raise bad_value("engine.files", kept, "no such choice", ["all", "summary"])
    compiling.check(config["engine"])


@functools.lru_cache(maxsize=1024)
def _check_parts(config: str) -> None:
    """Build what a config, as JSON and without its seed, asks for; once for all seeds."""
    plain = json.loads(config)
    components = build({**plain, "seed": 0})
    check_engine(plain["engine"])
    if components.sampling.labelling.classes is not None:
        check_range(components.dataset, components.sampling.labelling.classes)
    _check_best(plain["keep_best"], components)
    for bound in threshold.parse(plain.get(threshold.OF_RUN), threshold.OF_RUN):
        success_criterion.check_bound(bound, components.directions, threshold.OF_RUN)


def _check_best(name: Any, components: Components) -> None:
    if name is not None and not (isinstance(name, str) and name in components.directions):
        raise bad_value("keep_best", name, "this run has no such metric", [*components.directions, "null"])


def _check_name(name: Any) -> None:
    names = Path(str(name)).parts
    if not names or Path(str(name)).is_absolute() or ".." in names:
        raise bad_value("name", name, "must be a folder's name below `outputs`")
    if not str(name).isprintable() or any(len(os.fsencode(part)) > LONGEST_NAME for part in names):
        problem = f"must be printable, and at most {LONGEST_NAME} bytes between two slashes"
        raise bad_value("name", repr(name)[:80], problem)


def _check_writable(path: Path, root: Path) -> None:
    existing = next(folder for folder in [path.absolute(), *path.absolute().parents] if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise bad_value("outputs", root, f"no permission to write in {existing}")


def action(job: Job) -> str:
    """Return what launching the job will do: ``run``, ``resume``, ``extend`` or ``skip: STATUS``."""
    done = files.read_summary(job.directory, strict=True)
    if done is None:
        return "run"
    status = done["status"]
    if status == "completed":
        return "extend" if done["iteration"] < job.iterations else "skip: completed"
    if status == "diverged":
        return "skip: diverged"
    if status == "failed" and not job.config["retry"]:
        return "skip: failed"
    return "resume" if files.checkpoints(job.directory) else "run"


def execute(job: Job, report: Report, patience: float = 0.0) -> str:
    """Train a job, unless another launch does or has done; its folder tells how it went, whatever happens.

    Args:
        job: to train.
        report: told of progress.
        patience: seconds to wait for another launch to leave it.

    Returns:
        ``completed``, ``diverged`` or ``preempted``; ``elsewhere`` if another launch works on it.

    Raises:
        Exception: whatever went wrong, after it was written to the run's ``log.txt``.
    """
    with joined(job.config["trainer"]) as ranks, _alone([job], report, patience) as skipped:
        statuses = ranks.broadcast(skipped)
        return statuses[job.signature] if statuses else _unless_lost(_execute, [job], job, report)


@contextlib.contextmanager
def _alone(jobs: Sequence[Job], report: Report, patience: float) -> Iterator[dict[str, str]]:
    """Hold the locks of all jobs, or of none; yields the statuses of those that are not to be trained now.

    Only the first process of a run locks it, where several train it together.
    """
    if rank(jobs[0].config["trainer"]):
        yield {}
        return

    def waits(owner: str) -> None:
        report({"kind": "message", "text": f"running elsewhere ({owner}): waits for it; Ctrl-C leaves it to the other"})

    with locks.hold([job.directory for job in jobs], patience, waits) as owners:
        if owners:
            for owner in sorted(set(owners.values())):
                report({"kind": "message", "text": f"running elsewhere ({owner})"})
            yield dict.fromkeys([job.signature for job in jobs], locks.ELSEWHERE)
            return
        for job in jobs:
            files.remove_temporaries(job.directory)
        todo = {job.signature: action(job) for job in jobs}
        yield _skipped(todo)


def _unless_lost(train: Callable[..., Any], jobs: Sequence[Job], *arguments: Any) -> Any:
    """Return what ``train`` returns; ``elsewhere`` if another launch has taken the job over."""
    try:
        return train(*arguments)
    except locks.LockLost as error:
        arguments[-1]({"kind": "message", "text": f"{error}; it is left to that one"})
        return locks.ELSEWHERE if len(jobs) == 1 else dict.fromkeys([job.signature for job in jobs], locks.ELSEWHERE)


def _execute(job: Job, report: Report) -> str:
    _describe(job)
    try:
        return _spawned(job, report) if spawns(job.config["trainer"]) else train_here(job, report)
    except locks.LockLost:
        raise
    except Exception:
        _failed(job, traceback.format_exc())
        raise


def train_here(job: Job, report: Report) -> str:
    """Train in this process; with others, where they were started for it. Its status."""
    config = job.config
    torch.set_num_threads(config["trainer"]["threads"])
    forget_peak()
    # Nothing of ours draws from the global generator; a user's method that does is at least repeatable.
    torch.manual_seed(stream_seed(job.seed, "global"))
    engine = run_single if processes(config["trainer"]) > 1 else make(config["engine"], "engine")
    return engine(build(config), job, report)


def _spawned(job: Job, report: Report) -> str:
    count = processes(job.config["trainer"])
    return spawn("steadygan.train:train_here", job, report, count, lambda: locks.check(job.directory))


def member_size(job: Job) -> int:
    """Return how many bytes the job would take as one member of a population."""
    return member_bytes(build(job.config), job.config["batch_size"], str(job.config["trainer"]["precision"]))


def execute_group(group: Group, report: Report, patience: float = 0.0) -> dict[str, str]:
    """Train the jobs of a group as one program; one after the other, where that cannot be.

    If other launches have changed what there is to do since the group was formed, nothing is trained: the jobs that
    are left have to be grouped anew.

    Args:
        group: to train.
        report: told of progress.
        patience: seconds to wait for other launches to leave its jobs.

    Returns:
        The status of each job, by its signature: as ``execute``, or ``failed``; ``elsewhere``: not trained here.

    Raises:
        Exception: whatever went wrong with the program, after it was written to the ``log.txt`` of every run.
    """
    jobs = group.jobs
    with _alone(jobs, report, patience) as statuses:
        if statuses or len({resume_iteration(job) for job in jobs}) > 1:
            return {**dict.fromkeys([job.signature for job in jobs], locks.ELSEWHERE), **statuses}
        trained = _unless_lost(_execute_group, jobs, group, report)
        return {jobs[0].signature: trained} if isinstance(trained, str) else trained


def _execute_group(group: Group, report: Report) -> dict[str, str]:
    jobs, reason = group.jobs, group.alone
    for job in jobs:
        _describe(job)
    torch.set_num_threads(jobs[0].config["trainer"]["threads"])
    forget_peak()
    try:
        torch.manual_seed(stream_seed(jobs[0].seed, "global"))
        if reason is None:
            slots = [job and (build(job.config), job) for job in group.slots]
            device = population.device(jobs[0], group.index)
            how = population.Plan(group.recorded(), group.write, device, group.together())
            return population.train(slots, report, how)
    except population.NotVmappable as unfit:
        reason = str(unfit)
    except locks.LockLost:
        raise
    except Exception:
        for job in jobs:
            if (files.read_summary(job.directory) or {}).get("status") not in files.FINISHED:
                _failed(job, traceback.format_exc())
        raise
    return _one_by_one(jobs, report, reason)


def execute_later(job: Job, report: Report) -> str:
    """As ``execute``, for a job that waited since it was planned, or is started again: what is done is done."""
    return execute(job, report, locks.PATIENCE)


def execute_group_later(group: Group, report: Report) -> dict[str, str]:
    """As ``execute_group``, for a group that waited since it was formed, or is started again.

    Members that have ended stay out. Others may stand at different iterations, where the group was killed between
    their checkpoints: these go on in programs of their own.
    """
    todo = {job.signature: action(job) for job in group.jobs}
    statuses = _skipped(todo)
    left = [job for job in group.jobs if job.signature not in statuses]
    slots = len(group.slots)
    for part in regroup(left, workers=1, most=lambda _: slots, alone=lambda _: group.alone, compile=group.compile):
        if "preempted" not in statuses.values():
            statuses |= execute_group(part, report, locks.PATIENCE)
    return {**dict.fromkeys(todo, "preempted"), **statuses}


def _one_by_one(jobs: Sequence[Job], report: Report, reason: str) -> dict[str, str]:
    runs = "1 run trains by itself" if len(jobs) == 1 else f"{len(jobs)} runs train one after the other"
    report({"kind": "message", "text": f"{runs}: {reason}"})
    statuses: dict[str, str] = {}
    for job in jobs:
        try:
            on_report = tagged(report, job)
            spawned = spawns(job.config["trainer"])
            statuses[job.signature] = (
                _spawned(job, on_report) if spawned else run_single(build(job.config), job, on_report)
            )
        except locks.LockLost:
            raise
        except Exception:
            _failed(job, traceback.format_exc())
            statuses[job.signature] = "failed"
        report({"kind": "ended", "member": job.signature, "status": statuses[job.signature]})
        if statuses[job.signature] == "preempted":
            break
    return statuses


def _describe(job: Job) -> None:
    if rank(job.config["trainer"]):
        return
    job.directory.mkdir(parents=True, exist_ok=True)
    (job.directory / files.LOG).unlink(missing_ok=True)  # of a launch that failed before this one
    files.write_text(job.directory / files.CONFIG, OmegaConf.to_yaml(OmegaConf.create(job.config)))
    files.write_text(
        job.directory / files.OVERRIDES,
        OmegaConf.to_yaml(list(job.overrides if job.root_overrides is None else job.root_overrides)),
    )


def _skipped(todo: Mapping[str, str]) -> dict[str, str]:
    """Return the statuses of the jobs that are not to be trained, by signature."""
    return {job: planned.removeprefix("skip: ") for job, planned in todo.items() if planned.startswith("skip")}


def _failed(job: Job, text: str) -> None:
    this_rank = rank(job.config["trainer"])
    with contextlib.suppress(OSError):
        if this_rank:  # the first process tells how the run ended, which may be for this reason
            files.write_text(job.directory / files.LOG.replace(".", f".{this_rank}."), text)
            return
        files.write_text(job.directory / files.LOG, text)
        known = files.read_summary(job.directory) or {}
        error = text.strip().splitlines()[-1]
        files.write_json(job.directory / files.SUMMARY, {**known, **identity(job, "failed"), "error": error})


def _only_job(config: DictConfig) -> Job:
    hydra = HydraConfig.get()
    overrides = OmegaConf.to_container(hydra.overrides.task)  # unresolved: an interpolation is part of the text
    job = plan(config, overrides)
    origins = Origins(GlobalHydra.instance().config_loader(), hydra)
    origin = origins.of(overrides, without_hydra(config), lambda: hydra.runtime.choices, job.config)
    check_expected([job.signature])
    return dataclasses.replace(job, **origin._asdict())


def say_job(config: DictConfig) -> str:
    """Print what a single run would do, with its signature and its folder; nothing is written.

    Returns:
        ``run``, ``resume``, ``extend``, ``skip: STATUS`` or ``elsewhere: OWNER``.
    """
    from rich.console import Console

    job = _only_job(config)
    todo = ledger.plans([job], action)
    show = functools.partial(Console().print, soft_wrap=True, markup=False, highlight=False)
    show(launching.describe([job], todo, 1))
    show(ledger.table([job], todo, places=True))
    return todo[job.signature]


def main_job(config: DictConfig) -> str:
    """Run the Hydra task of a single run.

    Raises:
        Interrupted: the run was stopped and can go on.
        SweepFailed: it has failed before, and is not to run again.
    """
    from rich.console import Console

    from steadygan.sweeps.launching import SweepFailed
    from steadygan.sweeps.progress import RunProgress

    job = _only_job(config)
    todo = action(job)
    with RunProgress(job, todo, Console(quiet=bool(rank(job.config["trainer"])))) as progress:
        if todo.startswith("skip"):
            status = todo.removeprefix("skip: ")
        else:
            status = execute(job, progress.report, patience=math.inf)
        progress.finish(status)
    if status == "preempted":
        raise Interrupted(f"stopped at {job.directory}; the same command goes on from there")
    if status == "failed":
        raise SweepFailed(f"the run has failed; {job.directory / files.LOG} says why", {job.signature: status})
    return status
