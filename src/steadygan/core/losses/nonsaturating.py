"""The first GAN with the generator's loss that does not saturate."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.losses.labels import Smoothed, cross_entropy


@dataclass(frozen=True)
class NonSaturating(Smoothed):
    """D: cross-entropy, G: ``-log D(G(z))``.

    See ``Smoothed`` for its numbers. The generator aims at 1 whatever they are.

    Reference: Goodfellow et al. (2014), section 3, arXiv:1406.2661; Arjovsky and Bottou (2017), theorems 2.5
    and 2.6, arXiv:1701.04862.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    def discriminator(self, real: Tensor, fake: Tensor, u: Tensor | None = None) -> Tensor:
        """``[B]`` from logits ``[B]`` and draws ``[B, 2]``."""
        of_real, of_fake = self.targets(u)
        return cross_entropy(real, of_real) + cross_entropy(fake, of_fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return F.softplus(-fake)
