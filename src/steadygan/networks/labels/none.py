"""Nobody sees a label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.core.types import Apply
from steadygan.data.base import Dataset
from steadygan.networks.labels.base import Builder


@dataclass(frozen=True)
class Unlabelled:
    """Labels of the data, where there are any, are not used."""

    players: ClassVar[frozenset[str]] = frozenset()
    offers: ClassVar[frozenset[str]] = frozenset({"samples"})

    def count(self, dataset: Dataset) -> None:
        """None."""
        return

    def builders(self, builders: Mapping[str, Builder], classes: int | None, all_given: bool) -> dict[str, Builder]:
        """Return them as they are."""
        return dict(builders)

    def functions(self, functions: Mapping[str, Apply]) -> dict[str, Apply]:
        """Return them as they are."""
        return dict(functions)

    def batch_fields(self, y: Tensor, given: Tensor, classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
        """Nothing."""
        return {}
