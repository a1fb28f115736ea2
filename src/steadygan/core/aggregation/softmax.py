"""The harder, or the easier, a discriminator is to fool, the more it counts."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.core.declare import declare, finite, signed_as
from steadygan.core.scalars import scalar
from steadygan.core.types import Number


@signed_as("steadygan.core.votes.Softmax")
@declare(sharpness=finite)
@dataclass(frozen=True)
class Softmax:
    """``sum_i w_i L_i``, ``w = softmax(sharpness L)`` over those that are active (GMAN, section 4.1.1, AM).

    The weights are part of what the generator minimises, as in the paper.

    Attributes:
        sharpness: the paper's lambda: 0 is the mean, large ones leave the hardest discriminator, negative ones
            (a softmin) prefer the easiest.

    Reference: Durugkar et al. (2017), section 4.1.1, arXiv:1611.01673.
    """

    noisy: ClassVar[bool] = False

    sharpness: Number = 1.0

    def __call__(self, losses: Tensor, active: Tensor, u: Tensor | None) -> Tensor:
        """Return a scalar from ``[M]``."""
        weights = torch.softmax(torch.where(active, scalar(self.sharpness, losses) * losses, -torch.inf), 0)
        return (weights * torch.where(active, losses, 0.0)).sum()
