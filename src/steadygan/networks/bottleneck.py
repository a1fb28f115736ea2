"""The residual networks of 101 layers with bottlenecks of Gulrajani et al. (2017, figure 2).

From the authors' code for 64 x 64: one layer in, 33 blocks of three convolutions (ReLU before each, half as many
filters inside, a norm behind the last, the branch counting 0.3), one layer out, its output divided by 5 (in the
discriminator its input, so that a projection on classes is as well: the same but for the bias). Blocks are spread over
the resolutions evenly, small ones first; filters double with each halving, up to 16 times. Weights start as Glorot's
uniform ones, by a gain of sqrt(2) in the branches.

Reference: Gulrajani et al. (2017), figure 2, arXiv:1704.00028.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from steadygan.common.errors import bad_value
from steadygan.networks.base import Critic, ImageGenerator
from steadygan.networks.checks import SIZES, Shape, choice, side, whole_number
from steadygan.networks.layers.initial import glorot, scaled
from steadygan.networks.layers.norms import NORMS, Chain, Norm, Residual, generator_norm, layers_of
from steadygan.networks.layers.resampling import BASE
from steadygan.networks.layers.spectral import kinds

BRANCH, OUTPUT = 0.3, 0.2
"""What a branch counts, and what goes through the last layer."""


def plan(shape: Shape, width: int, layers: int) -> list[tuple[int, int]]:
    """Return ``(filters, blocks that keep the size)`` of each resolution, 4 x 4 first."""
    changes = SIZES.index(side(shape, "resnet101")) + 1
    if whole_number("network.width", width) % 2:
        raise bad_value("network.width", width, "must be even: a bottleneck has half as many filters")
    blocks, rest = divmod(whole_number("network.layers", layers) - 2, 3)
    if rest or blocks < changes:
        least = 3 * changes + 2
        raise bad_value("network.layers", layers, f"must be {least}, {least + 3}, {least + 6}, ... for such images")
    each, more = divmod(blocks - changes, changes + 1)
    return [(width * 2 ** min(changes - level, 4), each + (level < more)) for level in range(changes + 1)]


def bottleneck_block(m: int, n: int, change: str, norm: Norm | None, convolution: type[nn.Conv2d]) -> Residual:
    """Return ``[B, m, H, W] -> [B, n, H', W']``: of the same size, half (``change="down"``) or twice (``"up"``)."""
    middle = {
        "keep": lambda: convolution(m // 2, n // 2, 3, 1, 1),
        "down": lambda: convolution(m // 2, n // 2, 3, 2, 1),
        "up": lambda: nn.ConvTranspose2d(m // 2, n // 2, 3, 2, 1, output_padding=1),
    }[change]()
    branch = Chain(
        *[nn.ReLU(), scaled(convolution(m, m // 2, 1)), nn.ReLU(), scaled(middle)],
        *[nn.ReLU(), scaled(convolution(n // 2, n, 1, bias=False)), *layers_of(norm, n)],
    )
    shortcut = {
        "keep": nn.Identity,
        "down": lambda: glorot(convolution(m, n, 1, 2)),
        "up": lambda: nn.Sequential(glorot(convolution(m, 4 * n, 1)), nn.PixelShuffle(2)),
    }[change]()
    return Residual(branch, shortcut, BRANCH)


def _blocks(
    stages: list[tuple[int, int]], change: str, norm: Norm | None, convolution: type[nn.Conv2d]
) -> list[Residual]:
    blocks = [bottleneck_block(stages[0][0], stages[0][0], "keep", norm, convolution) for _ in range(stages[0][1])]
    for (m, _), (n, more) in pairwise(stages):
        blocks.append(bottleneck_block(m, n, change, norm, convolution))
        blocks += [bottleneck_block(n, n, "keep", norm, convolution) for _ in range(more)]
    return blocks


class Generator(ImageGenerator):
    """See ``ImageGenerator``; the norm stands at the end of every branch."""

    def __init__(
        self,
        shape: Shape,
        latent: int = 128,
        width: int = 32,
        layers: int = 101,
        norm: str = "batch",
        classes: int | None = None,
    ) -> None:
        super().__init__()
        stages = plan(shape, width, layers)
        self.latent = whole_number("network.latent", latent)
        self.project = glorot(nn.Linear(latent, stages[0][0] * BASE * BASE))
        blocks = _blocks(stages, "up", generator_norm(norm, classes), nn.Conv2d)
        self.layers = Chain(*blocks, glorot(nn.Conv2d(width, shape[0], 1)))

    def output(self, x: Tensor) -> Tensor:
        return torch.tanh(OUTPUT * x)


class Discriminator(Critic):
    """See ``Critic``; the norm stands at the end of every branch.

    The paper has layer normalisation with a gradient penalty, batch normalisation without.
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 32,
        layers: int = 101,
        norm: str = "layer",
        spectral_norm: bool = False,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        stages = plan(shape, width, layers)[::-1]
        normalise = choice("network.discriminator_norm", norm, NORMS)
        convolution, linear = kinds(spectral_norm)
        first = glorot(convolution(shape[0], width, 1))
        self.layers = Chain(first, *_blocks(stages, "down", normalise, convolution))
        glorot(self.end(linear, stages[-1][0] * BASE * BASE, outputs))

    def features(self, x: Tensor) -> Tensor:
        return OUTPUT * self.layers(x).flatten(1)
