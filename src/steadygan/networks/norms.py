"""Normalisation layers that also run under ``torch.func``."""

from collections.abc import Callable
from math import gcd

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) of ``[B, C]`` or ``[B, C, H, W]``, per channel.

    Outputs and running statistics are those of ``torch.nn.BatchNorm2d`` (biased variance in the output, unbiased in
    ``running_var``), but new statistics are assigned, never written in place: ``functional_call`` hands them back in
    the dict it was given. Under ``vmap`` in training mode the buffers must be stacked like the input.

    Args:
        channels: C.
        momentum: weight of the batch in the running statistics.
        eps: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, ...]`` normalised by the batch in training, by the running statistics in evaluation."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            # The kernel updates the copies on its way: reducing x once more for the statistics costs 25 % of a step.
            self.running_mean, self.running_var = mean, var = mean.clone(), var.clone()
        return F.batch_norm(x, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps)


def instance_norm(channels: int) -> nn.GroupNorm:
    """Each channel of each image by itself (Ulyanov et al. 2016), with a learned scale and shift."""
    return nn.GroupNorm(channels, channels)


def group_norm(channels: int) -> nn.GroupNorm:
    """Groups of 16 channels, or of the largest common divisor (Wu & He 2018, table 3)."""
    return nn.GroupNorm(channels // gcd(16, channels), channels)


def layer_norm(channels: int) -> nn.GroupNorm:
    """All of an image at once (Ba et al. 2016), scale and shift per channel, as is usual in WGAN-GP's critics."""
    return nn.GroupNorm(1, channels)


Norm = Callable[[int], nn.Module]

NORMS: dict[str, Norm | None] = {
    "batch": BatchNorm,
    "instance": instance_norm,
    "group": group_norm,
    "layer": layer_norm,
    "none": None,
}
"""What the keys ``generator_norm`` and ``discriminator_norm`` may say: a layer for so many channels, or nothing."""
