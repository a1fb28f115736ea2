"""All discriminators count the same."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.core.declare import signed_as


@signed_as("steadygan.core.votes.Mean")
@dataclass(frozen=True)
class Mean:
    """The arithmetic mean over those that are active (GMAN, section 4.1.1, AM with lambda = 0).

    Reference: Durugkar et al. (2017), section 4.1.1, arXiv:1611.01673.
    """

    noisy: ClassVar[bool] = False

    def __call__(self, losses: Tensor, active: Tensor, u: Tensor | None) -> Tensor:
        """Return a scalar from ``[M]``."""
        return torch.where(active, losses, 0.0).sum() / active.sum()
