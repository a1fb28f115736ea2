"""``hydra/launcher=local``: the jobs of a multirun on worker processes of this machine."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, env_override, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from steadygan.config.containers import plain
from steadygan.config.node import Config
from steadygan.sweeps.request import Request

if TYPE_CHECKING:
    from rich.console import Console

    from steadygan.runs.job import Job
    from steadygan.sweeps.compose import Composed, Composer
    from steadygan.sweeps.origin import Origins

Statuses = dict[str, str]
"""What is to be done with jobs, or how they ended, by signature."""


@dataclass(eq=False)
class LocalLauncher(Launcher):
    """Plans all jobs, then runs those that are missing.

    Attributes:
        workers: number of processes, or ``auto``: as many as the cores allow.
        threads: of each process.
        dry_run: only say what would be done.
        status: ``live`` or ``once``: only show how the jobs stand.
        here: whether the jobs run on this machine.
        group: whose key ``workers`` is, for messages.
        planned: the jobs of the last launch, in the order of their overrides.
    """

    workers: int | str = "auto"
    threads: int = 1
    dry_run: bool = False
    status: str | None = None

    here: ClassVar[bool] = True
    group: ClassVar[str] = "hydra.launcher"

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """As Hydra asks for."""
        self.hydra_context = hydra_context
        self.config = config
        self.request = Request.of(task_function)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs, with the environment that ``hydra.job.env_set`` asks for; each one's value is its status.

        Raises:
            UserError: something is wrong with some jobs; nothing was run.
            Interrupted: by the user.
            SweepFailed: all jobs were run, some failed.
        """
        variables = plain(self.config.hydra.job.env_set, resolve=True)
        with env_override({key: str(value) for key, value in variables.items()}):
            return self._launch(job_overrides, initial_job_idx)

    def _launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from rich.console import Console

        from steadygan.distributed.cluster import refuse_started
        from steadygan.loggers import service
        from steadygan.runs import success_criterion
        from steadygan.runs.signature import refuse_lost
        from steadygan.runs.threshold import parse
        from steadygan.sweeps import launching, ledger

        refuse_started("a multirun")
        service.disown()
        self._read()
        workers, console, bounds = self._count(), Console(), parse(self._threshold())
        with console.status(f"planning {len(job_overrides)} jobs"):
            planned = self.planned = self._plan(job_overrides, initial_job_idx)
            refuse_lost(planned)
            self.request.check_expected(job.signature for job in planned)
            jobs = launching.unique(planned)
            rounds = [(part, self._todo(part)) for part in launching.rounds(jobs)]
        configs = [job.config for job in jobs]
        success_criterion.check(bounds, configs)
        if metric := self.request.search.get("metric"):
            success_criterion.check_metric(metric, configs, "hydra.sweeper.metric")
        if self.status is not None:
            ledger.status(jobs, console, once=self.status == "once")
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
        self, jobs: "Sequence[Job]", todo: Statuses, requested: "Sequence[Job]", workers: int, console: "Console"
    ) -> Statuses:
        """Say what is to be done with jobs, and do it."""
        from steadygan.runs.job import action, skipped
        from steadygan.sweeps import launching, ledger

        say = partial(console.print, soft_wrap=True, markup=False, highlight=False)
        keys = {launching.run_key(job) for job in jobs}
        requested = [job for job in requested if launching.run_key(job) in keys]
        say(launching.describe(jobs, todo, len(requested)))
        shown = ledger.table(jobs, todo, None if self.dry_run else ledger.SHOWN, places=self.dry_run)
        if shown:
            say(shown)
        missing = [job for job in jobs if not todo[job.signature].startswith("skip")]
        statuses = {**todo, **skipped(todo)}
        if self.dry_run:
            if missing:
                self._run(missing, workers, console)
            return statuses
        self._write(requested)
        before = [job for job in jobs if statuses[job.signature] == "failed"]
        if missing:
            run = partial(self._run, workers=workers, console=console)
            statuses |= ledger.until_done(run, missing, todo, action, console)
        launching.refuse_failed(before, len(jobs), statuses, console)
        return statuses

    def _todo(self, jobs: "Sequence[Job]") -> Statuses:
        """Return what to do with each job."""
        from steadygan.runs.job import action
        from steadygan.sweeps import ledger

        return ledger.plans(jobs, action)

    def _run(self, missing: "Sequence[Job]", workers: int, console: "Console") -> Statuses:
        """Run the jobs, or only say how."""
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

        known = {key: hint for kind in type(self).__mro__ for key, hint in hints(kind).items()}
        for key, hint in known.items():
            if key in vars(self):
                value = getattr(self, key)
                try:
                    setattr(self, key, read(value, hint))
                except Misfit as misfit:
                    raise bad_value(self._place(key), value, str(misfit)) from misfit
        if self.status not in (None, "live", "once"):
            raise bad_value("hydra.launcher.status", self.status, "no such choice", ["live", "once"])

    def _place(self, key: str) -> str:
        """Return where a setting comes from, unless it was given to the launcher itself."""
        groups = {"threads": "trainer", **dict.fromkeys(self.config.engine, "engine")}
        return f"{groups.get(key, 'hydra.launcher')}.{key}"

    def _count(self) -> int:
        from steadygan.common.errors import bad_value

        if self.workers == "auto":
            return self._at_once()
        if not isinstance(self.workers, int) or self.workers < 1:
            raise bad_value(f"{self.group}.workers", self.workers, "must be 'auto' or a number from 1 on")
        return self.workers

    def _at_once(self) -> int:
        """Return how many jobs run at once: one, if it takes several GPUs; else by the cores that threads need."""
        from steadygan.distributed.cluster import processes
        from steadygan.distributed.join import device

        trainer = plain(self.config.trainer, resolve=True)
        each = processes(trainer)
        if each > 1 and device(trainer).type == "cuda":
            return 1
        return max(1, len(os.sched_getaffinity(0)) // (self.threads * each))

    def _plan(self, job_overrides: Sequence[Sequence[str]], first: int) -> "list[Job]":
        from steadygan.sweeps.launching import collect

        setup_globals()
        composer, origins = self._composers
        hydra = HydraConfig.instance()
        before = hydra.cfg
        try:
            make = partial(self._plan_one, composer, origins)
            return _short(collect([partial(make, *job) for job in enumerate(job_overrides, first)]), self.request)
        finally:
            hydra.cfg = before

    @cached_property
    def _composers(self) -> "tuple[Composer, Origins]":
        """What composes jobs and says where they come from; all launches of a sweep share what these have read."""
        from steadygan.sweeps.compose import Composer
        from steadygan.sweeps.origin import Origins

        loader = self.hydra_context.config_loader
        return Composer(loader, self.config), Origins(loader, self.config.hydra)

    def _plan_one(self, composer: "Composer", origins: "Origins", number: int, overrides: Sequence[str]) -> "Job":
        from steadygan.config.hydra_errors import explained
        from steadygan.sweeps.planning import plan

        with explained():
            composed = composer.compose(overrides, number)
            composer.show(composed)  # for interpolations such as ${hydra:job.num}
            job_overrides = filter_overrides(overrides)
            job = plan(composed.config, job_overrides, self.here, self.request.folders)
            origin = origins.of(job_overrides, composed.config, partial(_choices, composed), job.config)
            return replace(job, **origin._asdict())

    def _write(self, jobs: "Sequence[Job]") -> None:
        """``sweep.yaml`` and ``jobs.json`` in each folder that the jobs have."""
        from steadygan.sweeps.launching import write_jobs, write_sweep

        roots: dict[Path, list[Job]] = {}
        for job in jobs:
            roots.setdefault(job.directory.parent, []).append(job)
        for root, inside in roots.items():
            name, values = str(inside[0].config["name"]), swept([job.overrides for job in inside])
            more = {"threshold": self._threshold(), "baseline": self._baseline(), "search": self.request.search}
            write_sweep(root, name, self.request.question, self.request.command, values, more)
            write_jobs(root, inside)

    def _baseline(self) -> str | None:
        """Return the method with which the sweep wants every other one compared."""
        return OmegaConf.select(self.config, "hydra.sweeper.baseline")

    def _threshold(self) -> Config:
        """Return when a run trains, as the sweep states it (``steadygan.runs.threshold``); empty if it does not."""
        stated = OmegaConf.select(self.config, "hydra.sweeper.threshold")
        return plain(stated, resolve=True) if isinstance(stated, DictConfig) else stated or {}


def _choices(composed: "Composed") -> DictConfig:
    return composed.full().hydra.runtime.choices


def _short(jobs: "Sequence[Job]", request: Request) -> "list[Job]":
    """With labels and names of folders that leave out what all jobs of the sweep have in common.

    Those of other launches are included; a job that was launched before counts once, so that it has the same name at
    each launch.
    """
    from steadygan.runs.signature import label, run_directory
    from steadygan.sweeps.launching import launched

    own = {job.signature: job.overrides for job in jobs}
    before = [launched(root) for root in {job.directory.parent for job in jobs}]
    others = [job["overrides"] for each in before for signature, job in each.items() if signature not in own]
    every = [set(texts) for texts in (*own.values(), *others)]
    common = set.intersection(*every) if len(every) > 1 else set()
    named = []
    for job in jobs:
        differing = [text for text in job.overrides if text not in common]
        folder = run_directory(job.directory.parent, job.signature, differing, request.folders)
        named.append(replace(job, label=label(job.config["method"], differing), directory=folder))
    return named


def swept(jobs: Sequence[Sequence[str]]) -> dict[str, list[object]]:
    """Return the keys whose values differ between jobs, with the values in the order of their first appearance.

    Where a job says a key more than once, its last word counts.
    """
    parser = OverridesParser.create()
    texts = dict.fromkeys(text for overrides in jobs for text in overrides)
    parsed = {text: parser.parse_overrides([text])[0] for text in texts}
    keys = {text: override.get_key_element().lstrip("+") for text, override in parsed.items()}
    values: dict[str, dict[str, object]] = {}
    for overrides in jobs:
        for key, text in {keys[text]: text for text in overrides}.items():
            override = parsed[text]
            values.setdefault(key, {}).setdefault(override.get_value_element_as_str(), override.value())
    return {key: list(seen.values()) for key, seen in values.items() if len(seen) > 1}


def _returned(overrides: Sequence[str], status: str) -> JobReturn:
    made = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    made.return_value = status
    return made
