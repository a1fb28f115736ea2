"""Codes of classes, to stand beside what a network sees."""

from typing import Protocol

import torch
from torch import Tensor, nn

from steadygan.core.labels import one_hot


class Code(Protocol):
    """``label [B] -> [B, size]`` in the dtype of ``like``."""

    size: int

    def __call__(self, label: Tensor, like: Tensor) -> Tensor: ...


class OneHot(nn.Module):
    """The code of Mirza & Osindero (2014).

    Reference: Mirza and Osindero (2014), arXiv:1411.1784.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.size = classes

    def forward(self, label: Tensor, like: Tensor) -> Tensor:
        return one_hot(label, self.size, like.dtype)


class Embedding(nn.Module):
    """A learnt vector for each class, from N(0, 1).

    As a matrix product, whose gradient is the same to the bit on every run, which a scattered one's is not on GPUs.
    """

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.size = dim
        self.weight = nn.Parameter(torch.randn(classes, dim))

    def forward(self, label: Tensor, like: Tensor) -> Tensor:
        return one_hot(label, len(self.weight), self.weight.dtype) @ self.weight
