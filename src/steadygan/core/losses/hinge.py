"""The hinge loss."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Hinge:
    """D: ``max(0, 1 - D(x)) + max(0, 1 + D(G(z)))``, G: ``-D(G(z))``.

    Reference: Lim and Ye (2017), arXiv:1705.02894; Miyato et al. (2018), eqs. 16 and 17, arXiv:1802.05957.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return F.relu(1 - real) + F.relu(1 + fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return -fake
