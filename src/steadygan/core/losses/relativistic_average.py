"""The relativistic average loss."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class RelativisticAverage:
    """Each sample is judged against the mean of the other kind: D minimises ``-log s(D(x) - mean D(G(z)))
    - log(1 - s(D(G(z)) - mean D(x)))``, G the same with real and fake exchanged (Jolicoeur-Martineau 2019, RaSGAN,
    eqs. 10 and 11).

    The means are those of the batch that the loss sees: samples mix, and of several processes each has its own part's.
    """

    uses_real: ClassVar[bool] = True
    """Whether the generator's loss needs logits of real samples."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return F.softplus(fake.mean() - real) + F.softplus(fake - real.mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return self.discriminator(fake, real)
