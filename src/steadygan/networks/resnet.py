"""The residual networks of Mescheder et al. (2018): no normalisation, and branches that count a tenth.

As in the authors' code: leaky ReLU before each convolution, ``x + 0.1 f(x)``, nearest-neighbour upsampling, average
pooling of 3 x 3 pixels. Filters double from ``width`` at the image's resolution with each halving, up to ``max_width``.

Reference: Mescheder et al. (2018), arXiv:1801.04406.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from steadygan.networks.activations import ACTIVATIONS
from steadygan.networks.checks import SIZES, choice, side, whole_number
from steadygan.networks.class_norm import Chain, generator_norm, layers_of
from steadygan.networks.critic import Critic
from steadygan.networks.norms import NORMS, Norm
from steadygan.networks.resampling import BASE, Nearest, square
from steadygan.networks.spectral import kinds

LEAKY, _ = ACTIVATIONS["leaky_relu"]
BRANCH = 0.1
"""What the output of a residual branch counts."""


def filters(shape: tuple[int, ...], width: int, max_width: int) -> list[int]:
    """Numbers of filters, the image's resolution first, 4 x 4 last.

    Raises:
        UserError: an image or a number that cannot be.
    """
    halvings = SIZES.index(side(shape, "resnet")) + 1
    widest = whole_number("network.max_width", max_width)
    return [min(whole_number("network.width", width) * 2**level, widest) for level in range(halvings + 1)]


class Block(nn.Module):
    """``[B, m, H, W] -> [B, n, H, W]``; the branch has as many filters as the narrower end."""

    told: ClassVar[bool] = True

    def __init__(self, m: int, n: int, norm: Norm | None, convolution: type[nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        hidden = min(m, n)
        self.branch = Chain(
            *[*layers_of(norm, m), LEAKY(), convolution(m, hidden, 3, 1, 1)],
            *[*layers_of(norm, hidden), LEAKY(), convolution(hidden, n, 3, 1, 1)],
        )
        self.shortcut = nn.Identity() if m == n else convolution(m, n, 1, bias=False)

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        return self.shortcut(x) + BRANCH * self.branch(x, code)


class Generator(nn.Module):
    """``z [B, latent] -> x [B, C, S, S]`` in [-1, 1], S a power of two from 8 to 256.

    Args:
        shape: ``(C, S, S)``.
        latent: dimension of z.
        width: filters at the image's resolution.
        max_width: filters at most.
        norm: one of ``NORMS``, before every activation; the paper has none.
        classes: the norm has a scale and a shift for each; ``forward`` then takes one-hot codes as well.

    Raises:
        UserError: a shape or size that cannot be, or an unknown norm.
    """

    told: ClassVar[bool] = True

    def __init__(
        self,
        shape: tuple[int, ...],
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
        blocks = [layer for m, n in pairwise(sizes) for layer in (Block(m, n, normalise), Nearest())]
        last = Block(sizes[-1], sizes[-1], normalise)
        self.layers = Chain(
            *[*blocks, last, *layers_of(normalise, sizes[-1]), LEAKY(), nn.Conv2d(sizes[-1], shape[0], 3, 1, 1)]
        )

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        return torch.tanh(self.layers(square(self.project(z)), code))


class Discriminator(Critic):
    """``x [B, C, S, S] -> logits [B]``, or ``[B, outputs]`` of more than one; S a power of two from 8 to 256.

    Args:
        shape: ``(C, S, S)``.
        width: filters at the image's resolution.
        max_width: filters at most.
        norm: one of ``NORMS``, before every activation of the blocks; the paper has none.
        spectral_norm: divide every layer's weight by its largest singular value (Miyato et al. 2018).
        outputs: logits of each example.

    Raises:
        UserError: a shape or size that cannot be, or an unknown norm.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
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
        layers = [convolution(shape[0], sizes[0], 3, 1, 1), Block(sizes[0], sizes[0], normalise, convolution)]
        for m, n in pairwise(sizes):
            layers += [nn.AvgPool2d(3, 2, 1), Block(m, n, normalise, convolution)]
        self.layers = Chain(*layers, LEAKY())
        self.end(linear, sizes[-1] * BASE * BASE, outputs)

    def features(self, x: Tensor) -> Tensor:
        """Return ``[B, num_features]``: what the last layer sees."""
        return self.layers(x).flatten(1)
