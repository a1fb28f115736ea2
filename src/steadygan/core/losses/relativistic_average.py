"""The relativistic average loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.declare import declare, fraction, nonnegative
from steadygan.core.losses.labels import PAIR, cross_entropy, targets
from steadygan.core.types import Number


@declare(draw=PAIR, real_label=fraction, fake_label=fraction, real_spread=nonnegative, fake_spread=nonnegative)
@dataclass(frozen=True)
class RelativisticAverage:
    """Each sample is judged against the mean of the other kind: D minimises ``-log s(D(x) - mean D(G(z)))
    - log(1 - s(D(G(z)) - mean D(x)))``, G the same with real and fake exchanged (Jolicoeur-Martineau 2019, RaSGAN,
    eqs. 10 and 11).

    The means are those of the batch that the loss sees: samples mix, and of several processes each has its own part's.

    Attributes:
        real_label: D's target for real samples; 0.9 is one-sided label smoothing (seed C4). G aims at 1 and 0 still.
        fake_label: D's target for fakes.
        real_spread: the target of each real sample is uniform in ``real_label +- real_spread``.
        fake_spread: as ``real_spread``.
    """

    uses_real: ClassVar[bool] = True
    """Whether the generator's loss needs logits of real samples."""

    real_label: Number = 1.0
    fake_label: Number = 0.0
    real_spread: Number = 0.0
    fake_spread: Number = 0.0

    def discriminator(self, real: Tensor, fake: Tensor, u: Tensor | None = None) -> Tensor:
        """``[B]`` from logits ``[B]`` and draws ``[B, 2]``."""
        of_real, of_fake = targets((self.real_label, self.real_spread), (self.fake_label, self.fake_spread), u)
        return cross_entropy(real - fake.mean(), of_real) + cross_entropy(fake - real.mean(), of_fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return cross_entropy(fake - real.mean(), 1.0) + cross_entropy(real - fake.mean(), 0.0)
