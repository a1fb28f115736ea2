"""The zero-sum game of the first GAN."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.losses.labels import Smoothed, cross_entropy


@dataclass(frozen=True)
class Minimax(Smoothed):
    """``min_G max_D E log D(x) + E log(1 - D(G(z)))``.

    The generator minimises the negative of the discriminator's fake term, at the mean of its target: the game stays
    zero-sum with smoothed labels. Its gradient vanishes where the discriminator is sure.

    See ``Smoothed`` for its numbers.

    Reference: Goodfellow et al. (2014), eq. 1, arXiv:1406.2661; Arjovsky and Bottou (2017), theorem 2.4,
    arXiv:1701.04862.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    def discriminator(self, real: Tensor, fake: Tensor, u: Tensor | None = None) -> Tensor:
        """``[B]`` from logits ``[B]`` and draws ``[B, 2]``."""
        of_real, of_fake = self.targets(u)
        return cross_entropy(real, of_real) + cross_entropy(fake, of_fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return -cross_entropy(fake, self.fake_label)
