"""``hydra/sweeper=tuned``: search, selection, final runs and the published setting, a sweep each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from omegaconf import DictConfig

from hydra_plugins.steadygan.grid import combinations
from hydra_plugins.steadygan.search import SearchSweeper, method_of
from steadygan.common.errors import UserError, bad_value
from steadygan.config.node import Config

if TYPE_CHECKING:
    from steadygan.runs.job import Job
    from steadygan.sweeps.launching import SweepFailed
    from steadygan.sweeps.tuned.stages import Stage
    from steadygan.sweeps.tuned.state import Comparison, Entry

VARIES = ("method", "dataset")
"""Keys that may have several values; everything else is the same in all runs, or searched."""


class TunedSweeper(SearchSweeper):
    """The stages of a tuned comparison, one after the other.

    Args:
        stages: seeds of each stage, how many settings it takes over, how much longer its runs are.
        more: what ``hydra/sweeper=search`` takes.
    """

    samplers = ("sobol", "random")

    def __init__(self, stages: Config | None = None, **more: Config | str | bool | int | None) -> None:
        super().__init__(**more)  # pyright: ignore[reportArgumentType]  # Hydra hands on what the yaml has
        self.stages = stages or {}

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch the stages; each knows the results of those before it.

        Raises:
            UserError: something is asked for that cannot be; nothing was run.
            SweepFailed: some jobs failed, after all stages.
        """
        from steadygan.config.containers import plain
        from steadygan.sweeps.tuned import picking
        from steadygan.sweeps.tuned.stages import stages

        fixed, searched = self.split(arguments)
        _check(fixed, self.metric)
        stages_by_name = stages(plain(self.stages) if isinstance(self.stages, DictConfig) else self.stages, self.trials)
        comparison = self._comparison(fixed, searched, stages_by_name)
        self._failed: list[SweepFailed] = []
        entries, metric = comparison.entries, str(self.metric)

        jobs = [(entry, setting) for entry in entries for setting in entry.settings]
        runs = self._stage(comparison, "search", stages_by_name["search"], jobs)
        picking.pick_candidates(entries, runs, metric, stages_by_name["selection"].best)
        comparison.write()

        jobs = [(entry, each.overrides) for entry in entries for each in entry.candidates or ()]
        runs = self._stage(comparison, "selection", stages_by_name["selection"], jobs)
        picking.pick_tuned(entries, runs, metric)
        comparison.write()

        jobs = [(entry, entry.tuned) for entry in entries if entry.tuned is not None]
        self._stage(comparison, "final", stages_by_name["final"], jobs)
        self._stage(comparison, "published", stages_by_name["published"], [(entry, ()) for entry in entries])
        for line in picking.without_setting(entries):
            self.say(line)
        if self._failed:
            raise self._failed[0]
        self.say(f"next: steadygan report {comparison.root}")
        return []

    def _comparison(self, fixed: Sequence[Override], searched: Config, stages: "dict[str, Stage]") -> "Comparison":
        """Return what is known before anything has run."""
        from omegaconf import OmegaConf

        from steadygan.sweeps.tuned.state import Comparison, Entry

        groups = combinations(fixed)
        assert self.hydra_context is not None  # since ``setup``
        assert self.config is not None
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(groups[0]))
        self.name, self.iterations = str(config.name), int(config.iterations)
        chosen = str(config.hydra.runtime.choices.dataset)
        entries = []
        for group in groups:
            method = method_of(group)
            space = self.space(method, group, searched)
            settings = [tuple(setting) for setting in self.draw(space, self.trials)]
            dataset = next((text.partition("=")[2] for text in group if text.startswith("dataset=")), chosen)
            entries.append(Entry(method, dataset, tuple(group), dict(space.texts), settings))
        self.tell({entry.method: dict(entry.space) for entry in entries})
        about = {
            "name": self.name,
            "question": self.request.question,
            "commands": [self.request.command],
            "metric": self.metric,
            "direction": "min",
            "iterations": self.iterations,
            "sampler": self.sampler,
            "threshold": OmegaConf.to_container(self.threshold)
            if isinstance(self.threshold, DictConfig)
            else dict(self.threshold),
            "stages": {
                name: {
                    "folder": name,
                    "seeds": list(stage.seeds),
                    "iterations": self.iterations * stage.factor,
                    **({"trials": self.trials} if name == "search" else {}),
                    **({"best": stage.best} if name == "selection" else {}),
                }
                for name, stage in stages.items()
            },
        }
        return Comparison(Path(str(config.outputs)) / self.name, about, entries)

    def _stage(
        self,
        comparison: "Comparison",
        name: str,
        stage: "Stage",
        settings: "Sequence[tuple[Entry, tuple[str, ...]]]",
    ) -> "dict[tuple[str, str, tuple[str, ...]], dict[int, Job]]":
        """Run each setting on the seeds of a stage; the jobs by data set, method and setting, then by seed."""
        from steadygan.sweeps.launching import SweepFailed
        from steadygan.sweeps.tuned.floor import floor

        updates = len(settings) * len(stage.seeds) * self.iterations * stage.factor
        self.say(f"stage {name}: {len(settings)} settings, {len(stage.seeds)} seeds each, {updates:,} updates of G")
        if not settings:
            return {}
        longer = [f"iterations={self.iterations * stage.factor}", f"horizon={self.iterations}"]
        asked = [(entry, setting, seed) for entry, setting in settings for seed in stage.seeds]
        jobs = [
            [*entry.overrides, *setting, f"seed={seed}", *longer, f"name={self.name}/{name}"]
            for entry, setting, seed in asked
        ]
        try:
            self.launch(jobs)
        except SweepFailed as error:
            self._failed.append(error)
        planned: Sequence[Job] = self.launcher.planned  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  # ours
        if not getattr(self.launcher, "dry_run", False):
            for (entry, _, _), job in zip(asked, planned, strict=True):
                if entry.dataset not in comparison.floors:
                    comparison.floors[entry.dataset] = floor(job.config, str(self.metric))
            comparison.write()
        runs: dict[tuple[str, str, tuple[str, ...]], dict[int, Job]] = {}
        for (entry, setting, seed), job in zip(asked, planned, strict=True):
            runs.setdefault((entry.dataset, entry.method, setting), {})[seed] = job
        return runs


def _check(fixed: Sequence[Override], metric: str | None) -> None:
    if not metric:
        raise bad_value("hydra.sweeper.metric", metric, "settings are compared by a metric: which one?")
    keys = {each.key_or_group for each in fixed}
    if "seed" in keys:
        raise UserError("seed: each stage has seeds of its own, such as hydra.sweeper.stages.final.seed='range(0,60)'")
    if "method" not in keys:
        raise UserError("method: which methods are to be compared? method=nonsaturating,r1")
    several = {each.key_or_group for each in fixed if each.is_sweep_override()} - set(VARIES)
    if several:
        raise UserError(f"{', '.join(sorted(several))}: only {' and '.join(VARIES)} may have several values here")
