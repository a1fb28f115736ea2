"""The hinge loss."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Hinge:
    """D: ``max(0, 1 - D(x)) + max(0, 1 + D(G(z)))``, G: ``-D(G(z))`` (Lim & Ye 2017; Miyato et al. 2018, eq. 16-17)."""

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return F.relu(1 - real) + F.relu(1 + fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return -fake
