"""Networks that grow with the images: a block a resolution, from 4 x 4 up.

At the largest resolution there are ``width`` filters; each halving doubles them, up to ``8 width``. A generator and a
discriminator are mirror images. Both are told the ``stage``, the number of blocks in use less one, and the ``fade`` of
its newest block; without, they are whole. Training a stage is up to ``scheme=progressive``.

Reference: Karras et al. (2018), arXiv:1710.10196.
"""

from itertools import pairwise

from torch import Tensor, nn

from steadygan.core.growing import enlarged, fades, mixed, shrunk
from steadygan.core.types import Number
from steadygan.networks.base import Critic, logits
from steadygan.networks.checks import SIZES as LATER
from steadygan.networks.checks import Shape, side, whole_number
from steadygan.networks.layers.equalized import HE, EqualizedConv2d, EqualizedLinear, MinibatchDeviation, PixelNorm

SIZES = (4, *LATER)


def sizes_of(shape: Shape) -> Shape:
    """Return the resolutions on the way to images of a shape, 4 first."""
    return SIZES[: SIZES.index(side(shape, "progressive", SIZES)) + 1]


def filters(sizes: Shape, width: int) -> list[int]:
    """Return the numbers of filters of each resolution, 4 x 4 first."""
    whole_number("network.width", width)
    return [width * 2 ** min(level, 3) for level in reversed(range(len(sizes)))]


def _layer(inputs: int, outputs: int, kernel: int = 3) -> list[nn.Module]:
    return [EqualizedConv2d(inputs, outputs, kernel), nn.LeakyReLU(0.2)]


class First(nn.Module):
    """``z [B, d] -> [B, channels, 4, 4]``."""

    def __init__(self, latent: int, channels: int) -> None:
        super().__init__()
        self.project = EqualizedLinear(latent, channels * 16, gain=HE / 4)
        self.layers = nn.Sequential(nn.LeakyReLU(0.2), PixelNorm(), *_layer(channels, channels), PixelNorm())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.project(z).unflatten(1, (-1, 4, 4)))


class Generator(nn.Module):
    """``z [B, latent] -> x [B, C, s, s]``, s the size of a stage; the output is linear, as in the paper."""

    def __init__(self, shape: Shape, latent: int = 128, width: int = 16) -> None:
        super().__init__()
        self.sizes = sizes_of(shape)
        self.latent = whole_number("network.latent", latent)
        channels = filters(self.sizes, width)
        later = [
            nn.Sequential(nn.Upsample(scale_factor=2), *_layer(m, n), PixelNorm(), *_layer(n, n), PixelNorm())
            for m, n in pairwise(channels)
        ]
        self.blocks = nn.ModuleList([First(latent, channels[0]), *later])
        self.to_image = nn.ModuleList([EqualizedConv2d(n, shape[0], 1, gain=1.0) for n in channels])
        self.normalise = PixelNorm()

    def forward(self, z: Tensor, stage: int | None = None, fade: Number = 1.0) -> Tensor:
        """Images of the stage's size; at a fade of 0 those of the stage before it, enlarged."""
        stage = len(self.sizes) - 1 if stage is None else stage
        before, x = None, self.normalise(z)
        for block in self.blocks[: stage + 1]:
            before, x = x, block(x)
        image = self.to_image[stage](x)
        if stage == 0 or not fades(fade):
            return image
        return mixed(enlarged(self.to_image[stage - 1](before), self.sizes[stage]), image, fade)


class Discriminator(Critic):
    """See ``Critic``; S a power of two from 4 to 256, and x of a stage's size or a multiple of it."""

    def __init__(self, shape: Shape, width: int = 16, minibatch_deviation: bool = False, outputs: int = 1) -> None:
        super().__init__()
        self.sizes = sizes_of(shape)
        channels = filters(self.sizes, width)
        later = [nn.Sequential(*_layer(n, n), *_layer(n, m), nn.AvgPool2d(2)) for m, n in pairwise(channels)]
        self.blocks = nn.ModuleList([self._last(channels[0], minibatch_deviation), *later])
        self.from_image = nn.ModuleList([nn.Sequential(*_layer(shape[0], n, kernel=1)) for n in channels])
        self.end(EqualizedLinear, channels[0], outputs)

    @staticmethod
    def _last(channels: int, deviation: bool) -> nn.Sequential:
        """Return the block at 4 x 4, to a vector."""
        extra = [MinibatchDeviation()] if deviation else []
        to_vector = [nn.Flatten(), EqualizedLinear(channels * 16, channels, gain=HE), nn.LeakyReLU(0.2)]
        return nn.Sequential(*extra, *_layer(channels + len(extra), channels), *to_vector)

    def features(self, x: Tensor, stage: int | None = None, fade: Number = 1.0) -> Tensor:
        """Return ``[B, num_features]``: what the last layer sees; at a fade of 0 what it saw in the stage before."""
        stage = len(self.sizes) - 1 if stage is None else stage
        x = shrunk(x, self.sizes[stage])
        hidden = self.blocks[stage](self.from_image[stage](x))
        if stage == 0:
            return hidden
        if fades(fade):
            hidden = mixed(self.from_image[stage - 1](shrunk(x, self.sizes[stage - 1])), hidden, fade)
        for block in reversed(range(stage)):
            hidden = self.blocks[block](hidden)
        return hidden

    def forward(self, x: Tensor, stage: int | None = None, fade: Number = 1.0) -> Tensor:
        return logits(self.head(self.features(x, stage, fade)))
