"""Cross-entropy against soft labels, from logits."""

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.types import Number


def cross_entropy(logits: Tensor, label: Number) -> Tensor:
    """``-y log s(t) - (1 - y) log(1 - s(t))`` per sample, ``s`` the sigmoid, ``y`` the probability of being real.

    Written with softplus, so that it neither overflows nor loses the small side at large logits.

    Args:
        logits: ``[B]``.
        label: ``y`` in [0, 1].
    """
    return label * F.softplus(-logits) + (1 - label) * F.softplus(logits)
