"""The labels of a run: the method of the group ``labels`` on a data set."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.draws import generator
from steadygan.core.labels import given_draws, given_rows
from steadygan.core.settings import is_number
from steadygan.core.types import Apply
from steadygan.metrics.base import Metric
from steadygan.networks.labels import Labels, Unlabelled
from steadygan.networks.labels.base import Builder


@dataclass(frozen=True)
class Labelling:
    """Use the labels of the data by a method.

    Attributes:
        method: see ``steadygan.networks.labels``.
        classes: how many it knows; None where it uses none.
        share: of the examples whose label is given.
        num_data: rows of a finite data set, from which the share is chosen.
    """

    method: Labels = field(default_factory=Unlabelled)
    classes: int | None = None
    share: float = 1.0
    num_data: int = 0

    @property
    def players(self) -> frozenset[str]:
        """The players whose batches hold labels."""
        return self.method.players

    def builders(self, builders: Mapping[str, Builder]) -> dict[str, Builder]:
        """Return the builders of the networks that the method needs."""
        return self.method.builders(builders, self.classes, self.share == 1)

    def functions(self, functions: Mapping[str, Apply]) -> dict[str, Apply]:
        """Return the functions that an objective calls."""
        return self.method.functions(functions)

    def check(self, name: str, metric: Metric) -> None:
        """Raises UserError where a metric needs what the networks do not offer."""
        if missing := set(needs(metric)) - self.method.offers:
            problem = f"needs networks that offer {', '.join(sorted(missing))}"
            raise bad_value("metrics", name, problem, [f"labels={WHO_OFFERS[each]}" for each in sorted(missing)])

    def batch_fields(
        self, player: str, index: int, batch: Mapping[str, Tensor], seed: int, dtype: torch.dtype
    ) -> dict[str, Tensor]:
        """Return the fields of a ``StepBatch`` that hold labels, for the whole batch.

        Of finite data the same examples have their label every time.
        """
        y = batch["y"]
        if "index" in batch:
            known = given_rows(self.num_data, self.share, seed, y.device)[batch["index"].long()]
        else:
            known = given_draws(len(y), self.share, generator(seed, f"labels/given/{player}", index, y.device))
        return self.method.batch_fields(y, known, self.classes or 0, dtype)


UNLABELLED = Labelling()
KEYS = ("share", "metrics")
"""Keys of the group that are the engine's: the share of labels given, and metrics that the method brings."""

WHO_OFFERS = {"labels": "conditional", "classifier": "semi_supervised"}


def needs(metric: Metric) -> tuple[str, ...]:
    """Return the names of what a metric's ``update`` takes: ``samples`` unless it declares more."""
    return getattr(metric, "needs", ("samples",))


def of_samples(metric: Metric) -> bool:
    """Return whether a metric looks at what the generator makes."""
    return "samples" in needs(metric)


def share_of(value: object) -> float:
    """Raises UserError where it is no number: it decides which networks there are, so it follows no schedule."""
    if not is_number(value):
        raise bad_value("labels.share", value, "must be a number between 0 and 1")
    return float(value)
