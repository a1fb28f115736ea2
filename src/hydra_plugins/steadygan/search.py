"""``hydra/sweeper=search``: settings drawn from ranges, in place of every combination."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn

from hydra_plugins.steadygan.grid import MOST, GridSweeper, combinations, value_text
from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import conf_dir
from steadygan.config.node import Config
from steadygan.sweeps.overrides import as_typed

if TYPE_CHECKING:
    from steadygan.sweeps.search.space import Space


class SearchSweeper(GridSweeper):
    """Trials of ranges, each with every value of some keys.

    Args:
        trials: how many settings.
        sampler: ``sobol`` or ``random``.
        sampler_seed: another one draws other settings.
        every: keys that are not searched: each trial is run with all of their values.
        method_spaces: whether each method is searched over what ``search/shared.yaml`` and ``search/METHOD.yaml`` say.
        metric: by which trials are compared.
        more: what ``hydra/sweeper=grid`` takes.
    """

    def __init__(
        self,
        trials: int = 32,
        sampler: str = "sobol",
        sampler_seed: int = 0,
        every: Sequence[str] = ("seed", "method", "dataset"),
        method_spaces: bool = False,
        metric: str | None = None,
        **more: Config | str | None,
    ) -> None:
        super().__init__(**more)  # pyright: ignore[reportArgumentType]  # Hydra hands on what the yaml has
        self.trials, self.sampler, self.sampler_seed = trials, sampler, sampler_seed
        self.every, self.method_spaces, self.metric = list(every), method_spaces, metric

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch all trials."""
        fixed, searched = self.split(arguments)
        jobs, spaces = self.search_jobs(fixed, searched, self.trials)
        self.tell({name: dict(each.texts) for name, each in spaces.items()})
        return [self.launch(jobs)]

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
        if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
            raise bad_value("hydra.sweeper.trials", trials, "must be a whole number from 1 on")
        grid = combinations(fixed)
        spaces: dict[str, Space] = {}
        settings: dict[str, list[list[str]]] = {}
        for job in grid:
            method = method_of(job)
            if method not in spaces:
                spaces[method] = self.space(method, job, searched)
                settings[method] = self.draw(spaces[method], trials)
        if len(grid) * trials > MOST:
            raise UserError(f"{len(grid) * trials:,} jobs are asked for; {MOST:,} is the most")
        return [[*job, *setting] for job in grid for setting in settings[method_of(job)]], spaces

    def space(self, method: str, job: Sequence[str], searched: Config) -> "Space":
        """Return what is searched for a method; what a job sets itself is not."""
        from steadygan.sweeps.search import space

        texts = space.of_method(method, self.folders()) if self.method_spaces and method else {}
        set_by_job = {text.partition("=")[0].lstrip("+") for text in job}
        texts = {key: text for key, text in texts.items() if key not in set_by_job}
        return space.space({**texts, **searched})

    def draw(self, space: "Space", trials: int) -> list[list[str]]:
        """Return the overrides of each trial.

        Raises:
            UserError: there is nothing to draw.
        """
        from steadygan.sweeps.search import sampling

        if not space.ranges:
            raise UserError(
                "hydra/sweeper=search: nothing is searched; give a range: KEY=interval(0,1), "
                "KEY='tag(log,interval(1e-4,1e-2))' or KEY='choice(1,5)', or hydra.sweeper.method_spaces=true"
            )
        drawn = sampling.trials(space.ranges, trials, self.sampler, self.sampler_seed)
        return [[*(f"{key}={value}" for key, value in trial.items()), *space.fixed] for trial in drawn]

    def folders(self) -> Iterator[Path]:
        """Yield the config folders, the user's own first."""
        assert self.hydra_context is not None  # since ``setup``
        elements = self.hydra_context.config_loader.get_search_path().get_path()
        paths = [Path(str(each.path).removeprefix("file://")) for each in elements if each.path]
        yield from (path for path in reversed(paths) if path.is_dir() and path != conf_dir())
        yield conf_dir()


def method_of(job: Sequence[str]) -> str:
    """Return the method of a job's overrides; empty without one."""
    return next((text.partition("=")[2] for text in reversed(job) if text.startswith("method=")), "")
