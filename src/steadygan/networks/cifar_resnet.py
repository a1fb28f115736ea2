"""The residual networks for CIFAR-10 of Gulrajani et al. (2017, appendix F) and Miyato et al. (2018, table 4).

They are the same but for what is normalised, the generator's filters and the pooling. All resolutions have as many
filters; weights start as Glorot's uniform ones, by a gain of sqrt(2) in the branches. The published networks are for
32 x 32; here other sizes have more or fewer blocks that double or halve.

Reference: Gulrajani et al. (2017), appendix F, arXiv:1704.00028; Miyato et al. (2018), table 4, arXiv:1802.05957.
"""

from functools import partial

from torch import Tensor, nn

from steadygan.networks.base import Critic, ImageGenerator
from steadygan.networks.checks import SIZES, Shape, choice, side, whole_number
from steadygan.networks.layers.initial import glorot, scaled
from steadygan.networks.layers.norms import NORMS, Chain, Residual, generator_norm, layers_of
from steadygan.networks.layers.resampling import BASE, Nearest
from steadygan.networks.layers.spectral import kinds

POOLS = {"mean": lambda x: x.mean((2, 3)), "sum": lambda x: x.sum((2, 3))}
"""How a discriminator's features come from its last image."""


class Generator(ImageGenerator):
    """See ``ImageGenerator``; ``width`` is the number of filters, and the norm stands before every activation."""

    def __init__(
        self, shape: Shape, latent: int = 128, width: int = 128, norm: str = "batch", classes: int | None = None
    ) -> None:
        super().__init__()
        doublings = SIZES.index(side(shape, "sngan or wgan_gp_resnet")) + 1
        normalise = partial(layers_of, generator_norm(norm, classes))
        w = whole_number("network.width", width)
        self.latent = whole_number("network.latent", latent)
        self.project = glorot(nn.Linear(latent, w * BASE * BASE))

        def up() -> Residual:
            first = [*normalise(w), nn.ReLU(), Nearest(), scaled(nn.Conv2d(w, w, 3, 1, 1))]
            second = [*normalise(w), nn.ReLU(), scaled(nn.Conv2d(w, w, 3, 1, 1))]
            # A 1 x 1 convolution after Nearest, as published, is the same before it, at a quarter of the cost.
            return Residual(Chain(*first, *second), nn.Sequential(glorot(nn.Conv2d(w, w, 1)), Nearest()))

        blocks = [up() for _ in range(doublings)]
        self.layers = Chain(*blocks, *normalise(w), nn.ReLU(), glorot(nn.Conv2d(w, shape[0], 3, 1, 1)))


class Discriminator(Critic):
    """See ``Critic``; the norm stands before every activation of the blocks but the first, which has none.

    Two blocks at least halve the image, down to 8 x 8 where it is larger than 32 x 32; two more leave its size.
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 128,
        norm: str = "none",
        spectral_norm: bool = False,
        pool: str = "mean",
        outputs: int = 1,
    ) -> None:
        super().__init__()
        halvings = max(2, SIZES.index(side(shape, "sngan or wgan_gp_resnet")))
        normalise = partial(layers_of, choice("network.discriminator_norm", norm, NORMS))
        self.pool = choice("network.pool", pool, POOLS)
        convolution, linear = kinds(spectral_norm)
        w = whole_number("network.discriminator_width", width)

        def block(halve: bool) -> Residual:
            first = [*normalise(w), nn.ReLU(), scaled(convolution(w, w, 3, 1, 1))]
            second = [*normalise(w), nn.ReLU(), scaled(convolution(w, w, 3, 1, 1))]
            if not halve:
                return Residual(Chain(*first, *second), nn.Identity())
            shortcut = nn.Sequential(nn.AvgPool2d(2), glorot(convolution(w, w, 1)))
            return Residual(Chain(*first, *second, nn.AvgPool2d(2)), shortcut)

        c = shape[0]
        top = [scaled(convolution(c, w, 3, 1, 1)), nn.ReLU(), scaled(convolution(w, w, 3, 1, 1)), nn.AvgPool2d(2)]
        self.layers = Chain(
            Residual(Chain(*top), nn.Sequential(nn.AvgPool2d(2), glorot(convolution(c, w, 1)))),
            *[block(True) for _ in range(halvings - 1)],
            *[block(False) for _ in range(2)],
            nn.ReLU(),
        )
        glorot(self.end(linear, w, outputs))

    def features(self, x: Tensor) -> Tensor:
        return self.pool(self.layers(x))
