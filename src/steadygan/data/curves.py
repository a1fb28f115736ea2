"""Uniform distributions on curves in the plane: data of one dimension less than their space.

Mescheder et al. (2018) name a line, a circle and four lines; sizes and places are ours.

Reference: Mescheder et al. (2018), arXiv:1801.04406.
"""

import math

import torch
from torch import Tensor

from steadygan.core.declare import count, declare, positive
from steadygan.data.base import Endless
from steadygan.data.device_cache import DeviceCache
from steadygan.data.mixtures import evenly
from steadygan.data.settings import number

LINES = 4


def _uniform(n: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    return torch.rand(n, generator=generator, dtype=dtype, device=generator.device)


@declare(length=positive, num_data=count)
class Line(Endless):
    """Uniform on the horizontal segment from (-length/2, 0) to (length/2, 0)."""

    shape = (2,)

    def __init__(self, length: float = 2.0, num_data: int = 10_000) -> None:
        super().__init__(num_data)
        self.length = number("length", length, positive)

    def sample(self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple[Tensor, None]:
        """Return ``x [n, 2]``."""
        along = (_uniform(n, generator, dtype) - 0.5) * self.length
        return torch.stack([along, torch.zeros_like(along)], dim=1), None


@declare(radius=positive, num_data=count)
class Circle(Endless):
    """Uniform on the circle around 0."""

    shape = (2,)

    def __init__(self, radius: float = 1.0, num_data: int = 10_000) -> None:
        super().__init__(num_data)
        self.radius = number("radius", radius, positive)

    def sample(self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple[Tensor, None]:
        """Return ``x [n, 2]``."""
        angle = _uniform(n, generator, dtype) * (2 * math.pi)
        return self.radius * torch.stack([angle.cos(), angle.sin()], dim=1), None


@declare(length=positive, spacing=positive, num_data=count)
class FourLines(Endless):
    """Uniform on four parallel horizontal segments around 0, ``spacing`` apart; the label counts them from below.

    Disjoint supports of low dimension: several modes and no density at once.
    """

    shape = (2,)
    num_classes = LINES

    def __init__(self, length: float = 2.0, spacing: float = 0.5, num_data: int = 10_000) -> None:
        super().__init__(num_data)
        self.length = number("length", length, positive)
        self.spacing = number("spacing", spacing, positive)
        self._heights = DeviceCache(evenly(LINES, self.spacing))

    def sample(self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Return ``x [n, 2]`` and the number of its line, ``y [n]``."""
        y = torch.randint(LINES, (n,), generator=generator, device=generator.device)
        along = (_uniform(n, generator, dtype) - 0.5) * self.length
        height = self._heights.on(generator.device, dtype).index_select(0, y)
        return torch.stack([along, height], dim=1), y

    def component(self, x: Tensor) -> Tensor:
        """Return the line nearest to each of ``x [n, 2]``, ``[n]``."""
        return (x[:, 1, None] - self._heights.on(x.device, x.dtype)).abs().argmin(1)
