"""Norms of per-sample gradients."""

import torch
from torch import Tensor


def squared_norm(gradient: Tensor) -> Tensor:
    """``[B, ...] -> [B]``: the sum of squares over all but the batch dimension."""
    return gradient.square().flatten(1).sum(1)


def norm(gradient: Tensor) -> Tensor:
    """``[B, ...] -> [B]``: the Euclidean norm, exact everywhere, with gradient 0 where it is 0.

    The square root of 0 has an infinite slope, and infinity times 0 is not a number. So where the norm is 0 the root
    is taken of 1 and thrown away; no constant is added under the root, which would bias small norms.
    """
    square = squared_norm(gradient)
    nonzero = square > 0
    return torch.where(nonzero, torch.where(nonzero, square, 1.0).sqrt(), 0.0)
