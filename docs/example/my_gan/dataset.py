"""A data set of one's own: points on a spiral."""

import math

import torch

from steadygan.data.base import Endless


class Spiral(Endless):
    """``x = a (cos 2 pi turns a, sin 2 pi turns a)`` with ``a`` from U(0, 1), and N(0, sigma^2) on it."""

    shape = (2,)

    def __init__(self, turns: float = 2.0, sigma: float = 0.02, num_data: int = 10000):
        super().__init__(num_data)
        self.turns, self.sigma = turns, sigma

    def sample(self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32):
        """``x [n, 2]``, and None in the place of classes; all draws come from ``generator``."""
        draws = {"generator": generator, "dtype": dtype, "device": generator.device}
        a = torch.rand(n, 1, **draws)
        angle = 2 * math.pi * self.turns * a
        return a * torch.cat([angle.cos(), angle.sin()], 1) + self.sigma * torch.randn(n, 2, **draws), None
