"""Losses of f-divergences."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from steadygan.common.errors import bad_value

Side = Callable[[Tensor], Tensor]

DIVERGENCES: dict[str, tuple[Side, Side]] = {
    "kl": (lambda v: v, lambda v: torch.exp(v - 1)),
    "reverse_kl": (lambda v: -torch.exp(-v), lambda v: v - 1),
    "js": (lambda v: log(2) - F.softplus(-v), lambda v: F.softplus(v) - log(2)),
    "pearson": (lambda v: v, lambda v: v.square() / 4 + v),
    "squared_hellinger": (lambda v: 1 - torch.exp(-v), lambda v: torch.exp(v) - 1),
}
"""``g_f(v)`` and ``f*(g_f(v))`` of logits, the conjugate with its argument put in (Nowozin et al. 2016, table 2)."""


@dataclass(frozen=True)
class FGan:
    """f-GAN: an f-divergence by its variational bound.

    D maximises ``g_f(D(x)) - f*(g_f(D(G(z))))``, whose largest value is the divergence ``D_f(P, Q)`` of the data
    from the generator's law; G minimises it.

    ``js`` is twice the Jensen-Shannon divergence with halves, ``pearson`` is ``integral of (p - q)^2 / q``,
    ``squared_hellinger`` that of ``(sqrt p - sqrt q)^2``.

    Attributes:
        divergence: one of ``DIVERGENCES``.
        saddle: whether G minimises what D maximises; else it maximises ``g_f(D(G(z)))`` (their section 3.2), which
            does not saturate.

    Raises:
        UserError: there is no such divergence.

    Reference: Nowozin et al. (2016), eqs. 4 to 6, arXiv:1606.00709.
    """

    uses_real: ClassVar[bool] = False
    """Whether the generator's loss needs logits of real samples."""

    divergence: str = "kl"
    saddle: bool = False

    def __post_init__(self) -> None:
        if self.divergence not in DIVERGENCES:
            raise bad_value("loss.divergence", self.divergence, "no such divergence", DIVERGENCES)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``."""
        activation, conjugate = DIVERGENCES[self.divergence]
        return conjugate(fake) - activation(real)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """``[B]`` from logits ``[B]``; ``real`` is not used."""
        activation, conjugate = DIVERGENCES[self.divergence]
        return -conjugate(fake) if self.saddle else -activation(fake)
