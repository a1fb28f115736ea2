"""A generator that is a Gaussian on the line."""

import torch
from torch import Tensor, nn


class Fixed(nn.Module):
    """``z [B, 1] -> mean + std z``; its mean is a parameter, so that it has a gradient.

    Args:
        shape: of one example, ``(1,)``.
        mean: where it begins.
        std: its standard deviation.
    """

    latent = 1
    std: Tensor

    def __init__(self, shape: tuple[int, ...], mean: float, std: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.full(shape, float(mean)))
        self.register_buffer("std", torch.full(shape, float(std)))

    def forward(self, z: Tensor) -> Tensor:
        """Return ``[B, 1]``."""
        return self.mean + self.std * z
