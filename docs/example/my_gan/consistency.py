"""A penalty that draws: the critic says the same of an example and of one near it."""

from torch import Tensor

from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import normal_like


@declare(draw=normal_like, weight=nonnegative, sigma=nonnegative)
def near(critic, real: Tensor, fake: Tensor, eps: Tensor, *, weight: float, sigma: float) -> Tensor:
    """``weight (D(x + sigma eps) - D(x))^2`` at real ``x``, per sample ``[B]``; ``eps`` is N(0, 1) like ``real``."""
    return weight * (critic(real + sigma * eps) - critic(real)).square()
