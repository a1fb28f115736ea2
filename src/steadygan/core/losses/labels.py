"""Targets of a discriminator: soft, and drawn anew for each sample."""

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.draws import uniforms
from steadygan.core.types import Number

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
    """The targets of the samples of a batch, uniform in ``label +- spread`` (Salimans et al. 2016 as told in seed C4:
    0.7 to 1.2 for real samples, 0 to 0.3 for fakes).

    Args:
        real: label and spread of the real samples.
        fake: of the fakes.
        u: U(0, 1) ``[B, 2]``; None stands for the labels themselves.

    Returns:
        ``[B]`` for the real samples and for the fakes; numbers where nothing is drawn.
    """
    if u is None:
        return real[0], fake[0]
    wide = 2 * u - 1
    return tuple(label + spread * wide[:, side] for side, (label, spread) in enumerate((real, fake)))
