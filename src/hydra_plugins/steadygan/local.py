"""``hydra/launcher=local``: the jobs of a multirun on worker processes of this machine."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, env_override, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class LocalLauncher(Launcher):
    """Plans all jobs, then runs those that are missing.

    Args:
        workers: number of processes, or ``auto``: as many as the cores allow.
        threads: of each process.
        dry_run: only say what would be done.

    Attributes:
        here: whether the jobs run on this machine.
    """

    here = True

    WORKERS = "hydra.launcher.workers"
    """The key of the number of processes, for messages."""

    def __init__(self, workers: int | str = "auto", threads: int = 1, dry_run: bool = False) -> None:
        self.workers, self.threads, self.dry_run = workers, threads, dry_run

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """As Hydra asks for."""
        self.hydra_context = hydra_context
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs, with the environment that ``hydra.job.env_set`` asks for; each one's value is its status.

        Raises:
            UserError: something is wrong with some jobs; nothing was run.
            Interrupted: by the user.
            SweepFailed: all jobs were run, some failed.
        """
        variables = OmegaConf.to_container(self.config.hydra.job.env_set, resolve=True)
        with env_override({str(key): str(value) for key, value in variables.items()}):
            return self._launch(job_overrides, initial_job_idx)

    def _launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from rich.console import Console

        from steadygan.distributed.cluster import refuse_started
        from steadygan.loggers import service
        from steadygan.runs import success_criterion
        from steadygan.runs.signature import refuse_lost
        from steadygan.runs.threshold import parse
        from steadygan.sweeps import launching, ledger
        from steadygan.sweeps.origin import check_expected

        refuse_started("a multirun")
        service.disown()
        self._read()
        workers, console, bounds = self._count(), Console(), parse(self._threshold())
        with console.status(f"planning {len(job_overrides)} jobs"):
            planned = self._plan(job_overrides, initial_job_idx)
            refuse_lost(planned)
            check_expected(job.signature for job in planned)
            jobs = launching.unique(planned)
            rounds = [(part, self._todo(part)) for part in launching.rounds(jobs)]
        success_criterion.check(bounds, [job.config for job in jobs])
        if how := os.environ.get("STEADYGAN_STATUS"):
            ledger.status(jobs, console, once=how == "once")
            return [_returned(overrides, "shown") for overrides in job_overrides]
        if len(rounds) > 1:
            console.print(f"{len(rounds)} rounds, since the same runs are asked for in several folders")
        run = partial(self._round, requested=planned, workers=workers, console=console)
        with nullcontext() if self.dry_run else launching.closing(jobs, console):
            statuses = launching.one_after_the_other(run, rounds)
        return [
            _returned(overrides, statuses[launching.run_key(job)])
            for overrides, job in zip(job_overrides, planned, strict=True)
        ]

    def _round(
        self, jobs: Sequence[Any], todo: dict[str, str], requested: Sequence[Any], workers: int, console: Any
    ) -> dict[str, str]:
        """Say what is to be done with jobs, and do it; their statuses by signature."""
        from steadygan.runs.job import action
        from steadygan.sweeps import launching, ledger

        say = partial(console.print, soft_wrap=True, markup=False, highlight=False)
        keys = {launching.run_key(job) for job in jobs}
        requested = [job for job in requested if launching.run_key(job) in keys]
        say(launching.describe(jobs, todo, len(requested)))
        shown = ledger.table(jobs, todo, None if self.dry_run else ledger.SHOWN, places=self.dry_run)
        if shown:
            say(shown)
        if not self.dry_run:
            self._write(requested)
        missing = [job for job in jobs if not todo[job.signature].startswith("skip")]
        statuses = {signature: planned.removeprefix("skip: ") for signature, planned in todo.items()}
        before = [] if self.dry_run else [job for job in jobs if statuses[job.signature] == "failed"]
        if missing and self.dry_run:
            self._run(missing, workers, console)
        elif missing:
            run = partial(self._run, workers=workers, console=console)
            statuses |= ledger.until_done(run, missing, todo, action, console)
        launching.refuse_failed(before, len(jobs), statuses, console)
        return statuses

    def _todo(self, jobs: Sequence[Any]) -> dict[str, str]:
        """Return what to do with each job, by its signature."""
        from steadygan.runs.job import action
        from steadygan.sweeps import ledger

        return ledger.plans(jobs, action)

    def _run(self, missing: Sequence[Any], workers: int, console: Any) -> dict[str, str]:
        """Run the jobs, or only say how; the statuses by signature."""
        from steadygan.sweeps import launching

        if self.dry_run:
            return {}
        return launching.run_all(
            "steadygan.sweeps.executing:execute", missing, workers=workers, threads=self.threads, console=console
        )

    def _read(self) -> None:
        """The launcher's own settings as the types that they are meant for.

        Raises:
            UserError: one is of another type.
        """
        from steadygan.common.errors import bad_value
        from steadygan.common.typed import Misfit, hints, read

        for key, hint in hints(type(self)).items():
            if key in vars(self):
                value = getattr(self, key)
                try:
                    setattr(self, key, read(value, hint))
                except Misfit as misfit:
                    raise bad_value(self._place(key), value, str(misfit)) from misfit

    def _place(self, key: str) -> str:
        """Return where a setting comes from, unless it was given to the launcher itself."""
        groups = {"threads": "trainer", **dict.fromkeys(self.config.engine, "engine")}
        return f"{groups.get(key, 'hydra.launcher')}.{key}"

    def _count(self) -> int:
        from steadygan.common.errors import bad_value

        if self.workers == "auto":
            return self._at_once()
        if not isinstance(self.workers, int) or self.workers < 1:
            raise bad_value(self.WORKERS, self.workers, "must be 'auto' or a number from 1 on")
        return self.workers

    def _at_once(self) -> int:
        """Return how many jobs run at once: one, if it takes several GPUs; else as many as have a core for each of
        their threads."""
        from steadygan.distributed.cluster import processes
        from steadygan.distributed.join import device

        trainer = OmegaConf.to_container(self.config.trainer, resolve=True)
        each = processes(trainer)
        if each > 1 and device(trainer).type == "cuda":
            return 1
        return max(1, len(os.sched_getaffinity(0)) // (self.threads * each))

    def _plan(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[Any]:
        from steadygan.sweeps.compose import Composer
        from steadygan.sweeps.launching import collect
        from steadygan.sweeps.origin import Origins

        setup_globals()
        composer = Composer(self.hydra_context.config_loader, self.config)
        origins = Origins(self.hydra_context.config_loader, self.config.hydra)
        hydra = HydraConfig.instance()
        before = hydra.cfg
        try:
            plans = [
                partial(_plan_one, composer, origins, overrides, first + at, self.here)
                for at, overrides in enumerate(job_overrides)
            ]
            return _short(collect(plans))
        finally:
            hydra.cfg = before

    def _write(self, jobs: Sequence[Any]) -> None:
        """``sweep.yaml`` and ``jobs.json`` in each folder that the jobs have."""
        from steadygan.sweeps.launching import write_jobs, write_sweep

        question, command = (os.environ.get(f"STEADYGAN_{what}", "") for what in ("QUESTION", "COMMAND"))
        roots: dict[Path, list[Any]] = {}
        for job in jobs:
            roots.setdefault(job.directory.parent, []).append(job)
        for root, inside in roots.items():
            values = swept([job.overrides for job in inside])
            name = str(inside[0].config["name"])
            write_sweep(root, name, question, command, values, self._threshold(), self._baseline())
            write_jobs(root, inside)

    def _baseline(self) -> str | None:
        """Return the method with which the sweep wants every other one compared."""
        return OmegaConf.select(self.config, "hydra.sweeper.baseline")

    def _threshold(self) -> dict[str, Any]:
        """When a run trains, as the sweep states it; empty if it does not (``steadygan.runs.threshold``)."""
        stated = OmegaConf.select(self.config, "hydra.sweeper.threshold")
        return OmegaConf.to_container(stated, resolve=True) if isinstance(stated, DictConfig) else stated or {}


def _plan_one(composer: Any, origins: Any, overrides: Sequence[str], number: int, here: bool) -> Any:
    from steadygan.commands._errors import explained
    from steadygan.sweeps.planning import plan

    with explained():
        composed = composer.compose(overrides, number)
        composer.show(composed)  # for interpolations such as ${hydra:job.num}
        job_overrides = filter_overrides(overrides)
        job = plan(composed.config, job_overrides, here)
        choices = partial(_choices, composed)
        return replace(job, **origins.of(job_overrides, composed.config, choices, job.config)._asdict())


def _choices(composed: Any) -> Any:
    return composed.full().hydra.runtime.choices


def _short(jobs: Sequence[Any]) -> list[Any]:
    """With labels and names of folders that leave out what all jobs of the sweep have in common, those of earlier
    launches included."""
    from steadygan.runs.signature import label, run_directory
    from steadygan.sweeps.launching import launched

    before = [job["overrides"] for root in {job.directory.parent for job in jobs} for job in launched(root).values()]
    every = [set(texts) for texts in (*(job.overrides for job in jobs), *before)]
    common = set.intersection(*every) if len(every) > 1 else set()
    named = []
    for job in jobs:
        differing = [text for text in job.overrides if text not in common]
        folder = run_directory(job.directory.parent, job.signature, differing)
        named.append(replace(job, label=label(job.config["method"], differing), directory=folder))
    return named


def swept(jobs: Sequence[Sequence[str]]) -> dict[str, list[Any]]:
    """Return the keys whose values differ between jobs, with the values in the order of their first appearance.

    Where a job says a key more than once, its last word counts.
    """
    parser = OverridesParser.create()
    texts = dict.fromkeys(text for overrides in jobs for text in overrides)
    parsed = {text: parser.parse_overrides([text])[0] for text in texts}
    keys = {text: override.get_key_element().lstrip("+") for text, override in parsed.items()}
    values: dict[str, dict[str, Any]] = {}
    for overrides in jobs:
        for key, text in {keys[text]: text for text in overrides}.items():
            override = parsed[text]
            values.setdefault(key, {}).setdefault(override.get_value_element_as_str(), override.value())
    return {key: list(seen.values()) for key, seen in values.items() if len(seen) > 1}


def _returned(overrides: Sequence[str], status: str) -> JobReturn:
    made = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    made.return_value = status
    return made
