"""WGAN-GP's penalty: the critic's slope between real and fake samples."""

from collections.abc import Callable

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.autodiff import Samples, input_gradient, tensor
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import uniform
from steadygan.core.regularizers.norms import norm
from steadygan.core.types import Critic, Number

POINTS: dict[str, Callable[[Samples, Samples, Tensor], Samples]] = {
    "interpolated": lambda real, fake, eps: _interpolated(tensor(real), tensor(fake), eps),
    "real": lambda real, fake, eps: real,
    "fake": lambda real, fake, eps: fake,
}
"""The points at which the slope is penalised."""


@declare(draw=uniform, evaluated=True, weight=nonnegative, center=nonnegative)
def gradient_penalty(
    critic: Critic,
    real: Samples,
    fake: Samples,
    eps: Tensor,
    *,
    weight: Number,
    center: Number,
    at: str = "interpolated",
) -> Tensor:
    """``weight (|grad_x D(x_hat)| - center)^2``, per sample ``[B]``.

    ``x_hat = eps real + (1 - eps) fake`` with ``eps ~ U(0, 1)`` of shape ``[B]``. Where the gradient is exactly 0 its
    norm counts as flat (see ``norms.norm``), so a constant critic gets a finite penalty and no push.

    Args:
        critic: ``[B, ...] -> [B]``.
        real: ``[B, ...]``.
        fake: like ``real``.
        eps: ``[B]``.
        weight: the paper's lambda.
        center: the slope that is asked for; 0 is a zero-centred penalty, 1 that of the paper.
        at: ``interpolated``, or ``real`` or ``fake`` points alone.

    Raises:
        UserError: another ``at``.

    Reference: Gulrajani et al. (2017), eq. 3, arXiv:1704.00028; Thanh-Tung et al. (2019), arXiv:1902.03984.
    """
    if at not in POINTS:
        raise bad_value("regularizer.gradient_penalty.at", at, "no such points", POINTS)
    _, gradient = input_gradient(critic, POINTS[at](real, fake, eps))
    return weight * (norm(gradient) - center).square()


def _interpolated(real: Tensor, fake: Tensor, eps: Tensor) -> Tensor:
    return torch.lerp(fake, real, eps.reshape(-1, *[1] * (real.ndim - 1)))
