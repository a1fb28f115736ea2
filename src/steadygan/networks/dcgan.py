"""DCGAN: stride-2 convolutions from 4 x 4 to the image and back.

At the largest resolution there are ``width`` filters; each halving doubles them, up to ``8 width``. Weights start
from N(0, 0.02^2) unless told otherwise, biases at 0. As in the paper, the generator's output and the discriminator's
input layer have no normalisation. The paper has batch normalisation in both players; here the discriminator has none
unless asked, since a penalty on the gradient of each sample makes no sense where samples see each other.

Reference: Radford et al. (2016), arXiv:1511.06434.
"""

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from steadygan.networks.activations import ACTIVATIONS
from steadygan.networks.checks import SIZES, choice, side, whole_number
from steadygan.networks.class_norm import Chain, generator_norm, layers_of
from steadygan.networks.critic import Critic
from steadygan.networks.initial import STARTS, begin
from steadygan.networks.norms import NORMS
from steadygan.networks.resampling import BASE, square
from steadygan.networks.spectral import kinds


def filters(shape: tuple[int, ...], width: int) -> list[int]:
    """Numbers of filters, the largest resolution (half the image's) first, 4 x 4 last.

    Raises:
        UserError: ``shape`` is not ``(C, S, S)`` with S one of ``SIZES``, or ``width`` is not a whole number.
    """
    doublings = SIZES.index(side(shape, "dcgan")) + 1
    whole_number("network.width", width)
    return [width * 2 ** min(level, 3) for level in range(doublings)]


class Generator(nn.Module):
    """``z [B, latent] -> x [B, C, S, S]`` in [-1, 1], S a power of two from 8 to 256.

    Args:
        shape: ``(C, S, S)``.
        latent: dimension of z.
        width: filters at the largest resolution.
        norm: one of ``NORMS``, after every layer but the last.
        activation: one of ``ACTIVATIONS``, after each of these.
        constant: ``width`` filters at every resolution (Arjovsky et al. 2017, figure 6).
        start: one of ``STARTS``.
        classes: the norm has a scale and a shift for each; ``forward`` then takes one-hot codes as well.

    Raises:
        UserError: a shape or size that cannot be, or an unknown norm, activation or start.
    """

    told: ClassVar[bool] = True

    def __init__(
        self,
        shape: tuple[int, ...],
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

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        return self.layers(square(self.project(z)), code)


class Discriminator(Critic):
    """``x [B, C, S, S] -> logits [B]``, or ``[B, outputs]`` of more than one; S a power of two from 8 to 256.

    Args:
        shape: ``(C, S, S)``.
        width: filters at the largest resolution.
        norm: one of ``NORMS``, after every layer but the first and the last.
        spectral_norm: divide every layer's weight by its largest singular value (Miyato et al. 2018).
        activation: one of ``ACTIVATIONS``, after every layer but the last.
        start: one of ``STARTS``.
        outputs: logits of each example.

    Raises:
        UserError: a shape or size that cannot be, or an unknown norm, activation or start.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
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

    def features(self, x: Tensor) -> Tensor:
        """Return ``[B, num_features]``: what the last layer sees."""
        return self.layers(x).flatten(1)
