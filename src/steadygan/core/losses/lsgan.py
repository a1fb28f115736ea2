"""Least squares, with a fake target that can be raised."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from steadygan.core.declare import decay, declare, finite
from steadygan.core.types import Number


@declare(alpha=decay, real_label=finite)
@dataclass(frozen=True)
class LeastSquares:
    """D: ``1/2 (D(x) - 1)^2 + 1/2 (D(G(z)) - alpha)^2``, G: ``1/2 (D(G(z)) - 1)^2`` (Mao et al. 2017; seeds C1, C2).

    With ``D = alpha + (1 - alpha) D'`` the whole game is ``(1 - alpha)^2`` times the one with ``alpha = 0``: raw losses
    shrink with ``alpha`` whatever happens in training. Compare the normalised ones (``logs``).

    Attributes:
        alpha: D's target for fakes, in [0, 1).
        real_label: D's target for real samples (label smoothing, seed C4). The generator still aims at 1.
        normalised: whether both losses are divided by ``(1 - alpha)^2``.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    alpha: Number = 0.0
    real_label: Number = 1.0
    normalised: bool = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        return 0.5 * self._scaled((real - self.real_label).square() + (fake - self.alpha).square())

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        return 0.5 * self._scaled((fake - 1).square())

    def logs(self, discriminator_loss: Tensor, generator_loss: Tensor) -> dict[str, Tensor]:
        """The raw and the normalised loss of each player, from what ``discriminator`` and ``generator`` gave."""
        unit = (1 - self.alpha) ** 2
        to_raw, to_normalised = (unit, 1) if self.normalised else (1, 1 / unit)
        losses = {"discriminator": discriminator_loss, "generator": generator_loss}
        return {
            **{f"raw_{player}": loss * to_raw for player, loss in losses.items()},
            **{f"normalised_{player}": loss * to_normalised for player, loss in losses.items()},
        }

    def _scaled(self, loss: Tensor) -> Tensor:
        return loss / (1 - self.alpha) ** 2 if self.normalised else loss
