"""The examples of a split of images that are too many for floats of all of them: rows are converted when asked for."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steadygan.data.shards import Shards

BLOCK = 1000
"""Images looked at together by who looks at all of them."""


class Frames:
    """Like a tensor ``[N, C, H, W]`` in [-1, 1] on the CPU, of which only rows can be taken.

    Attributes:
        content: a name of the images' bytes; the same name, the same bytes.
        shape: ``(N, C, H, W)``.
    """

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self.content = shards.content
        self.shape = (len(shards), *shards.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def bytes(self, rows: Any) -> Tensor:
        """Uint8 ``[n, C, H, W]`` of rows: a slice, numbers ``[n]`` or truth values ``[N]``."""
        return torch.from_numpy(self._shards.gather(np.arange(len(self))[_numpy(rows)]))

    def __getitem__(self, rows: Any) -> Tensor:
        """Floats of rows as ``bytes`` takes them; of one number the image ``[C, H, W]``."""
        if isinstance(rows, int):
            return self[rows : rows + 1 or None][0]
        return from_levels(self.bytes(rows), torch.float32)

    def split(self, size: int) -> Iterator[Tensor]:
        """Floats, ``size`` rows at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


def _numpy(rows: Any) -> Any:
    return rows.cpu().numpy() if isinstance(rows, Tensor) else rows


def from_levels(levels: Tensor, dtype: torch.dtype) -> Tensor:
    """Grey levels 0 to 255 as numbers in [-1, 1]."""
    return levels.to(dtype) / 127.5 - 1
