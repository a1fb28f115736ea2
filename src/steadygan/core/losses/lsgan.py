"""Least squares, with a fake target that can be raised."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.declare import decay, declare, finite, nonnegative
from steadygan.core.losses.labels import PAIR, targets
from steadygan.core.types import Number


@declare(draw=PAIR, alpha=decay, real_label=finite, real_spread=nonnegative, fake_spread=nonnegative)
@dataclass(frozen=True)
class LeastSquares:
    """D: ``1/2 (D(x) - 1)^2 + 1/2 (D(G(z)) - alpha)^2``, G: ``1/2 (D(G(z)) - 1)^2``.

    With ``D = alpha + (1 - alpha) D'`` the whole game is ``(1 - alpha)^2`` times the one with ``alpha = 0``: raw losses
    shrink with ``alpha`` whatever happens in training. Compare the normalised ones (``logs``).

    Attributes:
        alpha: D's target for fakes, in [0, 1).
        real_label: D's target for real samples (label smoothing). The generator still aims at 1.
        real_spread: the target of each real sample is uniform in ``real_label +- real_spread`` (Pani: 0.95 +- 0.25).
        fake_spread: that of each fake in ``alpha +- fake_spread`` (Pani: 0.15 +- 0.15).
        normalised: whether both losses are divided by ``(1 - alpha)^2``.

    Reference: Mao et al. (2017), arXiv:1611.04076; Pani (undated), eqs. 8 to 10.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    alpha: Number = 0.0
    real_label: Number = 1.0
    real_spread: Number = 0.0
    fake_spread: Number = 0.0
    normalised: bool = False

    def discriminator(self, real: Tensor, fake: Tensor, u: Tensor | None = None) -> Tensor:
        """``[B]`` from logits ``[B]`` and draws ``[B, 2]``."""
        of_real, of_fake = targets((self.real_label, self.real_spread), (self.alpha, self.fake_spread), u)
        return 0.5 * self._scaled((real - of_real).square() + (fake - of_fake).square())

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return 0.5 * self._scaled((fake - 1).square())

    def logs(self, discriminator_loss: Tensor, generator_loss: Tensor) -> dict[str, Tensor]:
        """Return the raw and the normalised loss of each player, from what ``discriminator`` and ``generator`` gave."""
        unit = (1 - self.alpha) ** 2
        to_raw, to_normalised = (unit, 1) if self.normalised else (1, 1 / unit)
        losses = {"discriminator": discriminator_loss, "generator": generator_loss}
        return {
            **{f"raw_{player}": loss * to_raw for player, loss in losses.items()},
            **{f"normalised_{player}": loss * to_normalised for player, loss in losses.items()},
        }

    def _scaled(self, loss: Tensor) -> Tensor:
        return loss / (1 - self.alpha) ** 2 if self.normalised else loss
