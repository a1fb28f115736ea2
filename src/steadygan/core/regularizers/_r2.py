"""R2: the zero-centred gradient penalty on fakes."""

from torch import Tensor

from steadygan.core.autodiff import Samples, input_gradient
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import no_noise
from steadygan.core.regularizers.norms import squared_norm
from steadygan.core.types import Critic, Number


@declare(draw=no_noise, evaluated=True, gamma=nonnegative)
def r2(critic: Critic, real: Samples, fake: Samples, eps: None = None, *, gamma: Number) -> Tensor:
    """``gamma/2 |grad_x D(x)|^2`` at ``x = G(z)``, per sample ``[B]``.

    Reference: Mescheder et al. (2018), eq. 10, arXiv:1801.04406.
    """
    _, gradient = input_gradient(critic, fake)
    return gamma / 2 * squared_norm(gradient)
