"""Multilayer perceptrons for vectors and small images."""

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from steadygan.networks.base import Linear, logits
from steadygan.networks.checks import Shape, choice, whole_number
from steadygan.networks.layers.spectral import kinds

Activation = Callable[[Tensor], Tensor]


def leaky_relu(x: Tensor) -> Tensor:
    """Return ``max(x, 0.2 x)``, the slope of DCGAN (Radford et al. 2016)."""
    return F.leaky_relu(x, 0.2)


ACTIVATIONS: dict[str, Activation] = {
    "relu": F.relu,
    "leaky_relu": leaky_relu,
    "tanh": torch.tanh,
    "silu": F.silu,
    "softplus": F.softplus,
}


class _Chain(nn.Module):
    """Linear layers with an activation between each two: ``[B, inputs] -> [B, outputs]``."""

    def __init__(
        self, inputs: int, outputs: int, width: int, depth: int, activation: str, layer: Linear = nn.Linear
    ) -> None:
        super().__init__()
        whole_number("network.width", width)
        whole_number("network.depth", depth)
        sizes = [inputs, *[width] * (depth - 1), outputs]
        self.layers = nn.ModuleList(layer(m, n) for m, n in pairwise(sizes))
        self.activation = choice("network.activation", activation, ACTIVATIONS)

    def hidden(self, x: Tensor) -> Tensor:
        *hidden, _ = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return x

    def chain(self, x: Tensor) -> Tensor:
        return self.layers[-1](self.hidden(x))


class Generator(_Chain):
    """``z [B, latent] -> x [B, *shape]``: linear in the end for vectors, tanh for images."""

    def __init__(
        self, shape: Shape, latent: int = 16, width: int = 128, depth: int = 4, activation: str = "relu"
    ) -> None:
        super().__init__(whole_number("network.latent", latent), prod(shape), width, depth, activation)
        self.shape, self.latent = tuple(shape), latent

    def forward(self, z: Tensor) -> Tensor:
        x = self.chain(z)
        return x if len(self.shape) == 1 else torch.tanh(x).unflatten(1, self.shape)


class Discriminator(_Chain):
    """``x [B, *shape] -> logits [B]``, or ``[B, outputs]`` of more than one."""

    flat: ClassVar[bool] = True
    """An image is a vector to it: whatever else it is given comes beside that vector."""

    def __init__(
        self,
        shape: Shape,
        width: int = 128,
        depth: int = 4,
        activation: str = "relu",
        spectral_norm: bool = False,
        outputs: int = 1,
    ) -> None:
        _, linear = kinds(spectral_norm)
        super().__init__(prod(shape), outputs, width, depth, activation, linear)
        self.linear, self.num_features = linear, self.layers[-1].in_features

    def features(self, x: Tensor) -> Tensor:
        """Return ``[B, num_features]``: what the last layer sees."""
        return self.hidden(x.flatten(1))

    def head(self, features: Tensor) -> Tensor:
        """Return the last layer, ``[B, num_features] -> [B, outputs]``."""
        return self.layers[-1](features)

    def forward(self, x: Tensor) -> Tensor:
        return logits(self.head(self.features(x)))
