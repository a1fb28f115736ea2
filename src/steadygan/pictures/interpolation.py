"""Ways from one latent to another."""

from collections.abc import Callable

import torch
from torch import Tensor

PARALLEL = 1e-6
"""Below this sine of the angle, an arc is a straight line to rounding (or, between opposites, no arc at all)."""


def linear(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return ``(1 - t) a + t b`` for ``a, b [..., d]``; ``t`` broadcasts."""
    return (1 - t) * a + t * b


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return ``(sin((1 - t) w) a + sin(t w) b) / sin w`` with ``w`` the angle between ``a`` and ``b``, ``[..., d]``.

    Shoemake 1985, for latents White 2016 ("Sampling generative networks", section 2.1): between vectors of one length
    all points have that length, as latents of a Gaussian nearly do, where the linear way passes nearer to 0. Along one
    line (also where a vector is 0), where no arc is defined, the way is linear.

    Reference: Shoemake (1985), doi:10.1145/325165.325242; White (2016), section 2.1, arXiv:1609.04468.
    """
    lengths = a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True)
    cosine = ((a * b).sum(-1, keepdim=True) / lengths.clamp_min(torch.finfo(a.dtype).tiny)).clamp(-1, 1)
    angle = torch.where(lengths > 0, cosine.acos(), 0)
    sine = angle.sin()
    straight = sine < PARALLEL
    sine = torch.where(straight, 1, sine)
    arc = ((1 - t) * angle).sin() / sine * a + (t * angle).sin() / sine * b
    return torch.where(straight, linear(a, b, t), arc)


def paths(a: Tensor, b: Tensor, steps: int, between: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Return ``[n, steps, d]`` from ``a [n, d]`` to ``b [n, d]`` in even steps, both ends included."""
    t = torch.linspace(0, 1, steps, dtype=a.dtype)[None, :, None]
    return between(a[:, None], b[:, None], t)
