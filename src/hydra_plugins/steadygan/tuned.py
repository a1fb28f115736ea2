"""``hydra/sweeper=tuned``: search, selection, final runs and the published setting, a sweep each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, ListConfig, OmegaConf

from hydra_plugins.steadygan.grid import combinations
from hydra_plugins.steadygan.search import SearchSweeper, method_of
from steadygan.common.errors import UserError, bad_value
from steadygan.config.node import Config

if TYPE_CHECKING:
    from steadygan.runs.job import Job
    from steadygan.sweeps.launching import SweepFailed
    from steadygan.sweeps.tuned.expected import Work
    from steadygan.sweeps.tuned.state import Comparison, Entry

    Settings = Sequence[tuple[Entry, tuple[str, ...]]]
    Runs = dict[tuple[str, str, tuple[str, ...]], dict[int, Job]]

VARIES = ("method", "dataset")
"""Keys that may have several values; everything else is the same in all runs, or searched."""


class TunedSweeper(SearchSweeper):
    """The stages of a tuned comparison, one after the other.

    Args:
        stages: seeds of each stage, how many settings it takes over, how much longer its runs are.
        only: stages that are run; None: all. Those before them must be over.
        floor: how many times the score of real examples is measured; 0: not.
        more: what ``hydra/sweeper=search`` takes.
    """

    samplers = ("sobol", "random")

    def __init__(
        self,
        stages: Config | None = None,
        only: str | Sequence[str] | None = None,
        floor: int = 8,
        **more: Config | str | bool | int | None,
    ) -> None:
        super().__init__(**more)  # pyright: ignore[reportArgumentType]  # Hydra hands on what the yaml has
        self.stages, self.only, self.draws = stages or {}, only, floor

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch the stages; each knows the results of those before it.

        Raises:
            UserError: something is asked for that cannot be; nothing was run.
            SweepFailed: some jobs failed, after all stages.
        """
        from steadygan.config.containers import plain
        from steadygan.sweeps.tuned import picking
        from steadygan.sweeps.tuned.stages import NAMES, asked_for, stages

        fixed, searched = self.split(arguments)
        self._check(self.trials)
        _check(fixed, self.metric, self.draws)
        stated = plain(self.stages) if isinstance(self.stages, DictConfig) else self.stages
        self.stages_by_name = stages(stated, self.trials)
        only = asked_for(list(self.only) if isinstance(self.only, ListConfig) else self.only)
        comparison = self._comparison(fixed, searched)
        comparison.recall()
        self._check_only(comparison, only)
        self._failed: list[SweepFailed] = []
        self._works: dict[str, list[tuple[Entry, Work]]] = {}
        self._write(comparison)
        for name in (name for name in NAMES if name in only):
            self._stage(comparison, name)
            if self._waits(comparison, name) and not self._dry_run:
                self.say("the next stage depends on runs that are not over: the same command goes on when they are")
                break
        else:
            self._end(comparison, only)
        for line in picking.without_setting(comparison.entries):
            self.say(line)
        if self._failed:
            raise self._failed[0]
        return []

    def _comparison(self, fixed: Sequence[Override], searched: Config) -> "Comparison":
        """Return what is known before anything has run.

        Raises:
            UserError: the runs could not be compared.
        """
        from steadygan.sweeps.tuned.published import published
        from steadygan.sweeps.tuned.state import Comparison, Entry

        groups = combinations(fixed)
        configs = [self._config(group) for group in groups]
        self.name, self.iterations = str(configs[0].name), int(configs[0].iterations)
        entries = []
        for group, config in zip(groups, configs, strict=True):
            self._check_config(config)
            method = method_of(group)
            space = self.space(method, group, searched)
            settings = [tuple(setting) for setting in self.draw(space, self.trials)]
            chosen = str(config.hydra.runtime.choices.dataset)
            dataset = next((text.partition("=")[2] for text in group if text.startswith("dataset=")), chosen)
            paper = published(method, self.folders())
            known = {key for key, _, _ in (text.partition("=") for text in group)}
            settled = tuple(text for text in paper.overrides if text.partition("=")[0] not in known)
            entries.append(
                Entry(method, dataset, tuple(group), dict(space.texts), settings, None, None, settled, paper.source)
            )
        self.tell({entry.method: dict(entry.space) for entry in entries})
        return Comparison(Path(str(configs[0].outputs)) / self.name, self._about(), entries)

    def _config(self, group: Sequence[str]) -> DictConfig:
        from steadygan.config.hydra_errors import explained

        assert self.hydra_context is not None  # since ``setup``
        assert self.config is not None
        with explained():
            return self.hydra_context.config_loader.load_sweep_config(self.config, list(group))

    def _about(self) -> Config:
        """Return what ``tuned.json`` says of the whole comparison."""
        stated = self.threshold
        return {
            "name": self.name,
            "question": self.request.question,
            "commands": [] if self._plans_only else [self.request.command],
            "metric": self.metric,
            "direction": "min",
            "iterations": self.iterations,
            "sampler": self.sampler,
            "sampler_seed": self.sampler_seed,
            "threshold": OmegaConf.to_container(stated) if isinstance(stated, DictConfig) else dict(stated),
            "stages": {
                name: {
                    "folder": name,
                    "seeds": list(stage.seeds),
                    "iterations": self.iterations * stage.factor,
                    **({"trials": self.trials} if name == "search" else {}),
                    **({"best": stage.best} if name == "selection" else {}),
                }
                for name, stage in self.stages_by_name.items()
            },
        }

    def _check_config(self, config: DictConfig) -> None:
        """Check that runs with this config have a score where it is read.

        Raises:
            UserError: they do not.
        """
        from steadygan.config.containers import plain
        from steadygan.runs import success_criterion

        every, final = int(config.evaluate_every), self.stages_by_name["final"]
        if final.factor > 1 and self.iterations % every:
            raise bad_value(
                "evaluate_every", every, f"must divide iterations={self.iterations}, where final runs are scored, too"
            )
        own = {"metrics": plain(config.metrics, resolve=True), "labels": plain(config.labels, resolve=True)}
        directions = success_criterion.directions(own)
        if directions.get(str(self.metric)) == "max":
            low = [name for name, way in directions.items() if way == "min"]
            raise bad_value("hydra.sweeper.metric", self.metric, "settings are compared by what is best small", low)
        success_criterion.check_metric(str(self.metric), [own], "hydra.sweeper.metric")

    def _check_only(self, comparison: "Comparison", only: Sequence[str]) -> None:
        """Check that the stages before those asked for are over.

        Raises:
            UserError: they are not.
        """
        if "selection" in only and "search" not in only:
            lacking = [entry.method for entry in comparison.entries if entry.candidates is None]
            _refuse(lacking, comparison, "selection", "search")
        if "final" in only and "selection" not in only:
            lacking = [entry.method for entry in comparison.entries if entry.tuned is None and not entry.failed]
            _refuse(lacking, comparison, "final", "search and selection" if "search" not in only else "selection")

    def _settings(self, comparison: "Comparison", name: str) -> "Settings":
        """Return the settings of a stage, as far as they are known."""
        entries = comparison.entries
        match name:
            case "search":
                return [(entry, tuple(setting)) for entry in entries for setting in entry.settings]
            case "selection":
                return [(entry, each.overrides) for entry in entries for each in entry.candidates or ()]
            case "final":
                return [(entry, entry.tuned) for entry in entries if entry.tuned is not None]
        return [(entry, entry.published) for entry in entries]

    def _waits(self, comparison: "Comparison", name: str) -> bool:
        """Return whether the stage after this one is not known yet."""
        if name == "search":
            return any(entry.candidates is None for entry in comparison.entries)
        return name == "selection" and any(e.tuned is None and not e.failed for e in comparison.entries)

    def _stage(self, comparison: "Comparison", name: str) -> None:
        """Run each setting on the seeds of a stage, and pick what goes on."""
        from steadygan.sweeps.tuned import picking
        from steadygan.sweeps.tuned.stages import NAMES

        stage, settings = self.stages_by_name[name], self._settings(comparison, name)
        updates = len(settings) * len(stage.seeds) * self.iterations * stage.factor
        seeds = f"{len(stage.seeds)} {'seed' if len(stage.seeds) == 1 else 'seeds'} each"
        what = f"{len(settings)} settings, {seeds}, {updates:,} updates of G" if settings else "no settings known yet"
        self.say(f"stage {NAMES.index(name) + 1} of {len(NAMES)}, {name}: {what}")
        runs = self._launch(comparison, name, settings) if settings else {}
        best, metric = self.stages_by_name["selection"].best, str(self.metric)
        if name == "search":
            picking.pick_candidates(comparison.entries, runs, metric, best)
        if name == "selection":
            picking.pick_tuned(comparison.entries, runs, metric)
        self._write(comparison)
        if name == "search" and not comparison.about["threshold"]:
            self._say_criterion(comparison, runs)

    def _launch(self, comparison: "Comparison", name: str, settings: "Settings") -> "Runs":
        """Launch the jobs of a stage; returns them by data set, method and setting, then by seed."""
        from steadygan.sweeps.launching import SweepFailed
        from steadygan.sweeps.tuned import expected
        from steadygan.sweeps.tuned.floor import floor

        stage = self.stages_by_name[name]
        more = [f"iterations={self.iterations * stage.factor}", f"horizon={self.iterations}"]
        asked = [(entry, setting, seed) for entry, setting in settings for seed in stage.seeds]
        jobs = [
            [*entry.overrides, *setting, f"seed={seed}", *more, f"name={self.name}/{name}"]
            for entry, setting, seed in asked
        ]
        try:
            self.launch(jobs)
        except SweepFailed as error:
            self._failed.append(error)
        planned: Sequence[Job] = self.launcher.planned  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  # ours
        if self._dry_run:
            works = expected.planned(planned)
            self._works[name] = [(entry, work) for (entry, _, _), work in zip(asked, works, strict=True)]
        runs: Runs = {}
        for (entry, setting, seed), job in zip(asked, planned, strict=True):
            if not self._plans_only and self.draws and entry.dataset not in comparison.floors:
                comparison.floors[entry.dataset] = floor(job.config, str(self.metric), self.draws)
            runs.setdefault((entry.dataset, entry.method, setting), {})[seed] = job
        return runs

    @property
    def _dry_run(self) -> bool:
        return bool(getattr(self.launcher, "dry_run", False))

    @property
    def _plans_only(self) -> bool:
        """Whether nothing is to be run or written."""
        return self._dry_run or getattr(self.launcher, "status", None) is not None

    def _write(self, comparison: "Comparison") -> None:
        if not self._plans_only:
            comparison.write()

    def _say_criterion(self, comparison: "Comparison", runs: "Runs") -> None:
        """Say what the success criterion would be, where none is stated."""
        from steadygan.sweeps.tuned.criterion import bound
        from steadygan.sweeps.tuned.picking import scores_of

        for dataset in dict.fromkeys(entry.dataset for entry in comparison.entries):
            scores = scores_of(comparison.entries, runs, str(self.metric), dataset)
            limit = bound(scores, (comparison.floors.get(dataset) or {}).get("values", []))
            if limit is not None:
                self.say(
                    f"no success criterion is stated; by this search it would be hydra.sweeper.threshold.{self.metric}"
                    f"={limit:g} on {dataset}: the floor plus 1.5 times the best method's median above it"
                )

    def _end(self, comparison: "Comparison", only: Sequence[str]) -> None:
        """Say what comes next, or what all of it would cost."""
        if self._dry_run:
            self._say_expected(comparison, only)
        elif not self._plans_only:
            from steadygan.runs.files import from_here

            self.say(f"next: steadygan report {from_here(comparison.root.absolute())}")

    def _say_expected(self, comparison: "Comparison", only: Sequence[str]) -> None:
        from rich.console import Console

        from steadygan.sweeps.tuned import expected

        for before, name in (("search", "selection"), ("selection", "final")):
            if name in only and self._waits(comparison, before):
                self._works[name] = list(self._unknown(comparison, name))
        console, costs = Console(), expected.Costs()
        works = {name: [work for _, work in self._works.get(name, [])] for name in only}
        every = [work for each in works.values() for work in each]
        missing = [work.job for work in every if work.missing]
        rates = expected.measured([work.job for work in every if not work.missing], costs)
        if not rates.source and missing and getattr(self.launcher, "here", True):
            with console.status("a short trial, to tell how long it will take"):
                rates = expected.trial(missing, costs)
        workers = self._processes(missing)
        rows = [expected.expected(name, works[name], costs, rates, workers) for name in only]
        expected.show(rows, rates, workers, console)

    def _unknown(self, comparison: "Comparison", name: str) -> "Iterator[tuple[Entry, Work]]":
        """Yield the work of a stage whose settings are not all known."""
        from steadygan.sweeps.tuned import expected

        stage = self.stages_by_name[name]
        settings = stage.best if name == "selection" else 1
        for entry in comparison.entries:
            jobs = [work.job for each, work in self._works.get("search", []) if each is entry]
            for work in expected.unknown(jobs, settings, len(stage.seeds), stage.factor):
                yield entry, work

    def _processes(self, jobs: "Sequence[Job]") -> int:
        """Return how many processes the launcher would have."""
        workers = self.launcher._count()  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  # ours
        return max(1, min(workers, len(jobs)))


def _check(fixed: Sequence[Override], metric: str | None, draws: object) -> None:
    if not metric:
        raise bad_value("hydra.sweeper.metric", metric, "settings are compared by a metric: which one?")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 0:
        raise bad_value("hydra.sweeper.floor", draws, "must be a whole number from 0 on")
    keys = {each.key_or_group for each in fixed if not each.is_delete()}
    if "seed" in keys:
        raise UserError("seed: each stage has seeds of its own, such as hydra.sweeper.stages.final.seed='range(0,60)'")
    if "horizon" in keys:
        raise UserError("horizon: schedules run over the iterations of the search in all stages; set iterations")
    if "method" not in keys:
        raise UserError("method: which methods are to be compared? method=nonsaturating,r1")
    several = {each.key_or_group for each in fixed if each.is_sweep_override()} - set(VARIES)
    if several:
        raise UserError(f"{', '.join(sorted(several))}: only {' and '.join(VARIES)} may have several values here")


def _refuse(lacking: Sequence[str], comparison: "Comparison", stage: str, before: str) -> None:
    if lacking:
        names = ", ".join(dict.fromkeys(lacking))
        problem = f"of {names} there is no {before} yet in {comparison.root}: run it without hydra.sweeper.only"
        raise bad_value("hydra.sweeper.only", stage, problem)
