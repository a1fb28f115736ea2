"""The relativistic pairing loss."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Relativistic:
    """Relativistic pairing loss.

    Each fake is judged against one real sample: ``min_G max_D E f(D(x) - D(G(z)))``, ``f(t) = -log(1 + exp(-t))``,
    and the generator maximises ``f`` of the opposite difference.

    Both players need logits of real and of fake samples, paired by their place in the batch.

    Reference: Jolicoeur-Martineau (2019), arXiv:1807.00734; Huang et al. (2024), eq. 2, arXiv:2501.05441.
    """

    uses_real: ClassVar[bool] = True
    """Whether the generator's loss needs logits of real samples."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return F.softplus(fake - real)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return F.softplus(real - fake)
