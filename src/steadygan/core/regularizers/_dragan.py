"""DRAGAN's penalty: the critic's slope around real samples."""

import torch
from torch import Tensor

from steadygan.core.autodiff import input_gradient
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import normal_like
from steadygan.core.regularizers.norms import norm
from steadygan.core.types import Critic, Number


@declare(draw=normal_like, weight=nonnegative, center=nonnegative, sigma=nonnegative)
def dragan(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    eps: Tensor,
    *,
    weight: Number,
    center: Number,
    sigma: Number,
    one_sided: bool = False,
) -> Tensor:
    """``weight (|grad_x D(x + sigma eps)| - center)^2`` at real ``x``, per sample ``[B]``.

    Args:
        critic: ``[B, ...] -> [B]``.
        real: ``[B, ...]``.
        fake: not used.
        eps: N(0, 1) like ``real``.
        weight: of the penalty.
        center: the slope that is not punished.
        sigma: standard deviation of the perturbation, in the units of the data.
        one_sided: only slopes above ``center`` are punished: ``weight max(0, |grad| - center)^2``. The two-sided form
            pushes a flat critic away from flat, so the game has no equilibrium where the data are matched.

    Reference: Kodali et al. (2017), arXiv:1705.07215.
    """
    _, gradient = input_gradient(critic, real + sigma * eps)
    excess = norm(gradient) - center
    return weight * (torch.relu(excess) if one_sided else excess).square()
