"""``hydra/sweeper=search``: settings drawn from ranges, in place of every combination."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.steadygan.grid import MOST, GridSweeper, combinations, value_text
from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import conf_dir
from steadygan.config.node import Config
from steadygan.sweeps.overrides import as_typed

if TYPE_CHECKING:
    from steadygan.runs.job import Job
    from steadygan.sweeps.search.space import Space

TPE = "tpe"
"""The sampler whose trials depend on the scores of those before them."""


class SearchSweeper(GridSweeper):
    """Trials of ranges, each with every value of some keys.

    Attributes:
        samplers: that can be chosen.

    Args:
        trials: how many settings.
        sampler: ``sobol``, ``random`` or ``tpe``.
        sampler_seed: another one draws other settings.
        every: keys that are not searched: each trial is run with all of their values.
        method_spaces: whether each method is searched over what ``search/shared.yaml`` and ``search/METHOD.yaml`` say.
        metric: by which trials are compared.
        batch: how many trials ``tpe`` proposes at once.
        more: what ``hydra/sweeper=grid`` takes.
    """

    samplers: ClassVar[tuple[str, ...]] = ("sobol", "random", TPE)

    def __init__(
        self,
        trials: int = 32,
        sampler: str = "sobol",
        sampler_seed: int = 0,
        every: Sequence[str] = ("seed", "method", "dataset"),
        method_spaces: bool = False,
        metric: str | None = None,
        batch: int = 8,
        **more: Config | str | None,
    ) -> None:
        super().__init__(**more)  # pyright: ignore[reportArgumentType]  # Hydra hands on what the yaml has
        self.trials, self.sampler, self.sampler_seed = trials, sampler, sampler_seed
        self.every, self.method_spaces, self.metric, self.batch = every, method_spaces, metric, batch

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch all trials.

        Raises:
            UserError: something is asked for that cannot be; nothing was run.
            SweepFailed: all jobs were run, some failed.
        """
        fixed, searched = self.split(arguments)
        if self.sampler == TPE:
            return [self._sweep_tpe(fixed, searched)]
        jobs, spaces = self.search_jobs(fixed, searched, self.trials)
        self.tell({name: dict(each.texts) for name, each in spaces.items()})
        return [self.launch(jobs)]

    def _sweep_tpe(self, fixed: Sequence[Override], searched: Config) -> Sequence[JobReturn]:
        """Launch trials in batches, each proposed from the scores of those before it.

        A search that was interrupted begins anew: what has run counts as done, and the same is proposed by its scores.
        """
        from steadygan.sweeps.launching import SweepFailed
        from steadygan.sweeps.search.tpe import Search

        if not self.metric:
            raise bad_value("hydra.sweeper.metric", self.metric, "hydra.sweeper.sampler=tpe goes by a metric: which?")
        grid, spaces = self._grid(fixed, searched, self.trials)
        self.tell({name: dict(each.texts) for name, each in spaces.items()})
        searches = {method: Search(space.ranges, self.sampler_seed) for method, space in spaces.items()}
        returned: Sequence[JobReturn] = ()
        failed: SweepFailed | None = None
        for done in range(0, self.trials, self.batch):
            for search in searches.values():
                search.propose(min(self.batch, self.trials - done))
            settings = {method: _settings(search.trials, spaces[method]) for method, search in searches.items()}
            asked = [(job, index) for job in grid for index in range(len(settings[method_of(job)]))]
            try:
                returned, failed = self.launch([[*job, *settings[method_of(job)][index]] for job, index in asked]), None
            except SweepFailed as error:  # of these and of earlier trials
                failed = error
            scores = self._scores([(method_of(job), index) for job, index in asked])
            for method, search in searches.items():
                search.scores = [scores[method, index] for index in range(len(search.trials))]
            if not all(search.known for search in searches.values()):
                self.say(f"the next trials depend on the {self.metric} of these, which are not over")
                break
        if failed is not None:
            raise failed
        return returned

    def _scores(self, asked: Sequence[tuple[str, int]]) -> dict[tuple[str, int], float]:
        """Return the score of each method's trial: the mean of the metric over its runs, or its negative.

        Small is good. It is infinite where a run failed, NaN where one is not over.
        """
        from steadygan.runs import success_criterion
        from steadygan.sweeps.tuned.scores import score

        metric = str(self.metric)
        planned: Sequence[Job] = self.launcher.planned  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  # ours
        runs: dict[tuple[str, int], list[float]] = {}
        for key, job in zip(asked, planned, strict=True):
            value = score(job.directory, metric)
            sign = -1.0 if success_criterion.directions(job.config)[metric] == "max" else 1.0
            runs.setdefault(key, []).append(sign * value if math.isfinite(value) else value)
        return {key: sum(values) / len(values) for key, values in runs.items()}

    def say(self, line: str) -> None:
        """Show a line."""
        from rich.console import Console

        Console().print(line, soft_wrap=True, markup=False, highlight=False)

    def launch(self, jobs: Sequence[Sequence[str]]) -> Sequence[JobReturn]:
        """Launch jobs."""
        assert self.launcher is not None  # since ``setup``
        return self.launcher.launch(jobs, initial_job_idx=0)

    def tell(self, spaces: Config) -> None:
        """Have the launcher write down in ``sweep.yaml`` what is searched."""
        said = {
            "trials": self.trials,
            "sampler": self.sampler,
            "sampler_seed": self.sampler_seed,
            "metric": self.metric,
            **({"batch": self.batch} if self.sampler == TPE else {}),
            "spaces": spaces,
        }
        self.launcher.request = replace(self.request, search=said)  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  # ours

    def split(self, arguments: Sequence[str]) -> tuple[list[Override], dict[str, str]]:
        """Return the overrides that are not searched, and the ranges by key."""
        assert self.hydra_context is not None  # since ``setup``
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        params = [as_typed(f"{key}={value_text(value)}") for key, value in self.params.items()]
        fixed: list[Override] = []
        searched: dict[str, str] = {}
        for override in parser.parse_overrides([*params, *arguments]):
            key = override.get_key_element()
            searched.pop(key, None)
            if override.is_sweep_override() and override.key_or_group not in self.every:
                searched[key] = str(override.input_line).partition("=")[2]
            fixed.append(override)
        return [each for each in fixed if each.get_key_element() not in searched], searched

    def search_jobs(
        self, fixed: Sequence[Override], searched: Config, trials: int
    ) -> "tuple[list[list[str]], dict[str, Space]]":
        """Return the overrides of all jobs, and the space of each method.

        Raises:
            UserError: something of the search cannot be, or there is nothing to search.
        """
        grid, spaces = self._grid(fixed, searched, trials)
        settings = {method: self.draw(space, trials) for method, space in spaces.items()}
        return [[*job, *setting] for job in grid for setting in settings[method_of(job)]], spaces

    def _grid(
        self, fixed: Sequence[Override], searched: Config, trials: int
    ) -> "tuple[list[list[str]], dict[str, Space]]":
        """Return with what each trial is run, and the space of each method; checks what can be known beforehand."""
        self._check(trials)
        grid = combinations(fixed)
        if len(grid) * trials > MOST:
            raise UserError(f"{len(grid) * trials:,} jobs are asked for; {MOST:,} is the most")
        spaces: dict[str, Space] = {}
        for job in grid:
            method = method_of(job)
            if method not in spaces:
                spaces[method] = self.space(method, job, searched)
                _refuse_empty(spaces[method])
        return grid, spaces

    def _check(self, trials: object) -> None:
        for key, value in (("trials", trials), ("batch", self.batch)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise bad_value(f"hydra.sweeper.{key}", value, "must be a whole number from 1 on")
        if isinstance(self.sampler_seed, bool) or not isinstance(self.sampler_seed, int) or self.sampler_seed < 0:
            raise bad_value("hydra.sweeper.sampler_seed", self.sampler_seed, "must be a whole number from 0 on")
        if self.sampler not in self.samplers:
            raise bad_value("hydra.sweeper.sampler", self.sampler, "unknown sampler", self.samplers)
        if isinstance(self.every, str):
            raise bad_value("hydra.sweeper.every", self.every, "must be a list of keys, such as [seed,method,dataset]")
        if not isinstance(self.method_spaces, bool):
            raise bad_value("hydra.sweeper.method_spaces", self.method_spaces, "must be true or false")

    def space(self, method: str, job: Sequence[str], searched: Config) -> "Space":
        """Return what is searched for a method; what a job sets itself is not."""
        from steadygan.sweeps.search import space

        texts = space.of_method(method, self.folders()) if self.method_spaces and method else {}
        set_by_job = {text.partition("=")[0].lstrip("+") for text in job}
        texts = {key: text for key, text in texts.items() if key not in set_by_job}
        ranges = space.space({**texts, **searched})
        self._check_numbers(job, {key: text for key, text in searched.items() if space.numeric(ranges.ranges.get(key))})
        return ranges

    def _check_numbers(self, job: Sequence[str], texts: Mapping[str, str]) -> None:
        """Check that a config has numbers where numbers are to be drawn; that a key exists is for Hydra to say.

        Raises:
            UserError: a value is something else.
        """
        from steadygan.config.hydra_errors import explained

        if not texts:
            return
        assert self.hydra_context is not None  # since ``setup``
        assert self.config is not None
        with explained():
            config = self.hydra_context.config_loader.load_sweep_config(self.config, list(job))
        for key, text in texts.items():
            value = None if "@" in key else OmegaConf.select(config, key.lstrip("+").replace("/", "."))
            if isinstance(value, bool | str | DictConfig) or OmegaConf.is_list(value):
                was = f"it is {value}" if isinstance(value, bool | str) else "it has several values of its own"
                raise bad_value(key, text, f"a range of numbers, but this is no number: {was}")

    def draw(self, space: "Space", trials: int) -> list[list[str]]:
        """Return the overrides of each trial.

        Raises:
            UserError: there is nothing to draw.
        """
        from steadygan.sweeps.search import sampling

        _refuse_empty(space)
        return _settings(sampling.trials(space.ranges, trials, self.sampler, self.sampler_seed), space)

    def folders(self) -> Iterator[Path]:
        """Yield the config folders, the user's own first."""
        assert self.hydra_context is not None  # since ``setup``
        elements = self.hydra_context.config_loader.get_search_path().get_path()
        paths = [Path(str(each.path).removeprefix("file://")) for each in elements if each.path]
        yield from (path for path in reversed(paths) if path.is_dir() and path != conf_dir())
        yield conf_dir()


def _settings(trials: Sequence[Mapping[str, str]], space: "Space") -> list[list[str]]:
    """Return the overrides of each trial."""
    return [[*(f"{key}={value}" for key, value in trial.items()), *space.fixed] for trial in trials]


def _refuse_empty(space: "Space") -> None:
    if not space.ranges:
        raise UserError(
            "hydra/sweeper=search: nothing is searched; give a range: KEY=interval(0,1), "
            "KEY='tag(log,interval(1e-4,1e-2))' or KEY='choice(1,5)', or hydra.sweeper.method_spaces=true"
        )


def method_of(job: Sequence[str]) -> str:
    """Return the method of a job's overrides; empty without one."""
    return next((text.partition("=")[2] for text in reversed(job) if text.startswith("method=")), "")
