"""The interface of a data set, and the base class of endless ones."""

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor

from steadygan.core.draws import generator
from steadygan.data.settings import whole_number

Batch = dict[str, Tensor]
"""``x [B, *shape]``; where there are classes or components, ``y [B]`` int64; of finite data ``index [B]``, the rows."""


class Dataset(Protocol):
    """Interface of the object that a config's ``dataset`` builds; a user's class needs nothing else.

    Attributes:
        shape: of one example: ``(2,)``, ``(1, 28, 28)``; images lie in [-1, 1].
        num_data: the number of examples trained on; for endless data a stated number, what a Bayesian critic counts
            the data as.
        num_classes: classes or mixture components that ``y`` counts; None where there is no ``y``.
    """

    shape: tuple[int, ...]
    num_data: int
    num_classes: int | None

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """Batch number ``index`` of a stream: a pure function of its arguments, whatever was asked for before."""
        ...


class Endless(ABC):
    """Data drawn from a distribution: every batch is fresh. A subclass says ``shape`` and ``sample``."""

    shape: tuple[int, ...]
    num_classes: int | None = None

    def __init__(self, num_data: int) -> None:
        self.num_data = whole_number("num_data", num_data)

    @abstractmethod
    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor | None]:
        """``x [n, *shape]`` on the generator's device and ``y [n]`` int64, or None where there are no components."""

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """See ``Dataset.batch``; drawn on the device."""
        x, y = self.sample(batch_size, generator(seed, stream, index, device), dtype)
        return {"x": x} if y is None else {"x": x, "y": y}
