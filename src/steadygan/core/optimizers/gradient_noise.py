"""The covariance of the batch gradient, estimated as training goes on.

``I_t = (1 - 1/t) I_{t-1} + V_t / t``, ``t`` counting the ``V``: the mean of all of them.
``V`` is in units of the batch's mean gradient, whichever way it is found.

Reference: Ramakers et al. (undated), eq. 11.
"""

import torch
from torch import Tensor

from steadygan.core.optimizers.covariance import FORMS, lerp
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors

ESTIMATORS = ("running", "per_sample")
"""Estimators of ``V``: from batch to batch, or from the gradients of the examples of one batch."""


def begin(params: Tensors, form: str, estimator: str = "running") -> RuleState:
    """Return the state before the first gradient.

    ``covariance`` is 0, ``count`` the number of gradients so far, and ``previous`` the last of them, where the next
    will be compared with it.
    """
    count = torch.zeros((), dtype=torch.float64, device=next(iter(params.values())).device)
    state = {"count": count, "covariance": FORMS[form].zeros(params)}
    if estimator == "running":
        state["previous"] = {name: torch.zeros_like(param) for name, param in params.items()}
    return state


def observe(state: RuleState, grads: Tensors, form: str) -> RuleState:
    """Observe ``V_t = d d^T / 2``, ``d = g_t - g_{t-1}``, from one batch to the next.

    Its mean is ``cov(g) + d_E d_E^T / 2``, ``d_E = E g_t - E g_{t-1}``, for independent batches at given places:
    unbiased where the weights stand still, and too large by how far the true gradient moves in one step, which
    vanishes with the step size. (The covariance about a running mean would also count the spread of the true gradient
    over all that the chain has visited, which does not vanish.)
    """
    observed = state["count"]  # 0 at the first gradient, which has none before it
    weight = torch.where(observed > 0, 1 / observed.clamp(min=1), 0.0)
    moved = FORMS[form].outer({name: grads[name] - before for name, before in state["previous"].items()})
    latest = {name: value / 2 for name, value in moved.items()}
    # A copy: an optimizer's gradients may be changed in place after the step.
    previous = {name: grad.clone() for name, grad in grads.items()}
    return {"count": observed + 1, "covariance": lerp(state["covariance"], latest, weight), "previous": previous}


def observe_samples(state: RuleState, grad_covariance: Tensors, batch_size: Number) -> RuleState:
    """Observe ``V_t = grad_covariance / (B - 1)``, from the gradients ``g_i`` of the ``B`` examples of a batch.

    ``grad_covariance`` is the mean of ``(g_i - g)(g_i - g)^T``.

    The covariance of the mean of ``B`` independent gradients, unbiased wherever the weights are and however they move.
    """
    count = state["count"] + 1
    latest = {name: value / scalar(batch_size - 1, value) for name, value in grad_covariance.items()}
    return {"count": count, "covariance": lerp(state["covariance"], latest, 1 / count)}


def mean_variance(state: RuleState, form: str) -> Tensor:
    """Return the mean of the covariance's diagonal over all weights, 0-dim float64."""
    return FORMS[form].mean_variance(state["covariance"])
