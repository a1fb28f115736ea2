"""The base class of Langevin rules: the distribution they sample, and small pieces of their arithmetic."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare, nonnegative, positive
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Tensors


@declare(step_size=positive, temperature=nonnegative, prior_precision=nonnegative, num_data=positive)
@dataclass(frozen=True)
class Langevin(UpdateRule):
    """Rules that aim at ``exp(-U / T)``, ``U = num_data loss + prior_precision |theta|^2 / 2``.

    Attributes:
        step_size: ``eps`` of the overdamped rules, the time step ``h`` of those with momentum.
        temperature: ``T``.
        prior_precision: of a Gaussian prior, one over its variance.
        num_data: how many examples the mean gradient stands for.
    """

    noisy: ClassVar[bool] = True

    step_size: Number
    temperature: Number = 1.0
    prior_precision: Number = 0.0
    num_data: Number = 1.0

    def slope(self, params: Tensors, grads: Tensors) -> Tensors:
        """Return the gradient of ``U``, as noisy as the batch gradient it is made of."""
        like = next(iter(params.values()))
        num_data, precision = scalar(self.num_data, like), scalar(self.prior_precision, like)
        return {name: num_data * grads[name] + precision * param for name, param in params.items()}


def one_of(key: str, value: object, choices: Collection[str]) -> None:
    """Check a setting that is a word.

    Raises:
        UserError: it is none of ``choices``.
    """
    if value not in choices:
        raise bad_value(key, value, "no such choice", choices)


def wide(value: Number, like: Tensor) -> Tensor:
    """``value`` as a 0-dim float64 tensor where ``like`` is: for sums and counts that float32 would spoil."""
    return torch.as_tensor(value, dtype=torch.float64, device=like.device)


def root(square: Tensor) -> Tensor:
    """Return the square root, with slope 0 (not infinite) at 0; nan stays nan, so that what diverged shows it."""
    nothing = square == 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, square).sqrt())


def mean_of(tensors: Tensors) -> Tensor:
    """Return the mean over all elements of all tensors, in float64."""
    total = torch.stack([value.sum(dtype=torch.float64) for value in tensors.values()]).sum()
    return total / sum(value.numel() for value in tensors.values())
