"""The order in which the rows of a finite data set are dealt: without replacement, reshuffled each epoch."""

from functools import lru_cache

import torch
from torch import Tensor

from steadygan.core.draws import generator

MANY = 100_000
"""Examples above which few orders are remembered."""


def permutation(count: int, seed: int, stream: str, epoch: int, device: torch.device | str) -> Tensor:
    """Return the order of one epoch, int32 ``[count]``: a function of all but the device."""
    remembered = _small if count <= MANY else _large
    return remembered(count, seed, stream, epoch, device)


def _permutation(count: int, seed: int, stream: str, epoch: int, device: torch.device | str) -> Tensor:
    source = generator(seed, f"{stream}/order", epoch)
    return torch.randperm(count, generator=source, dtype=torch.int32).to(device)


_small = lru_cache(maxsize=256)(_permutation)  # the current epochs of that many streams; 100 MB at most
_large = lru_cache(maxsize=8)(_permutation)  # 12 MB each for 3,000,000 examples


def rows(count: int, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str = "cpu") -> Tensor:
    """Return the rows of batch number ``index``, int32 ``[batch_size]``.

    Batches are consecutive slices of the endless row of epochs, so one may reach over the end of an epoch, or over
    several where it is larger than the data.
    """
    epoch, start = divmod(index * batch_size, count)
    parts = []
    while batch_size > 0:
        part = permutation(count, seed, stream, epoch, device)[start : start + batch_size]
        parts.append(part)
        batch_size -= len(part)
        epoch, start = epoch + 1, 0
    return parts[0] if len(parts) == 1 else torch.cat(parts)
