"""Targets of a discriminator: soft, and drawn anew for each sample."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.declare import declare, fraction, nonnegative
from steadygan.core.draws import uniforms
from steadygan.core.types import Loss, Number

PAIR = uniforms(2)
"""One number for the real and one for the generated example at each place of a batch."""


def cross_entropy(logits: Tensor, label: Number) -> Tensor:
    """``-y log s(t) - (1 - y) log(1 - s(t))`` per sample, ``s`` the sigmoid, ``y`` the probability of being real.

    Written with softplus, so that it neither overflows nor loses the small side at large logits. It is linear in ``y``:
    with targets that are drawn, its mean is that with their mean.

    Args:
        logits: ``[B]``.
        label: ``y``, a number or ``[B]``.
    """
    return label * F.softplus(-logits) + (1 - label) * F.softplus(logits)


def targets(real: tuple[Number, Number], fake: tuple[Number, Number], u: Tensor | None) -> tuple[Number, Number]:
    """Targets that are drawn anew for each sample.

    They are uniform in ``label +- range`` (Salimans et al. 2016, in Pani's account:
    0.7 to 1.2 for real samples, 0 to 0.3 for fakes).

    Args:
        real: label and range of the real samples.
        fake: of the fakes.
        u: U(0, 1) ``[B, 2]``; None stands for the labels themselves.

    Returns:
        ``[B]`` for the real samples and for the fakes; numbers where nothing is drawn.

    Reference: Salimans et al. (2016), arXiv:1606.03498; Pani (undated), section 3.
    """
    if u is None:
        return real[0], fake[0]
    wide = 2 * u - 1
    of_real, of_fake = (label + label_range * wide[:, side] for side, (label, label_range) in enumerate((real, fake)))
    return of_real, of_fake


@dataclass(frozen=True)
class Drawn:
    """A loss with what it has drawn for a batch, as a function of logits alone."""

    loss: Loss
    u: Tensor

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss at the draw."""
        return self.loss.discriminator(real, fake, self.u)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """Return the generator's loss, which draws nothing."""
        return self.loss.generator(real, fake)


@declare(draw=PAIR, real_label=fraction, fake_label=fraction, real_spread=nonnegative, fake_spread=nonnegative)
@dataclass(frozen=True)
class Smoothed:
    """A loss whose discriminator aims at probabilities of being real.

    Attributes:
        real_label: D's target for real samples; 0.9 is one-sided label smoothing (Salimans et al. 2016).
        fake_label: D's target for fakes.
        real_spread: the target of each real sample is uniform in ``real_label +- real_spread`` (Pani: 0.95 +- 0.25).
        fake_spread: as ``real_spread`` (Pani: 0.15 +- 0.15).
    """

    real_label: Number = 1.0
    fake_label: Number = 0.0
    real_spread: Number = 0.0
    fake_spread: Number = 0.0

    def targets(self, u: Tensor | None) -> tuple[Number, Number]:
        """See ``targets``."""
        return targets((self.real_label, self.real_spread), (self.fake_label, self.fake_spread), u)
