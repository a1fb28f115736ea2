"""Exponential moving average of the generator."""

from dataclasses import dataclass

import torch

from steadygan.core.declare import decay as decay_range
from steadygan.core.declare import declare, nonnegative
from steadygan.core.types import Number, Tensors


@declare(decay=decay_range, rampup=nonnegative)
@dataclass(frozen=True)
class Ema:
    """``average <- beta average + (1 - beta) value`` with ``beta = min(decay, t / (rampup + t))`` after update ``t``.

    With ``rampup=0`` beta is ``decay`` from the first update on. With ``rampup=r`` the average looks back over about
    ``1 / (1 - beta) = 1 + t / r`` updates until ``decay`` takes over, so that early weights are forgotten early.

    Reference: Yazici et al. (2019), arXiv:1806.04498.
    """

    decay: Number = 0.999
    rampup: Number = 0.0

    def beta(self, t: Number) -> torch.Tensor:
        """Return the weight of the average after update ``t`` = 1, 2, ...; float64."""
        ramp = torch.as_tensor(t / (self.rampup + t), dtype=torch.float64)
        return torch.minimum(torch.as_tensor(self.decay, dtype=ramp.dtype, device=ramp.device), ramp)

    def update(self, average: Tensors, value: Tensors, t: Number) -> Tensors:
        """Return the average after one more value; what is not floating point (counters) is taken over."""
        beta = self.beta(t)
        return {
            name: new + beta.to(new.dtype) * (average[name] - new) if new.is_floating_point() else new
            for name, new in value.items()
        }
