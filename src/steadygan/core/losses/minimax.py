"""The zero-sum game of the first GAN."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.declare import declare, fraction
from steadygan.core.losses.labels import cross_entropy
from steadygan.core.types import Number


@declare(real_label=fraction, fake_label=fraction)
@dataclass(frozen=True)
class Minimax:
    """``min_G max_D E log D(x) + E log(1 - D(G(z)))`` (Goodfellow et al. 2014, eq. 1; seed B1).

    The generator minimises the negative of the discriminator's fake term, so the game stays zero-sum with smoothed
    labels. Its gradient vanishes where the discriminator is sure (seed D2).

    Attributes:
        real_label: D's target for real samples; 0.9 is one-sided label smoothing (Salimans et al. 2016; seed C4).
        fake_label: D's target for fakes.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    real_label: Number = 1.0
    fake_label: Number = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return cross_entropy(real, self.real_label) + cross_entropy(fake, self.fake_label)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return -cross_entropy(fake, self.fake_label)
