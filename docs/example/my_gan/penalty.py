"""A penalty of one's own: the Lipschitz penalty of WGAN-LP (Petzka et al. 2018, eq. 8)."""

from torch import Tensor

from steadygan.core.autodiff import input_gradient
from steadygan.core.declare import declare, nonnegative
from steadygan.core.regularizers.norms import norm


@declare(weight=nonnegative, limit=nonnegative)
def lipschitz(critic, real: Tensor, fake: Tensor, eps: Tensor, *, weight: float, limit: float) -> Tensor:
    """``weight * max(0, |grad D(x)| - limit)^2``, per sample ``[B]``, at points x between real and fake samples.

    Args:
        critic: ``[B, ...] -> [B]``, the discriminator's logits, its input noise included.
        real: ``[B, ...]``.
        fake: ``[B, ...]``.
        eps: ``[B]`` from U(0, 1), what a penalty gets unless it declares another draw.
        weight: of the penalty; a number, or a tensor where a schedule or a population brings one.
        limit: slopes up to it are free.
    """
    share = eps.reshape(-1, *[1] * (real.dim() - 1))
    _, gradient = input_gradient(critic, share * real + (1 - share) * fake)
    return weight * (norm(gradient) - limit).relu().square()
