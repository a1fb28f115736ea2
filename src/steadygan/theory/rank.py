"""The rank of a map's derivative.

Reference: Arjovsky and Bottou (2017), lemma 1, arXiv:1701.04862.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from steadygan.core.autodiff import forward_mode


def jacobian(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Return ``[prod(shape), k]`` of ``function: [k] -> [*shape]`` at ``z [k]``, the smaller side's way."""
    size = function(z).numel()
    take = torch.func.jacrev if size < len(z) else torch.func.jacfwd
    with forward_mode():
        return take(lambda at: function(at).flatten())(z)


def rank(singular_values: Tensor, tolerance: float) -> int:
    """Return how many are larger than ``tolerance`` times the largest; 0 of nothing but zeros."""
    return int((singular_values > tolerance * singular_values.max()).sum())
