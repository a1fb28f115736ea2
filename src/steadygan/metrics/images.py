"""Images as a picture file would hold them."""

import torch
from torch import Tensor


def to_bytes(x: Tensor) -> Tensor:
    """[-1, 1] to uint8: clamped and rounded to the grid of 256 levels; what is not a number becomes 0."""
    return ((x.float().nan_to_num(nan=-1.0).clamp(-1, 1) + 1) * 127.5).round().byte()


def from_bytes(x: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 to floats in [-1, 1]."""
    return x.to(dtype) / 127.5 - 1
