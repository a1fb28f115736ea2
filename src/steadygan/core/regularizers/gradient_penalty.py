"""WGAN-GP's penalty: the critic's slope between real and fake samples."""

import torch
from torch import Tensor

from steadygan.core.autodiff import input_gradient
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import uniform
from steadygan.core.regularizers.norms import norm
from steadygan.core.types import Critic, Number


@declare(draw=uniform, weight=nonnegative, center=nonnegative)
def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, eps: Tensor, *, weight: Number, center: Number
) -> Tensor:
    """``weight (|grad_x D(x_hat)| - center)^2``, per sample ``[B]`` (Gulrajani et al. 2017, eq. 3; seed B5).

    ``x_hat = eps real + (1 - eps) fake`` with ``eps ~ U(0, 1)`` of shape ``[B]``. Where the gradient is exactly 0 its
    norm counts as flat (see ``norms.norm``), so a constant critic gets a finite penalty and no push.
    """
    between = torch.lerp(fake, real, eps.reshape(-1, *[1] * (real.ndim - 1)))
    _, gradient = input_gradient(critic, between)
    return weight * (norm(gradient) - center).square()
