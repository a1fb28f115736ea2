"""One Gaussian: absolutely continuous data, the easy case of Mescheder et al. (2018).

Reference: Mescheder et al. (2018), arXiv:1801.04406.
"""

import math

import torch
from torch import Tensor

from steadygan.core.declare import count, declare, finite, positive
from steadygan.data.base import Endless
from steadygan.data.settings import number, whole_number


@declare(dim=count, mean=finite, std=positive, num_data=count)
class Gaussian(Endless):
    """N(mean, std^2 I) in ``dim`` dimensions; ``mean`` is that of every coordinate."""

    def __init__(self, dim: int = 2, mean: float = 0.0, std: float = 1.0, num_data: int = 10_000) -> None:
        super().__init__(num_data)
        self.shape = (whole_number("dim", dim),)
        self.mean = number("mean", mean)
        self.std = number("std", std, positive)

    def sample(self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple[Tensor, None]:
        """Return ``x [n, dim]``."""
        normal = torch.randn((n, *self.shape), generator=generator, dtype=dtype, device=generator.device)
        return normal * self.std + self.mean, None

    def log_density(self, x: Tensor) -> Tensor:
        """Return ``[n]`` of ``x [n, dim]``, in nats."""
        distance = ((x - self.mean) / self.std).square().sum(-1)
        return -0.5 * distance - self.shape[0] * (math.log(self.std) + 0.5 * math.log(2 * math.pi))
