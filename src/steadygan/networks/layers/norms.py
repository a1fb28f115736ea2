"""Normalisation layers that also run under ``torch.func``, and how a network hands a class to them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import gcd
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from steadygan.common.errors import bad_value
from steadygan.networks.checks import choice

Gather = Callable[[Tensor], Tensor]
"""``gather(x) -> [R, *x.shape]``: the tensors of all R processes that share a batch, differentiable."""

_gather: list[Gather] = []


@contextmanager
def synchronised(gather: Gather) -> Iterator[None]:
    """Inside, batch normalisation in training is by the batch of all processes, gradients included."""
    _gather.append(gather)
    try:
        yield
    finally:
        _gather.pop()


@contextmanager
def unsynchronised() -> Iterator[None]:
    """Inside, it is by each process's own batch again: for what one process computes by itself."""
    kept = _gather[:]
    _gather.clear()
    try:
        yield
    finally:
        _gather.extend(kept)


class BatchNorm(nn.Module):
    """Batch normalisation of ``[B, C]`` or ``[B, C, H, W]``, per channel.

    Outputs and running statistics are those of ``torch.nn.BatchNorm2d`` (biased variance in the output, unbiased in
    ``running_var``), but new statistics are assigned, never written in place: ``functional_call`` hands them back in
    the dict it was given. Under ``vmap`` in training mode the buffers must be stacked like the input. Where several
    processes share a batch, the statistics are those of their parts unless the layer runs in ``synchronised``.

    Args:
        momentum: weight of the batch in the running statistics.

    Reference: Ioffe and Szegedy (2015), arXiv:1502.03167.
    """

    running_mean: Tensor
    running_var: Tensor
    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_parameter("weight", nn.Parameter(torch.ones(channels)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(channels)) if affine else None)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C, ...]`` normalised by the batch in training, by the running statistics in evaluation."""
        mean, var = self.running_mean, self.running_var
        if self.training and _gather:
            return self._over_all(x, _gather[-1])
        if self.training:
            # The kernel updates the copies on its way: reducing x once more for the statistics costs 25 % of a step.
            self.running_mean, self.running_var = mean, var = mean.clone(), var.clone()
        return F.batch_norm(x, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps)

    def _over_all(self, x: Tensor, gather: Gather) -> Tensor:
        """Normalised by the batch of all processes, whose parts are of one size."""
        axes, shape = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
        with torch.autocast(x.device.type, enabled=False):
            # As the kernel does: statistics of half precision in float32.
            wide = x.to(torch.promote_types(x.dtype, torch.float32))
            means, variances = gather(torch.stack([wide.mean(axes), wide.var(axes, correction=0)])).unbind(1)
            mean = means.mean(0)
            var = (variances + (means - mean).square()).mean(0)
            self._keep(mean.detach(), var.detach(), len(means) * x.numel() // x.shape[1])
            scale = (var + self.eps).rsqrt()
            if self.weight is None or self.bias is None:
                return ((wide - mean.view(shape)) * scale.view(shape)).to(x.dtype)
            scale = self.weight * scale
            return ((wide - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)).to(x.dtype)

    def _keep(self, mean: Tensor, var: Tensor, count: int) -> None:
        unbiased = var * (count / max(count - 1, 1))
        self.running_mean = torch.lerp(self.running_mean, mean.to(self.running_mean.dtype), self.momentum)
        self.running_var = torch.lerp(self.running_var, unbiased.to(self.running_var.dtype), self.momentum)


def mixes_samples(network: nn.Module) -> bool:
    """Return whether a network's output for one sample depends on the others in its batch."""
    kinds = (BatchNorm, nn.modules.batchnorm._BatchNorm)
    return any(isinstance(layer, kinds) or getattr(layer, "mixes_samples", False) for layer in network.modules())


def instance_norm(channels: int) -> nn.GroupNorm:
    """Return each channel of each image by itself, with a learned scale and shift.

    Reference: Ulyanov et al. (2016), arXiv:1607.08022.
    """
    return nn.GroupNorm(channels, channels)


def group_norm(channels: int) -> nn.GroupNorm:
    """Groups of 16 channels, or of the largest common divisor.

    Reference: Wu and He (2018), arXiv:1803.08494.
    """
    return nn.GroupNorm(channels // gcd(16, channels), channels)


def layer_norm(channels: int) -> nn.GroupNorm:
    """Return all of an image at once, scale and shift per channel, as is usual in WGAN-GP's critics.

    Reference: Ba et al. (2016), arXiv:1607.06450.
    """
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


class ClassBatchNorm(nn.Module):
    """Batch normalisation with a scale and a shift for each class.

    The statistics are those of the whole batch, as ``BatchNorm`` takes them. Scale and shift are matrix products with
    one-hot codes, whose gradients are the same to the bit on every run.

    Reference: Dumoulin et al. (2017), arXiv:1610.07629; Miyato and Koyama (2018), arXiv:1802.05637.
    """

    told: ClassVar[bool] = True

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = BatchNorm(channels, affine=False)
        self.weight = nn.Parameter(torch.ones(classes, channels))
        self.bias = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Return ``[B, C, ...]``, one-hot ``[B, classes]`` ``-> [B, C, ...]``."""
        shape = (*x.shape[:2], *[1] * (x.ndim - 2))
        scale, shift = ((code @ table).view(shape) for table in (self.weight, self.bias))
        return self.norm(x) * scale + shift


class Chain(nn.Sequential):
    """Layers in a row; those that are ``told`` take the code of the class as well."""

    told: ClassVar[bool] = True

    def forward(self, input: Tensor, code: Tensor | None = None) -> Tensor:
        """``code``: one-hot ``[B, classes]``; None where no layer wants it."""
        for layer in self:
            input = layer(input, code) if getattr(layer, "told", False) else layer(input)
        return input


class Residual(nn.Module):
    """``shortcut(x) + share * branch(x)``, told a class or not."""

    told: ClassVar[bool] = True

    def __init__(self, branch: Chain, shortcut: nn.Module, share: float | None = None) -> None:
        super().__init__()
        self.branch, self.shortcut, self.share = branch, shortcut, share

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        if self.share is None:
            return self.shortcut(x) + self.branch(x, code)
        return self.shortcut(x) + self.share * self.branch(x, code)


def generator_norm(norm: str, classes: int | None) -> Norm | None:
    """Return the layer of ``network.generator_norm``, with a scale and a shift for each of ``classes``, if any.

    Raises:
        UserError: there is no such norm, or one that classes cannot go to.
    """
    made = choice("network.generator_norm", norm, NORMS)
    if classes is None:
        return made
    if made is not BatchNorm:
        problem = f"the generator has no batch normalisation: network.generator_norm={norm}"
        raise bad_value("labels.generator", "batch_norm", problem, ["concatenate"])
    return partial(ClassBatchNorm, classes=classes)


def layers_of(norm: Norm | None, channels: int) -> list[nn.Module]:
    """Return the norm's layer in a list, which is empty where there is none."""
    return [norm(channels)] if norm else []
