"""The penalty that stands for instance noise."""

import torch
from torch import Tensor

from steadygan.core.autodiff import Samples, input_gradient
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import no_noise
from steadygan.core.regularizers.norms import squared_norm
from steadygan.core.types import Critic, Number


@declare(draw=no_noise, evaluated=True, gamma=nonnegative)
def roth(critic: Critic, real: Samples, fake: Samples, eps: None = None, *, gamma: Number) -> Tensor:
    """Stabilising regulariser of Roth et al. 2017.

    ``gamma/2 [(1 - s(D(x)))^2 |grad D(x)|^2 + s(D(G(z)))^2 |grad D(G(z))|^2]``, ``s`` the sigmoid, per sample
    ``[B]`` (Roth et al. 2017: the Jensen-Shannon case of their regulariser).

    To second order it is what instance noise of variance ``gamma`` adds to the logistic loss. Its own gradient goes
    through the weights ``s`` too.

    Reference: Roth et al. (2017), arXiv:1705.09367.
    """
    real_logits, real_gradient = input_gradient(critic, real)
    fake_logits, fake_gradient = input_gradient(critic, fake)
    on_real = torch.sigmoid(-real_logits).square() * squared_norm(real_gradient)
    on_fake = torch.sigmoid(fake_logits).square() * squared_norm(fake_gradient)
    return gamma / 2 * (on_real + on_fake)
