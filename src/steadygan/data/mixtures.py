"""Mixtures of equal isotropic Gaussians: multimodal data to see mode collapse on.

Reference: Ramakers et al. (undated), figure 1.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.declare import count, declare, positive
from steadygan.data.base import Endless
from steadygan.data.device_cache import DeviceCache
from steadygan.data.settings import number, whole_number


@declare(sigma=positive, num_data=count)
class Mixture(Endless):
    """1/K sum_k N(center_k, sigma^2 I), with the component as label.

    Attributes:
        centers: ``[K, d]`` float64, in the order of the labels.
        sigma: standard deviation of every component in every direction.
    """

    def __init__(self, centers: Tensor | Sequence[Sequence[float]], sigma: float, num_data: int = 10_000) -> None:
        super().__init__(num_data)
        self.centers = torch.as_tensor(centers, dtype=torch.float64)
        if self.centers.dim() != 2 or self.centers.numel() == 0:
            raise bad_value("dataset.centers", centers, "must be a list of points, each a list of coordinates")
        self.sigma = number("sigma", sigma, positive)
        self.num_classes = len(self.centers)
        self.shape = tuple(self.centers.shape[1:])
        self._centers = DeviceCache(self.centers)

    def sample(self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Return ``x [n, d]`` and its components ``y [n]``."""
        device = generator.device
        y = torch.randint(len(self.centers), (n,), generator=generator, device=device)
        normal = torch.randn((n, *self.shape), generator=generator, dtype=dtype, device=device)
        return self._centers.on(device, dtype).index_select(0, y) + self.sigma * normal, y

    def log_density(self, x: Tensor) -> Tensor:
        """Return ``[n]`` of ``x [n, d]``, in nats and in the dtype of ``x``."""
        centers = self._centers.on(x.device, x.dtype)
        exponents = -0.5 * ((x[:, None] - centers) / self.sigma).square().sum(-1)
        normaliser = self.shape[0] * (math.log(self.sigma) + 0.5 * math.log(2 * math.pi)) + math.log(len(self.centers))
        return exponents.logsumexp(-1) - normaliser


def evenly(modes: int, spacing: float) -> Tensor:
    """Return ``[modes]`` float64 positions on a line, ``spacing`` apart, around 0."""
    return (torch.arange(modes, dtype=torch.float64) - (modes - 1) / 2) * spacing


@declare(modes=count, spacing=positive, sigma=positive, num_data=count)
class Mixture1d(Mixture):
    """``modes`` Gaussians on the real line, ``spacing`` apart, around 0; the defaults are one row of ``Grid``."""

    def __init__(self, modes: int = 5, spacing: float = 2.0, sigma: float = 0.05, num_data: int = 10_000) -> None:
        positions = evenly(whole_number("modes", modes), number("spacing", spacing, positive))
        super().__init__(positions[:, None], sigma, num_data)


@declare(modes=count, radius=positive, sigma=positive, num_data=count)
class Ring(Mixture):
    """``modes`` Gaussians evenly on a circle, the first at angle 0.

    The defaults are those of unrolled GAN. VEEGAN and PacGAN take radius 1 and sigma 0.01, the same picture at half
    the scale.

    Reference: Metz et al. (2017), section 3.1, arXiv:1611.02163.
    """

    def __init__(self, modes: int = 8, radius: float = 2.0, sigma: float = 0.02, num_data: int = 10_000) -> None:
        modes = whole_number("modes", modes)
        angles = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
        centers = number("radius", radius, positive) * torch.stack([angles.cos(), angles.sin()], dim=1)
        super().__init__(centers, sigma, num_data)


@declare(side=count, spacing=positive, sigma=positive, num_data=count)
class Grid(Mixture):
    """``side`` x ``side`` Gaussians on a square lattice around 0; the defaults are the grid of VEEGAN and PacGAN.

    Reference: Srivastava et al. (2017), arXiv:1705.07761; Lin et al. (2018), arXiv:1712.04086.
    """

    def __init__(self, side: int = 5, spacing: float = 2.0, sigma: float = 0.05, num_data: int = 10_000) -> None:
        positions = evenly(whole_number("side", side), number("spacing", spacing, positive))
        super().__init__(torch.cartesian_prod(positions, positions), sigma, num_data)
