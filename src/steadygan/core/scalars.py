"""Settings as scalars of a tensor's own kind."""

import torch
from torch import Tensor

from steadygan.core.types import Number


def scalar(value: Number, like: Tensor) -> Tensor:
    """``value`` as a 0-dim tensor with the dtype and the device of ``like``.

    A plain number and a tensor then take the same path, under ``vmap`` too, and float32 stays float32 beside a setting
    kept in float64.
    """
    if isinstance(value, Tensor):
        return value.to(dtype=like.dtype, device=like.device)
    return torch.tensor(value, dtype=like.dtype, device=like.device)
