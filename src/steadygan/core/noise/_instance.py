"""Instance noise."""

from torch import Tensor

from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import normal_like
from steadygan.core.types import Number


@declare(draw=normal_like, sigma=nonnegative)
def instance(x: Tensor, eps: Tensor, *, sigma: Number) -> Tensor:
    """``x + sigma eps``, ``eps ~ N(0, I)`` like ``x``.

    ``sigma`` is in the units of the data; images lie in [-1, 1] and are not clipped.

    Reference: Soenderby et al. (2017), arXiv:1610.04490; Arjovsky and Bottou (2017), arXiv:1701.04862.
    """
    return x + sigma * eps
