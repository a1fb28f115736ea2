"""Classes as vectors."""

import torch
from torch import Tensor

from steadygan.core.declare import Range

size = Range("must be a whole number of at least 1", low=1.0, whole=True, structure=True)
"""Of a learnt code."""


def one_hot(label: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """``[B, classes]`` of ``label [B]``, by comparison: ``F.one_hot`` checks values, which ``vmap`` and graphs cannot.

    A label outside 0 ... ``classes`` - 1 is all zeros.
    """
    return (label[:, None] == torch.arange(classes, device=label.device)).to(dtype)
