"""``hydra/sweeper=grid``: every combination of the values that are swept, handed to the launcher at once.

Hydra's basic sweeper composes each job once more only to see whether it can be composed, which takes a fifth of a
second for each, and writes a ``multirun.yaml``. Our launchers compose and check all jobs themselves.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


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
        params: dict[str, Any] | None = None,
        threshold: dict[str, Any] | None = None,
        quick: dict[str, Any] | None = None,
        baseline: str | None = None,
    ) -> None:
        self.params, self.threshold, self.quick = params or {}, threshold or {}, quick or {}
        self.baseline = baseline

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """As Hydra asks for."""
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Launch all jobs."""
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([f"{key}={value}" for key, value in self.params.items()] + arguments)
        return [self.launcher.launch(combinations(overrides), initial_job_idx=0)]


def combinations(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of every job; a later override of a key replaces an earlier one.

    Raises:
        HydraException: a sweep without a list of values, such as ``interval(0, 1)``.
    """
    values: dict[str, list[str]] = {}
    for override in overrides:
        values[override.get_key_element()] = _values(override)
    keyed = [[f"{key}={value}" for value in choices] for key, choices in values.items()]
    return [list(job) for job in itertools.product(*keyed)]


def _values(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if not override.is_discrete_sweep():
        raise HydraException(f"{override.input_line}: a grid needs a list of values or a range")
    return list(override.sweep_string_iterator())
