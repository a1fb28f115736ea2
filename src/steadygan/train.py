"""From a composed config to a finished run."""

import contextlib
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from steadygan import files
from steadygan.build import build, make
from steadygan.core.draws import stream_seed
from steadygan.engines import population
from steadygan.engines.check import check_numbers
from steadygan.engines.memory import forget_peak
from steadygan.engines.parts import DTYPES, Job, Report, tagged
from steadygan.engines.population.memory import member_bytes
from steadygan.engines.run import run as run_single
from steadygan.engines.summary import identity
from steadygan.errors import Interrupted, UserError, bad_value
from steadygan.sweeps.grouping import Group
from steadygan.sweeps.signature import label, run_directory, signature


def plan(config: DictConfig, overrides: Sequence[str]) -> Job:
    """Everything about a run that can be told without training it.

    Raises:
        UserError: the config cannot be run as it is; nothing has been written.
    """
    plain = _resolve(config)
    check_numbers(plain)
    _check_choices(plain)
    build(plain)
    signed = signature(plain)
    root = Path(plain["outputs"]) / str(plain["name"])
    _check_name(plain["name"])
    _check_writable(root)
    called = label(plain["method"], overrides)
    return Job(
        config=plain,
        overrides=tuple(overrides),
        directory=run_directory(root, signed, overrides).absolute(),
        signature=signed,
        label=called,
        method=plain["method"] or called,
        seed=plain["seed"],
        iterations=plain["iterations"],
    )


def _resolve(config: DictConfig) -> dict[str, Any]:
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(str(error).splitlines()[0]) from error
    return {key: value for key, value in plain.items() if key != "hydra"}


def _check_choices(config: dict[str, Any]) -> None:
    precision = str(config["trainer"]["precision"])
    if precision not in DTYPES:
        raise bad_value("trainer.precision", precision, "unknown precision", DTYPES)
    if config["trainer"]["accelerator"] == "gpu" and not torch.cuda.is_available():
        raise bad_value("trainer.accelerator", "gpu", "this machine has no GPU that torch can use", ["cpu"])
    kept = config["engine"].get("files", "all")
    if kept not in ("all", "summary"):
        raise bad_value("engine.files", kept, "no such choice", ["all", "summary"])


def _check_name(name: Any) -> None:
    parts = Path(str(name)).parts
    if not parts or Path(str(name)).is_absolute() or ".." in parts:
        raise bad_value("name", name, "must be a folder's name below `outputs`")


def _check_writable(root: Path) -> None:
    there = next(folder for folder in [root.absolute(), *root.absolute().parents] if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise bad_value("outputs", root, f"no permission to write in {there}")


def action(job: Job) -> str:
    """What launching the job will do: ``run``, ``resume``, ``extend`` or ``skip: STATUS``."""
    done = files.read_summary(job.directory)
    if done is None:
        return "run"
    status = done["status"]
    if status == "completed":
        return "extend" if done["iteration"] < job.iterations else "skip: completed"
    if status == "diverged":
        return "skip: diverged"
    if status == "failed" and not job.config["retry"]:
        return "skip: failed"
    return "resume" if (job.directory / files.CHECKPOINT).exists() else "run"


def execute(job: Job, report: Report) -> str:
    """Train a job; its folder tells how it went, whatever happens.

    Returns:
        ``completed``, ``diverged`` or ``preempted``.

    Raises:
        Exception: whatever went wrong, after it was written to the run's ``log.txt``.
    """
    _describe(job)
    torch.set_num_threads(job.config["trainer"]["threads"])
    forget_peak()
    try:
        # Nothing of ours draws from the global generator; a user's method that does is at least repeatable.
        torch.manual_seed(stream_seed(job.seed, "global"))
        return make(job.config["engine"], "engine")(build(job.config), job, report)
    except Exception:
        _failed(job, traceback.format_exc())
        raise


def member_size(job: Job) -> int:
    """How many bytes the job would take as one member of a population."""
    return member_bytes(build(job.config), job.config["batch_size"], str(job.config["trainer"]["precision"]))


def execute_group(group: Group, report: Report) -> dict[str, str]:
    """Train the jobs of a group as one program; one after the other, where that cannot be.

    Returns:
        The status of each job, by its signature: as ``execute``, or ``failed``.

    Raises:
        Exception: whatever went wrong with the program, after it was written to the ``log.txt`` of every run.
    """
    jobs, reason = group.jobs, group.alone
    for job in jobs:
        _describe(job)
    torch.set_num_threads(jobs[0].config["trainer"]["threads"])
    forget_peak()
    try:
        torch.manual_seed(stream_seed(jobs[0].seed, "global"))
        if reason is None:
            seats = [job and (build(job.config), job) for job in group.seats]
            how = population.Plan(group.recorded(), group.write, population.device(jobs[0], group.place))
            return population.train(seats, report, how)
    except population.Unfit as unfit:
        reason = str(unfit)
    except Exception:
        for job in jobs:
            if (files.read_summary(job.directory) or {}).get("status") not in files.FINISHED:
                _failed(job, traceback.format_exc())
        raise
    return _one_by_one(jobs, report, reason)


def _one_by_one(jobs: Sequence[Job], report: Report, reason: str) -> dict[str, str]:
    runs = "1 run trains by itself" if len(jobs) == 1 else f"{len(jobs)} runs train one after the other"
    report({"kind": "message", "text": f"{runs}: {reason}"})
    statuses: dict[str, str] = {}
    for job in jobs:
        try:
            statuses[job.signature] = run_single(build(job.config), job, tagged(report, job))
        except Exception:
            _failed(job, traceback.format_exc())
            statuses[job.signature] = "failed"
        report({"kind": "ended", "member": job.signature, "status": statuses[job.signature]})
        if statuses[job.signature] == "preempted":
            break
    return statuses


def _describe(job: Job) -> None:
    job.directory.mkdir(parents=True, exist_ok=True)
    files.write_text(job.directory / files.CONFIG, OmegaConf.to_yaml(OmegaConf.create(job.config)))
    files.write_text(job.directory / files.OVERRIDES, OmegaConf.to_yaml(list(job.overrides)))


def _failed(job: Job, text: str) -> None:
    with contextlib.suppress(OSError):
        files.write_text(job.directory / files.LOG, text)
        known = files.read_summary(job.directory) or {}
        error = text.strip().splitlines()[-1]
        files.write_json(job.directory / files.SUMMARY, {**known, **identity(job, "failed"), "error": error})


def main_job(config: DictConfig) -> str:
    """The Hydra task of a single run.

    Raises:
        Interrupted: the run was stopped and can go on.
    """
    from steadygan.sweeps.progress import RunProgress

    job = plan(config, HydraConfig.get().overrides.task)
    todo = action(job)
    with RunProgress(job, todo) as progress:
        if todo.startswith("skip"):
            status = todo.removeprefix("skip: ")
        else:
            status = execute(job, progress.report)
        progress.finish(status)
    if status == "preempted":
        raise Interrupted(f"stopped at {job.directory}; the same command goes on from there")
    return status
