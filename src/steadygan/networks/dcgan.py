"""DCGAN: stride-2 convolutions from 4 x 4 to the image and back.

At the largest resolution there are ``width`` filters; each halving doubles them, up to ``8 width``. Weights start
from N(0, 0.02^2) unless told otherwise, biases at 0. As in the paper, the generator's output and the discriminator's
input layer have no normalisation. The paper has batch normalisation in both players; here the discriminator has none
unless asked, since a penalty on the gradient of each sample makes no sense where samples see each other.

Reference: Radford et al. (2016), arXiv:1511.06434.
"""

from itertools import pairwise

from torch import Tensor, nn

from steadygan.networks.base import Critic, ImageGenerator
from steadygan.networks.checks import SIZES, Shape, choice, side, whole_number
from steadygan.networks.layers.activations import ACTIVATIONS
from steadygan.networks.layers.initial import STARTS, begin
from steadygan.networks.layers.norms import NORMS, Chain, generator_norm, layers_of
from steadygan.networks.layers.resampling import BASE
from steadygan.networks.layers.spectral import kinds


def filters(shape: Shape, width: int) -> list[int]:
    """Return the numbers of filters, the largest resolution (half the image's) first, 4 x 4 last."""
    doublings = SIZES.index(side(shape, "dcgan")) + 1
    whole_number("network.width", width)
    return [width * 2 ** min(level, 3) for level in range(doublings)]


class Generator(ImageGenerator):
    """See ``ImageGenerator``; the norm stands after every layer but the last."""

    def __init__(
        self,
        shape: Shape,
        latent: int = 100,
        width: int = 64,
        norm: str = "batch",
        activation: str = "relu",
        constant: bool = False,
        start: str = "normal",
        classes: int | None = None,
    ) -> None:
        super().__init__()
        sizes = filters(shape, width)[::-1]
        sizes = [width] * len(sizes) if constant else sizes
        normalise = generator_norm(norm, classes)
        act, planes = choice("network.generator_activation", activation, ACTIVATIONS)
        self.latent = whole_number("network.latent", latent)
        self.project = nn.Linear(latent, planes * sizes[0] * BASE * BASE, bias=norm == "none")
        layers = [*layers_of(normalise, planes * sizes[0]), act()]
        for m, n in pairwise(sizes):
            up = nn.ConvTranspose2d(m, planes * n, 4, 2, 1, bias=norm == "none")
            layers += [up, *layers_of(normalise, planes * n), act()]
        self.layers = Chain(*layers, nn.ConvTranspose2d(sizes[-1], shape[0], 4, 2, 1), nn.Tanh())
        begin(self, choice("network.generator_start", start, STARTS))

    def output(self, x: Tensor) -> Tensor:
        return x


class Discriminator(Critic):
    """See ``Critic``; the norm stands after every layer but the first and the last."""

    def __init__(
        self,
        shape: Shape,
        width: int = 64,
        norm: str = "none",
        spectral_norm: bool = False,
        activation: str = "leaky_relu",
        start: str = "normal",
        outputs: int = 1,
    ) -> None:
        super().__init__()
        sizes = filters(shape, width)
        normalise = choice("network.discriminator_norm", norm, NORMS)
        act, planes = choice("network.discriminator_activation", activation, ACTIVATIONS)
        convolution, linear = kinds(spectral_norm)
        layers = [convolution(shape[0], planes * sizes[0], 4, 2, 1), act()]
        for m, n in pairwise(sizes):
            down = convolution(m, planes * n, 4, 2, 1, bias=norm == "none")
            layers += [down, *layers_of(normalise, planes * n), act()]
        self.layers = nn.Sequential(*layers)
        self.end(linear, sizes[-1] * BASE * BASE, outputs)
        begin(self, choice("network.discriminator_start", start, STARTS))
