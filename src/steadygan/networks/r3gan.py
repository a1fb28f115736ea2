"""The residual networks of R3GAN: grouped convolutions, no normalisation.

From the authors' code. Blocks are inverted bottlenecks: 1 x 1 to ``expansion`` times the filters, 3 x 3 in groups of
``group`` filters, 1 x 1 back, each of the first two with a bias and a leaky ReLU behind. As in Fixup
branches start at 0, and their inner layers with a gain of L^(-1/4) for L blocks in all. The image's size changes
between blocks by bilinear resampling, behind or before a 1 x 1 convolution where the number of filters changes. There
are ``width`` filters up to 32 x 32, and half as many with each doubling from there. The generator's output is linear.

Reference: Huang et al. (2024), configuration E, arXiv:2501.05441; Zhang et al. (2019), arXiv:1901.09321.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from steadygan.common.errors import bad_value
from steadygan.networks.base import Critic
from steadygan.networks.checks import SIZES, Shape, side, whole_number
from steadygan.networks.layers.activations import LeakyReLU
from steadygan.networks.layers.initial import he
from steadygan.networks.layers.resampling import BASE, BilinearDown, BilinearUp

GAIN = math.sqrt(2 / (1 + 0.2**2))
"""Of a leaky ReLU with slope 0.2."""
FULL = 32
"""Pixels a side up to which there are all the filters."""


def filters(shape: Shape, width: int, expansion: int, group: int) -> list[int]:
    """Return the numbers of filters, 4 x 4 first."""
    size = side(shape, "r3gan")
    for key, value in (("width", width), ("expansion", expansion), ("group", group)):
        whole_number(f"network.{key}", value)
    sizes = [width * FULL // max(FULL, pixels) for pixels in (BASE, *SIZES) if pixels <= size]
    if width * FULL % max(FULL, size) or sizes[-1] * expansion % group:
        step = max(1, size // FULL) * group // math.gcd(group, expansion)
        raise bad_value("network.width", width, f"must be a multiple of {step} for images of {size} x {size}")
    return sizes


class Biased(nn.Module):
    """A bias a channel, and the leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.activation = LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.bias[:, None, None])


class Block(nn.Module):
    """``[B, m, H, W] -> [B, m, H, W]``; ``blocks`` are those of the whole network."""

    def __init__(self, m: int, expansion: int, group: int, blocks: int) -> None:
        super().__init__()
        wide, gain = m * expansion, GAIN * blocks**-0.25
        self.branch = nn.Sequential(
            *[he(nn.Conv2d(m, wide, 1, bias=False), gain), Biased(wide)],
            *[he(nn.Conv2d(wide, wide, 3, 1, 1, groups=wide // group, bias=False), gain), Biased(wide)],
            he(nn.Conv2d(wide, m, 1, bias=False), 0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def _change(m: int, n: int) -> list[nn.Module]:
    return [] if m == n else [he(nn.Conv2d(m, n, 1, bias=False))]


class Generator(nn.Module):
    """``z [B, latent] -> x [B, C, S, S]``, not bounded, S a power of two from 8 to 256."""

    def __init__(
        self, shape: Shape, latent: int = 64, width: int = 768, blocks: int = 2, expansion: int = 2, group: int = 16
    ) -> None:
        super().__init__()
        sizes = filters(shape, width, expansion, group)
        total = whole_number("network.blocks", blocks) * len(sizes)
        self.latent = whole_number("network.latent", latent)
        self.basis = nn.Parameter(torch.randn(sizes[0], BASE, BASE))
        self.project = he(nn.Linear(latent, sizes[0], bias=False))
        layers = [Block(sizes[0], expansion, group, total) for _ in range(blocks)]
        for m, n in pairwise(sizes):
            layers += [*_change(m, n), BilinearUp(), *(Block(n, expansion, group, total) for _ in range(blocks))]
        self.layers = nn.Sequential(*layers, he(nn.Conv2d(sizes[-1], shape[0], 1, bias=False)))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.project(z)[:, :, None, None] * self.basis)


class Discriminator(Critic):
    """See ``Critic``; the arguments are those of ``Generator``."""

    def __init__(
        self, shape: Shape, width: int = 768, blocks: int = 2, expansion: int = 2, group: int = 16, outputs: int = 1
    ) -> None:
        super().__init__()
        sizes = filters(shape, width, expansion, group)[::-1]
        total = whole_number("network.blocks", blocks) * len(sizes)
        layers = [he(nn.Conv2d(shape[0], sizes[0], 1, bias=False))]
        for m, n in pairwise(sizes):
            layers += [*(Block(m, expansion, group, total) for _ in range(blocks)), BilinearDown(), *_change(m, n)]
        layers += [Block(sizes[-1], expansion, group, total) for _ in range(blocks)]
        basis = he(nn.Conv2d(sizes[-1], sizes[-1], BASE, groups=sizes[-1], bias=False))
        self.layers = nn.Sequential(*layers, basis)
        he(self.end(nn.Linear, sizes[-1], outputs, bias=False))
