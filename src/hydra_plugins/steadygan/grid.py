"""``hydra/sweeper=grid``: every combination of the values that are swept, handed to the launcher at once.

Hydra's basic sweeper composes each job once more only to see whether it can be composed, which takes a fifth of a
second for each, and writes a ``multirun.yaml``. Our launchers compose and check all jobs themselves.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, OverrideType
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from steadygan.config.node import Config
from steadygan.sweeps.overrides import as_typed
from steadygan.sweeps.request import Request


class GridSweeper(Sweeper):
    """The cartesian product of all swept values.

    Args:
        params: values by key; they come before what the command line says.
        threshold: when a run counts as one that trains; the launcher hands it on to the report.
        baseline: the method with which the report compares every other one.
        quick: overrides of the small version, which ``steadygan sweep NAME --quick`` reads from the sweep's file.
    """

    def __init__(
        self,
        params: Config | None = None,
        threshold: Config | None = None,
        quick: Config | None = None,
        baseline: str | None = None,
    ) -> None:
        self.params, self.threshold, self.quick = params or {}, threshold or {}, quick or {}
        self.baseline = baseline

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """As Hydra asks for."""
        self.hydra_context, self.config, self.request = hydra_context, config, Request.of(task_function)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch all jobs."""
        assert self.hydra_context is not None  # since ``setup``
        assert self.launcher is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides(
            [*(as_typed(f"{key}={value_text(value)}") for key, value in self.params.items()), *arguments]
        )
        return [self.launcher.launch(combinations(overrides), initial_job_idx=0)]


def value_text(value: object) -> str:
    """Return a value of a sweep file as the command line writes it: ``null`` and ``true``, not Python's names."""
    if isinstance(value, str):
        return value
    plain: Any = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    return Override._get_value_element_as_str(plain)


MOST = 1_000_000
"""Jobs of one multirun, and values of one key; more are a slip of the pen."""

SETS = (OverrideType.CHANGE, OverrideType.ADD, OverrideType.FORCE_ADD)


def combinations(overrides: Sequence[Override]) -> list[list[str]]:
    """Return the overrides of every job, each in the place that it has among those given.

    Each job composes as a single run does that gets all of the overrides, one value of each sweep. What a later
    override of the same key undoes is left out: it would only be swept in vain.

    Raises:
        HydraException: a sweep without a list of values, such as ``interval(0, 1)``, or with an empty one.
    """
    choices = [_texts(override) for override in _effective(overrides)]
    count = math.prod(map(len, choices))
    if count > MOST:
        raise HydraException(f"{count:,} jobs are asked for; {MOST:,} is the most")
    return [list(job) for job in itertools.product(*choices)]


def _effective(overrides: Sequence[Override]) -> list[Override]:
    """Without those that a later one of the same key undoes, which takes their place where that changes nothing."""
    kept: list[Override] = []
    for override in overrides:
        places = [at for at, earlier in enumerate(kept) if _target(earlier) == _target(override)]
        if not places or not _undoes(override, kept[places[-1]]):
            kept.append(override)
            continue
        earlier = kept.pop(places[-1])
        if override.type == OverrideType.CHANGE:
            override = replace(override, type=earlier.type)  # the key may be there only if it is added
        alone = not any(_related(override, between) for between in kept[places[-1] :])
        kept.insert(places[-1] if alone else len(kept), override)
    return kept


def _target(override: Override) -> tuple[str, str | None]:
    return override.key_or_group, override.package


def _undoes(later: Override, earlier: Override) -> bool:
    """Return whether nothing is left of what the earlier one sets. A dict is merged with what is there."""
    if later.type not in SETS or earlier.type not in SETS or _merges(later):
        return False
    return later.type != OverrideType.ADD or earlier.type == OverrideType.ADD  # else Hydra refuses it


def _merges(override: Override) -> bool:
    value = override.value()
    values = value.list if isinstance(value, ChoiceSweep) else [value]
    return any(isinstance(each, dict) for each in values)


def _related(one: Override, other: Override) -> bool:
    """Return whether one sets what the other does, or a part of it."""
    return all(a == b for a, b in zip(*(o.key_or_group.replace("/", ".").split(".") for o in (one, other))))


def _texts(override: Override) -> list[str]:
    if override.value_type is None:  # `~key`
        return [override.get_key_element()]
    return [f"{override.get_key_element()}={value}" for value in _values(override)]


def _values(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if not override.is_discrete_sweep():
        raise HydraException(f"{override.input_line}: a grid needs a list of values or a range")
    try:
        values = list(itertools.islice(override.sweep_string_iterator(), MOST + 1))
    except (ValueError, HydraException) as error:  # a range whose step is 0
        raise HydraException(f"{override.input_line}: {error}") from error
    if not values:
        raise HydraException(f"{override.input_line}: has no values: nothing would be run")
    if len(values) > MOST:
        raise HydraException(f"{override.input_line}: has more than {MOST:,} values")
    return values
