"""The protocol of the methods of the group ``labels``."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from steadygan.common.errors import UserError, bad_value
from steadygan.core.types import Apply
from steadygan.data.base import Dataset

LOOKED_AT = 1000
"""Labels whose range is checked."""

Builder = Callable[..., nn.Module]
"""``builder(shape=...)`` makes one player's network."""


class Labels(Protocol):
    """How a run uses labels; a frozen dataclass.

    Attributes:
        players: those whose batches hold labels.
        offers: what metrics can ask for.
    """

    players: ClassVar[frozenset[str]]
    offers: ClassVar[frozenset[str]]

    def count(self, dataset: Dataset) -> int | None:
        """Return how many classes the networks are to know; None where they know of none.

        Raises:
            UserError: the data set has no labels, or another number of classes than was stated.
        """
        ...

    def builders(self, builders: Mapping[str, Builder], classes: int | None, all_given: bool) -> dict[str, Builder]:
        """Return the builders of both players' networks; ``all_given``: no label is ever missing."""
        ...

    def functions(self, functions: Mapping[str, Apply]) -> dict[str, Apply]:
        """Return the functions that an objective calls, from the networks as functions."""
        ...

    def batch_fields(self, y: Tensor, given: Tensor, classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the fields of a ``StepBatch`` that hold labels, ``[B, ...]`` each.

        Args:
            y: the classes ``[B]`` of the real batch.
            given: ``[B]``, true where the class is known.
            classes: how many there are.
            dtype: of weights.
        """
        ...


def classes_of(dataset: Dataset, stated: int | None, method: str) -> int:
    """Return how many classes there are in a data set.

    Raises:
        UserError: none, or not as many as was stated.
    """
    known = getattr(dataset, "num_classes", None)
    name = type(dataset).__name__
    if known is None:
        raise bad_value("labels", method, f"needs labels, which {name} has not", ["none"])
    if stated is not None and stated != known:
        raise bad_value("labels.classes", stated, f"{name} has {known} classes", [str(known), "null"])
    return known


def check_range(dataset: Dataset, classes: int) -> None:
    """A label beyond the classes would stand for none of them: its code is all zeros, and nobody would notice.

    Raises:
        UserError: there is one among the first ``LOOKED_AT``.
    """
    y = dataset.batch(0, "labels/check", 0, min(LOOKED_AT, dataset.num_data), "cpu", torch.float32)["y"]
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes:
        worst = int(y.max()) if int(y.max()) >= classes else int(y.min())
        name = type(dataset).__name__
        raise UserError(
            f"{name} has {classes} classes (num_classes), which are 0 to {classes - 1}, and a label {worst}"
        )
