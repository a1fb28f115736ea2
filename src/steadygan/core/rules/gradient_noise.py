"""The covariance of the batch gradient, estimated from batch to batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from steadygan.core.rules.langevin import mean_of
from steadygan.core.scalars import scalar
from steadygan.core.types import Tensors


def _diagonal(squares: Tensors) -> Tensors:
    """A variance for each weight."""
    return squares


def _scalar(squares: Tensors) -> Tensors:
    """One variance for all weights of the player: the mean, beside each tensor as a 0-dim one."""
    mean = mean_of(squares)
    return {name: mean.to(square.dtype) for name, square in squares.items()}


FORMS: dict[str, Callable[[Tensors], Tensors]] = {"diagonal": _diagonal, "scalar": _scalar}
"""What is kept of the covariance matrix."""


def begin(params: Tensors, form: str) -> dict[str, Any]:
    """The state before the first gradient; ``covariance`` is 0 until there are two."""
    zeros = {name: torch.zeros_like(param) for name, param in params.items()}
    count = torch.zeros((), dtype=torch.float64, device=next(iter(params.values())).device)
    return {"count": count, "previous": zeros, "covariance": FORMS[form](zeros)}


def observe(state: dict[str, Any], grads: Tensors, form: str) -> dict[str, Any]:
    """``I_t = (1 - 1/t) I_{t-1} + V_t / t`` (seed A3, eq. 11), ``V_t = (g_t - g_{t-1})^2 / 2``, ``t`` counting the
    ``V``: the plain mean of all of them.

    Half the squared difference of two gradients has the mean ``cov(g) + (E g_t - E g_{t-1})^2 / 2`` for independent
    batches at given places: unbiased where the weights stand still, and too large by how far the true gradient moves
    in one step, which vanishes with the step size. (The variance about a running mean would also count the spread of
    the true gradient over all that the chain has visited, which does not vanish.)
    """
    observed = state["count"]  # 0 at the first gradient, which has none before it
    weight = torch.where(observed > 0, 1 / observed.clamp(min=1), 0.0)
    squares = {name: (grads[name] - before).square() / 2 for name, before in state["previous"].items()}
    latest = FORMS[form](squares)
    covariance = {
        name: torch.lerp(mean, latest[name], scalar(weight, mean)) for name, mean in state["covariance"].items()
    }
    # A copy: an optimizer's gradients may be changed in place after the step.
    previous = {name: grad.clone() for name, grad in grads.items()}
    return {"count": observed + 1, "previous": previous, "covariance": covariance}


def mean_variance(state: dict[str, Any]) -> Tensor:
    """The mean of the covariance's diagonal over all weights, 0-dim float64."""
    previous = state["previous"]
    return mean_of({name: value.expand_as(previous[name]) for name, value in state["covariance"].items()})
