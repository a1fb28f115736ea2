"""Which examples have their label given: a share of them, chosen from the seed."""

from functools import lru_cache

import torch
from torch import Tensor

from steadygan.core.declare import Range
from steadygan.core.draws import generator

stated_share = Range("must be between 0 and 1", low=0.0, high=1.0, structure=True)
STREAM = "labels/given"


@lru_cache(maxsize=64)
def given_rows(count: int, share: float, seed: int, device: torch.device | str = "cpu") -> Tensor:
    """``[count]`` truth values with exactly ``round(share * count)`` true ones: those of the smallest uniform draws.

    Each row has one draw, whatever the share, so the examples of a share are among those of any larger one.
    """
    draws = torch.rand(count, generator=generator(seed, STREAM), dtype=torch.float64)
    given = torch.zeros(count, dtype=torch.bool)
    given[draws.argsort(stable=True)[: round(share * count)]] = True
    return given.to(device)


def given_draws(count: int, share: float, source: torch.Generator) -> Tensor:
    """``[count]`` truth values, each true with the probability ``share``: for examples that never come again."""
    return torch.rand(count, generator=source, dtype=torch.float64, device=source.device) < share


def equal_weights(given: Tensor, dtype: torch.dtype) -> Tensor:
    """``[B]`` weights with which a mean over the batch is the mean over the ``given`` ones, and 0 where there are none.

    Made for the whole batch, so that means over the parts of several processes average to the same.
    """
    return given.to(dtype) * (len(given) / given.sum().clamp(min=1)).to(dtype)
