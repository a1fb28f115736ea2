"""WGAN's weight clipping."""

import torch

from steadygan.core.declare import declare, positive
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Tensors


@declare(projection=True, value=positive)
def weight_clip(params: Tensors, *, value: Number) -> Tensors:
    """Return all parameters, biases too, clamped to ``[-value, value]``.

    Reference: Arjovsky et al. (2017), algorithm 1, arXiv:1701.07875.
    """
    bound = scalar(value, next(iter(params.values())))
    return {name: torch.clamp(param, -bound, bound) for name, param in params.items()}
