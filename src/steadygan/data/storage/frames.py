"""The examples of a split of images that are too many for floats of all of them: rows are converted when asked for."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from steadygan.data.base import Rows
from steadygan.data.storage.shards import Shards


class Frames:
    """Like a tensor ``[N, C, H, W]`` in [-1, 1] on the CPU, of which only rows can be taken.

    Attributes:
        content: a name of the images' bytes; the same name, the same bytes.
        shape: ``(N, C, H, W)``.
    """

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self.content = shards.content
        self.shape: tuple[int, ...] = (len(shards), *shards.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def bytes(self, rows: Rows) -> Tensor:
        """Return uint8 ``[n, C, H, W]``."""
        chosen = rows.cpu().numpy() if isinstance(rows, Tensor) else rows
        return torch.from_numpy(self._shards.gather(np.arange(len(self))[chosen]))

    def __getitem__(self, rows: Rows | int) -> Tensor:
        """Floats of rows as ``bytes`` takes them; of one number the image ``[C, H, W]``."""
        if isinstance(rows, int):
            return self[rows : rows + 1 or None][0]
        return from_bytes(self.bytes(rows))

    def split(self, size: int) -> Iterator[Tensor]:
        """Yield floats, ``size`` rows at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


def to_bytes(x: Tensor) -> Tensor:
    """Return [-1, 1] as uint8: clamped and rounded to the grid of 256 levels; what is not a number becomes 0."""
    return ((x.float().nan_to_num(nan=-1.0).clamp(-1, 1) + 1) * 127.5).round().byte()


def from_bytes(x: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return grey levels 0 to 255 as numbers in [-1, 1]."""
    return x.to(dtype) / 127.5 - 1
