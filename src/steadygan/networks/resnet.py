"""The residual networks of Mescheder et al. (2018): no normalisation, and branches that count a tenth.

As in the authors' code: leaky ReLU before each convolution, ``x + 0.1 f(x)``, nearest-neighbour upsampling, average
pooling of 3 x 3 pixels. Filters double from ``width`` at the image's resolution with each halving, up to ``max_width``.

Reference: Mescheder et al. (2018), arXiv:1801.04406.
"""

from itertools import pairwise

from torch import nn

from steadygan.networks.base import Critic, ImageGenerator
from steadygan.networks.checks import SIZES, Shape, choice, side, whole_number
from steadygan.networks.layers.activations import LeakyReLU
from steadygan.networks.layers.norms import NORMS, Chain, Norm, Residual, generator_norm, layers_of
from steadygan.networks.layers.resampling import BASE, Nearest
from steadygan.networks.layers.spectral import kinds

BRANCH = 0.1
"""What the output of a residual branch counts."""


def filters(shape: Shape, width: int, max_width: int) -> list[int]:
    """Return the numbers of filters, the image's resolution first, 4 x 4 last."""
    halvings = SIZES.index(side(shape, "resnet")) + 1
    widest = whole_number("network.max_width", max_width)
    return [min(whole_number("network.width", width) * 2**level, widest) for level in range(halvings + 1)]


def block(m: int, n: int, norm: Norm | None, convolution: type[nn.Conv2d] = nn.Conv2d) -> Residual:
    """Return ``[B, m, H, W] -> [B, n, H, W]``; the branch has as many filters as the narrower end."""
    hidden = min(m, n)
    branch = Chain(
        *[*layers_of(norm, m), LeakyReLU(), convolution(m, hidden, 3, 1, 1)],
        *[*layers_of(norm, hidden), LeakyReLU(), convolution(hidden, n, 3, 1, 1)],
    )
    return Residual(branch, nn.Identity() if m == n else convolution(m, n, 1, bias=False), BRANCH)


class Generator(ImageGenerator):
    """See ``ImageGenerator``; the norm stands before every activation, and the paper has none."""

    def __init__(
        self,
        shape: Shape,
        latent: int = 256,
        width: int = 64,
        max_width: int = 1024,
        norm: str = "none",
        classes: int | None = None,
    ) -> None:
        super().__init__()
        sizes = filters(shape, width, max_width)[::-1]
        normalise = generator_norm(norm, classes)
        self.latent = whole_number("network.latent", latent)
        self.project = nn.Linear(latent, sizes[0] * BASE * BASE)
        blocks = [layer for m, n in pairwise(sizes) for layer in (block(m, n, normalise), Nearest())]
        last = block(sizes[-1], sizes[-1], normalise)
        self.layers = Chain(
            *[*blocks, last, *layers_of(normalise, sizes[-1]), LeakyReLU(), nn.Conv2d(sizes[-1], shape[0], 3, 1, 1)]
        )


class Discriminator(Critic):
    """See ``Critic``; the norm stands before every activation of the blocks, and the paper has none."""

    def __init__(
        self,
        shape: Shape,
        width: int = 64,
        max_width: int = 1024,
        norm: str = "none",
        spectral_norm: bool = False,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        sizes = filters(shape, width, max_width)
        normalise = choice("network.discriminator_norm", norm, NORMS)
        convolution, linear = kinds(spectral_norm)
        layers = [convolution(shape[0], sizes[0], 3, 1, 1), block(sizes[0], sizes[0], normalise, convolution)]
        for m, n in pairwise(sizes):
            layers += [nn.AvgPool2d(3, 2, 1), block(m, n, normalise, convolution)]
        self.layers = Chain(*layers, LeakyReLU())
        self.end(linear, sizes[-1] * BASE * BASE, outputs)
