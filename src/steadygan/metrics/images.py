"""Images as a picture file would hold them."""

from torch import Tensor


def to_bytes(x: Tensor) -> Tensor:
    """[-1, 1] to uint8: clamped and rounded to the grid of 256 levels; what is not a number becomes 0."""
    return ((x.float().nan_to_num(nan=-1.0).clamp(-1, 1) + 1) * 127.5).round().byte()


def from_bytes(x: Tensor) -> Tensor:
    """uint8 to float32 in [-1, 1]."""
    return x.float() / 127.5 - 1
