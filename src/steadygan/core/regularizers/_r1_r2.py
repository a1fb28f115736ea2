"""Convex combinations of R1 and R2."""

from torch import Tensor

from steadygan.core.autodiff import Samples
from steadygan.core.declare import declare, fraction, nonnegative
from steadygan.core.draws import no_noise
from steadygan.core.regularizers._r1 import r1
from steadygan.core.regularizers._r2 import r2
from steadygan.core.types import Critic, Number


@declare(draw=no_noise, evaluated=True, gamma=nonnegative, mix=fraction)
def r1_r2(critic: Critic, real: Samples, fake: Samples, eps: None = None, *, gamma: Number, mix: Number) -> Tensor:
    """``gamma/2 [mix |grad_x D(x)|^2 + (1 - mix) |grad_x D(G(z))|^2]``, per sample ``[B]``.

    ``mix = 1`` is R1, ``mix = 0`` R2; all of them have the same eigenvalues where data and samples are matched.

    Reference: Mescheder et al. (2018), arXiv:1801.04406.
    """
    on_real, on_fake = r1(critic, real, fake, gamma=gamma), r2(critic, real, fake, gamma=gamma)
    return mix * on_real + (1 - mix) * on_fake
