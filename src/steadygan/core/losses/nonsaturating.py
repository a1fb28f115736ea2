"""The first GAN with the generator's loss that does not saturate."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.declare import declare, fraction
from steadygan.core.losses.labels import cross_entropy
from steadygan.core.types import Number


@declare(real_label=fraction, fake_label=fraction)
@dataclass(frozen=True)
class NonSaturating:
    """D: cross-entropy, G: ``-log D(G(z))`` (Goodfellow et al. 2014, sec. 3; seeds B1, D3).

    Attributes:
        real_label: D's target for real samples; 0.9 is one-sided label smoothing (Salimans et al. 2016; seed C4).
            The generator still aims at 1.
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
        return F.softplus(-fake)
