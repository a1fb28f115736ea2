"""One discriminator at a time."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.core.declare import signed_as


@signed_as("steadygan.core.votes.Drawn")
@dataclass(frozen=True)
class Drawn:
    """The loss against one of those that are active, drawn afresh for each update, all with the same chance."""

    noisy: ClassVar[bool] = True

    def __call__(self, losses: Tensor, active: Tensor, u: Tensor) -> Tensor:
        """Return a scalar from ``[M]``; ``u`` from U(0, 1)."""
        rank = (u.double() * active.sum()).floor()
        chosen = active & (active.cumsum(0) - 1 == rank)
        return torch.where(chosen, losses, 0.0).sum()
