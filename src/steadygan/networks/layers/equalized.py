"""Layers of progressively grown networks.

Reference: Karras et al. (2018), section 4 and appendix A, arXiv:1710.10196.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HE = math.sqrt(2)
"""He's gain, of layers with a rectifier behind them."""

GROUP = 4
"""Images that share a standard deviation, as in the paper's own code."""


class EqualizedLinear(nn.Linear):
    """``nn.Linear`` with weights from N(0, 1), scaled by ``gain / sqrt(inputs)`` each time they are used.

    So all weights have the same scale for a rule such as Adam, whose steps do not depend on the gradient's.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True, gain: float = 1.0) -> None:
        super().__init__(inputs, outputs, bias)
        self.scale = gain / math.sqrt(inputs)
        _start(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.scale * self.weight, self.bias)


class EqualizedConv2d(nn.Conv2d):
    """The same of a convolution that keeps the size of its input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float = HE) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        self.scale = gain / math.sqrt(inputs * kernel * kernel)
        _start(self)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.scale * self.weight, self.bias)


def _start(layer: nn.Linear | nn.Conv2d) -> None:
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class PixelNorm(nn.Module):
    """Each pixel's vector of channels, ``[B, C, ...]``, at root mean square 1 (section 4.2)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class MinibatchDeviation(nn.Module):
    """One more channel, ``[B, C, H, W] -> [B, C + 1, H, W]``: how much neighbours in the batch differ (section 3).

    The standard deviation over ``GROUP`` images of each feature at each place, its mean over features and places; of
    smaller groups where that does not divide the batch.
    """

    mixes_samples = True

    def forward(self, x: Tensor) -> Tensor:
        count = math.gcd(len(x), GROUP)
        groups = x.unflatten(0, (-1, count))
        deviation = (groups.var(1, correction=0) + 1e-8).sqrt().flatten(1).mean(1)
        channel = deviation.repeat_interleave(count).view(-1, 1, 1, 1)
        return torch.cat([x, channel.expand(-1, 1, *x.shape[2:])], 1)
