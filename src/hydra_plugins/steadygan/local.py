"""``hydra/launcher=local``: the jobs of a multirun on worker processes of this machine."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LocalLauncher(Launcher):
    """Plans all jobs, then runs those that are missing.

    Args:
        workers: number of processes, or ``auto``: as many as the cores allow.
        threads: of each process.
        dry_run: only say what would be done.
    """

    def __init__(self, workers: int | str = "auto", threads: int = 1, dry_run: bool = False) -> None:
        self.workers, self.threads, self.dry_run = workers, threads, dry_run

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """As Hydra asks for."""
        self.hydra_context = hydra_context
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs; each one's return value is its status.

        Raises:
            UserError: something is wrong with some jobs; nothing was run.
            Interrupted: by the user.
            SweepFailed: all jobs were run, some failed.
        """
        from rich.console import Console

        from steadygan.sweeps import launching
        from steadygan.train import action

        workers, console = self._count(), Console()
        asked = [filter_overrides(overrides) for overrides in job_overrides]
        with console.status(f"planning {len(asked)} jobs"):
            planned = self._plan(asked)
            todo = {job.signature: action(job) for job in planned}
        jobs = launching.unique(planned)
        console.print(launching.describe(jobs, todo, len(asked)), soft_wrap=True, markup=False, highlight=False)
        missing = [job for job in jobs if not todo[job.signature].startswith("skip")]
        if self.dry_run:
            for job in jobs:
                line = f"{todo[job.signature]}: {job.label} seed={job.seed}"
                console.print(line, soft_wrap=True, markup=False, highlight=False)
        elif jobs:
            self._write(jobs[0], asked)
        statuses = {signature: said.removeprefix("skip: ") for signature, said in todo.items()}
        if missing:
            statuses |= self._run(missing, workers, console)
        return [_returned(overrides, statuses[job.signature]) for overrides, job in zip(asked, planned, strict=True)]

    def _run(self, missing: Sequence[Any], workers: int, console: Any) -> dict[str, str]:
        """Run the jobs, or only say how; the statuses by signature."""
        from steadygan.sweeps import launching

        if self.dry_run:
            return {}
        return launching.run_all(
            "steadygan.train:execute", missing, workers=workers, threads=self.threads, console=console
        )

    def _count(self) -> int:
        from steadygan.errors import bad_value

        if self.workers == "auto":
            return max(1, len(os.sched_getaffinity(0)) // self.threads)
        if not isinstance(self.workers, int) or self.workers < 1:
            raise bad_value("hydra.launcher.workers", self.workers, "must be 'auto' or a number from 1 on")
        return self.workers

    def _plan(self, asked: Sequence[Sequence[str]]) -> list[Any]:
        from steadygan.sweeps.compose import Composer
        from steadygan.sweeps.launching import collect

        setup_globals()
        composer = Composer(self.hydra_context.config_loader, self.config)
        hydra = HydraConfig.instance()
        before = hydra.cfg
        try:
            return _short(collect([partial(_plan_one, composer, overrides) for overrides in asked]))
        finally:
            hydra.cfg = before

    def _write(self, job: Any, asked: Sequence[Sequence[str]]) -> None:
        from steadygan.sweeps.launching import write_sweep

        root = Path(str(job.config["outputs"])) / str(job.config["name"])
        question, command = (os.environ.get(f"STEADYGAN_{what}", "") for what in ("QUESTION", "COMMAND"))
        write_sweep(root, str(job.config["name"]), question, command, swept(asked))


def _plan_one(composer: Any, overrides: Sequence[str]) -> Any:
    from steadygan.commands._mistakes import explained
    from steadygan.train import plan

    with explained():
        composed = composer.compose(overrides)
        HydraConfig.instance().set_config(composed.full)  # for interpolations such as ${hydra:runtime.cwd}
        return plan(composed.config, overrides)


def _short(jobs: list[Any]) -> list[Any]:
    """With labels that leave out what all jobs have in common."""
    from steadygan.sweeps.signature import label

    common = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    return [
        replace(job, label=label(job.config["method"], [text for text in job.overrides if text not in common]))
        for job in jobs
    ]


def swept(jobs: Sequence[Sequence[str]]) -> dict[str, list[Any]]:
    """The keys whose values differ between jobs, with the values in the order of their first appearance."""
    parser = OverridesParser.create()
    values: dict[str, dict[str, Any]] = {}
    for text in dict.fromkeys(text for overrides in jobs for text in overrides):
        (override,) = parser.parse_overrides([text])
        key = override.get_key_element().lstrip("+")
        values.setdefault(key, {}).setdefault(override.get_value_element_as_str(), override.value())
    return {key: list(found.values()) for key, found in values.items() if len(found) > 1}


def _returned(overrides: Sequence[str], status: str) -> JobReturn:
    made = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    made.return_value = status
    return made
