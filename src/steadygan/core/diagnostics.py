"""Diagnostics of stability at next to no cost, from numbers that training computes anyway."""

import math
from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from steadygan.core.types import Tensors

SURE = math.log(99)
"""The logit whose sigmoid is 0.99."""


def judgements(real: Tensor, fake: Tensor) -> Tensors:
    """Return how sure the discriminator is, by its logits ``[B]`` of real and of fake examples; scalars.

    ``accuracy/discriminator`` is the share on the right side of 0; ``saturation/real`` the
    share whose sigmoid is above 0.99, ``saturation/fake`` that below 0.01; ``logits/gap`` the difference of means.
    """
    sides = torch.stack([real, -fake]).detach()
    sure = (sides > SURE).to(sides.dtype).mean(1)
    return {
        "logits/gap": 2 * sides.mean(),
        "accuracy/discriminator": (sides > 0).to(sides.dtype).mean(),
        "saturation/real": sure[0],
        "saturation/fake": sure[1],
    }


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """Return all entries in one vector."""
    return torch.cat([value.detach().reshape(-1) for value in tensors])


def inner(one: Iterable[Tensor], other: Iterable[Tensor]) -> Tensor:
    """Return the inner product of two vectors in parts."""
    products = [a.detach().reshape(-1).dot(b.detach().reshape(-1)) for a, b in zip(one, other, strict=True)]
    return torch.stack(products).sum() if len(products) > 1 else products[0]


def norm(parts: Collection[Tensor]) -> Tensor:
    """Return the norm of a vector in parts."""
    return inner(parts, parts).sqrt()


def cosine(one: Collection[Tensor], other: Collection[Tensor]) -> Tensor:
    """Return the cosine of the angle between two vectors in parts; 0 where one of them is 0 up to rounding."""
    norms = torch.stack([norm(one), norm(other)])
    least = torch.finfo(norms.dtype).eps ** 1.25
    return torch.where(norms.min() > least, inner(one, other) / norms.clamp(min=least).prod(), 0)
