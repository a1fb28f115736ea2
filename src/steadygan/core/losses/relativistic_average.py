"""The relativistic average loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.losses.labels import Smoothed, cross_entropy


@dataclass(frozen=True)
class RelativisticAverage(Smoothed):
    """Relativistic average loss.

    Each sample is judged against the mean of the other kind: D minimises ``-log s(D(x) - mean D(G(z)))
    - log(1 - s(D(G(z)) - mean D(x)))``, G the same with real and fake exchanged.

    The means are those of the batch that the loss sees: samples mix, and of several processes each has its own part's.

    See ``Smoothed`` for its numbers. The generator aims at 1 and 0 whatever they are.

    Reference: Jolicoeur-Martineau (2019), RaSGAN, arXiv:1807.00734.
    """

    uses_real: ClassVar[bool] = True
    """Whether the generator's loss needs logits of real samples."""

    def discriminator(self, real: Tensor, fake: Tensor, u: Tensor | None = None) -> Tensor:
        """``[B]`` from logits ``[B]`` and draws ``[B, 2]``."""
        of_real, of_fake = self.targets(u)
        return cross_entropy(real - fake.mean(), of_real) + cross_entropy(fake - real.mean(), of_fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return cross_entropy(fake - real.mean(), 1.0) + cross_entropy(real - fake.mean(), 0.0)
