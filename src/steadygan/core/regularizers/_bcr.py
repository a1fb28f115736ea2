"""Balanced consistency regularisation."""

from torch import Tensor

from steadygan.core.augment import flip as mirrored
from steadygan.core.augment import shift as shifted
from steadygan.core.augment import whole_steps
from steadygan.core.autodiff import Samples, logits_at, tensor
from steadygan.core.declare import Range, declare, fraction, nonnegative
from steadygan.core.draws import uniforms
from steadygan.core.types import Critic, Number

pixels = Range("must be a whole number of at least 0", low=0.0, whole=True)


@declare(
    draw=uniforms(6),
    images=True,
    evaluated=True,
    weight_real=nonnegative,
    weight_fake=nonnegative,
    shift=pixels,
    flip=fraction,
)
def bcr(
    critic: Critic,
    real: Samples,
    fake: Samples,
    eps: Tensor,
    *,
    weight_real: Number,
    weight_fake: Number,
    shift: Number,
    flip: Number,
) -> Tensor:
    """Balanced consistency regularisation.

    ``weight_real (D(x) - D(T(x)))^2 + weight_fake (D(G(z)) - D(T(G(z))))^2``, ``T`` a random change that keeps what
    an image shows, per sample ``[B]`` (Zhao et al. 2021, bCR, algorithm 1; Zhang et al. 2020, CR, with
    ``weight_fake = 0``).

    Args:
        critic: ``[B, C, H, W] -> [B]``.
        real: images ``[B, C, H, W]``.
        fake: like ``real``.
        eps: U(0, 1) ``[B, 6]``.
        weight_real: of real samples, the paper's lambda.
        weight_fake: of fakes.
        shift: ``T`` moves by at most so many pixels each way; zeros move in.
        flip: ``T`` mirrors left and right with this probability; 0 where that changes the meaning, as with digits.

    Reference: Zhao et al. (2021), algorithm 1, arXiv:2002.04724; Zhang et al. (2020), arXiv:1910.12027.
    """

    def inconsistency(x: Samples, u: Tensor) -> Tensor:
        changed = mirrored(tensor(x), u[:, 0] < flip)
        changed = shifted(changed, whole_steps(u[:, 1], shift), whole_steps(u[:, 2], shift))
        return (logits_at(critic, x) - critic(changed)).square()

    return weight_real * inconsistency(real, eps[:, :3]) + weight_fake * inconsistency(fake, eps[:, 3:])
