"""Batch normalisation that is told a class, and how a network hands the class to it."""

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from steadygan.common.errors import bad_value
from steadygan.networks.checks import choice
from steadygan.networks.norms import NORMS, BatchNorm, Norm


class ClassBatchNorm(nn.Module):
    """Batch normalisation with a scale and a shift for each class.

    The statistics are those of the whole batch, as ``BatchNorm`` takes them. Scale and shift are matrix products with
    one-hot codes, whose gradients are the same to the bit on every run.

    Args:
        channels: C.
        classes: that there are.

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

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        """``code``: one-hot ``[B, classes]``; None where no layer wants it."""
        for layer in self:
            x = layer(x, code) if getattr(layer, "told", False) else layer(x)
        return x


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
