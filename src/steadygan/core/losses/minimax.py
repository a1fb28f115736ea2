"""The zero-sum game of the first GAN."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.declare import declare, fraction, nonnegative
from steadygan.core.losses.labels import PAIR, cross_entropy, targets
from steadygan.core.types import Number


@declare(draw=PAIR, real_label=fraction, fake_label=fraction, real_spread=nonnegative, fake_spread=nonnegative)
@dataclass(frozen=True)
class Minimax:
    """``min_G max_D E log D(x) + E log(1 - D(G(z)))`` (Goodfellow et al. 2014, eq. 1; seed B1).

    The generator minimises the negative of the discriminator's fake term, at the mean of its target: the game stays
    zero-sum with smoothed labels. Its gradient vanishes where the discriminator is sure (seed D2).

    Attributes:
        real_label: D's target for real samples; 0.9 is one-sided label smoothing (Salimans et al. 2016; seed C4).
        fake_label: D's target for fakes.
        real_spread: the target of each real sample is uniform in ``real_label +- real_spread`` (seed C4: 0.95 +- 0.25).
        fake_spread: as ``real_spread`` (seed C4: 0.15 +- 0.15).
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    real_label: Number = 1.0
    fake_label: Number = 0.0
    real_spread: Number = 0.0
    fake_spread: Number = 0.0

    def discriminator(self, real: Tensor, fake: Tensor, u: Tensor | None = None) -> Tensor:
        """``[B]`` from logits ``[B]`` and draws ``[B, 2]``."""
        of_real, of_fake = targets((self.real_label, self.real_spread), (self.fake_label, self.fake_spread), u)
        return cross_entropy(real, of_real) + cross_entropy(fake, of_fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return -cross_entropy(fake, self.fake_label)
