"""Activations as layers, and how many channels each wants for one that it gives."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn


class Gated(nn.Module):
    """``sigmoid(a) * tanh(b)`` of the halves a and b of the channels: the gate of PixelCNN, in a GAN.

    Reference: van den Oord et al. (2016), arXiv:1606.05328; Gulrajani et al. (2017), figure 2, arXiv:1704.00028.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, 2 C, ...] -> [B, C, ...]``."""
        gate, value = x.chunk(2, 1)
        return torch.sigmoid(gate) * torch.tanh(value)


LeakyReLU = partial(nn.LeakyReLU, 0.2)
"""The slope of DCGAN (Radford et al. 2016)."""

ACTIVATIONS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "relu": (nn.ReLU, 1),
    "leaky_relu": (LeakyReLU, 1),
    "tanh": (nn.Tanh, 1),
    "silu": (nn.SiLU, 1),
    "softplus": (nn.Softplus, 1),
    "gated": (Gated, 2),
}
"""A layer, and the channels it wants for each that it gives."""
