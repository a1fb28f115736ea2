"""A noise of one's own: it grows with what it disturbs."""

from torch import Tensor

from steadygan.core.declare import declare, nonnegative


@declare(sigma=nonnegative)
def relative(x: Tensor, eps: Tensor, *, sigma: float) -> Tensor:
    """``x (1 + sigma eps)``, ``eps`` being N(0, 1) like ``x``."""
    return x * (1 + sigma * eps)
