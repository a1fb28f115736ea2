"""The Wasserstein critic's loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.declare import decay, declare
from steadygan.core.types import Number


@declare(alpha=decay)
@dataclass(frozen=True)
class Wasserstein:
    """D: ``(1 - alpha) D(G(z)) - D(x)``, G: ``-D(G(z))``.

    ``alpha`` is the counterpart of the least-squares target of Pani (eq. 10), who gives no formula for this loss:
    subtracting a constant would have no gradient, so ours scales the critic's fake term. As there, only the
    discriminator's cost changes. For ``alpha > 0`` the critic gains ``alpha`` for each unit by which it raises all its
    logits, so a penalty that leaves the output's bias free lets the logits drift upwards; weight clipping bounds it.

    Attributes:
        alpha: in [0, 1).

    Reference: Arjovsky et al. (2017), eq. 2, arXiv:1701.07875.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    alpha: Number = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from the critic's values ``[B]``."""
        return (1 - self.alpha) * fake - real

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from the critic's values ``[B]``; ``real`` is not used."""
        return -fake
