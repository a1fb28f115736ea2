"""The task of Hydra for a single run."""

import dataclasses
import functools
import math

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from steadygan.common.errors import Interrupted
from steadygan.distributed.cluster import rank
from steadygan.runs import files
from steadygan.runs.job import Job, action
from steadygan.sweeps import launching, ledger
from steadygan.sweeps.compose import without_hydra
from steadygan.sweeps.display import RunProgress
from steadygan.sweeps.executing import execute
from steadygan.sweeps.launching import SweepFailed
from steadygan.sweeps.origin import Origins
from steadygan.sweeps.planning import plan
from steadygan.sweeps.request import Request


def main_job(config: DictConfig, request: Request) -> str:
    """Train what Hydra has composed.

    Raises:
        Interrupted: the run was stopped and can go on.
        SweepFailed: it has failed before, and is not to run again.
    """
    job = _only_job(config, request)
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


def say_job(config: DictConfig, request: Request) -> str:
    """Print what a single run would do, with its signature and its folder; nothing is written.

    Returns:
        ``run``, ``resume``, ``extend``, ``skip: STATUS`` or ``elsewhere: OWNER``.
    """
    job = _only_job(config, request)
    todo = ledger.plans([job], action)
    show = functools.partial(Console().print, soft_wrap=True, markup=False, highlight=False)
    show(launching.describe([job], todo, 1))
    show(ledger.table([job], todo, places=True))
    return todo[job.signature]


def _only_job(config: DictConfig, request: Request) -> Job:
    hydra = HydraConfig.get()
    # unresolved: an interpolation is part of the text
    overrides = [str(text) for text in OmegaConf.to_container(hydra.overrides.task) or ()]
    job = plan(config, overrides, folders=request.folders)
    loader = GlobalHydra.instance().config_loader()
    origins = Origins(loader, hydra)  # pyright: ignore[reportArgumentType] a DictConfig that has HydraConf for schema
    origin = origins.of(overrides, without_hydra(config), lambda: hydra.runtime.choices, job.config)
    request.check_expected([job.signature])
    return dataclasses.replace(job, **origin._asdict())
