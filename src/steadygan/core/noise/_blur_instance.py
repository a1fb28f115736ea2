"""Blur, then instance noise."""

from torch import Tensor

from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import normal_like
from steadygan.core.noise._blur import blur
from steadygan.core.noise._instance import instance
from steadygan.core.types import Number


@declare(draw=normal_like, blur_sigma=nonnegative, instance_sigma=nonnegative)
def blur_instance(x: Tensor, eps: Tensor, *, blur_sigma: Number, instance_sigma: Number, radius: int = 12) -> Tensor:
    """Blur, then add instance noise.

    Images ``[B, C, H, W]``: blurred with ``blur_sigma`` (pixels), then ``instance_sigma eps`` is added. Vectors
    ``[B, d]``: two Gaussians in a row are one, ``x + sqrt(blur_sigma^2 + instance_sigma^2) eps``.

    Args:
        x: the samples.
        eps: N(0, 1) like ``x``.
        blur_sigma: the level of the blur.
        instance_sigma: the level of the noise, in the units of the data.
        radius: where the blur's filter is cut off, in pixels; see ``blur``.

    Reference: Ramakers et al. (undated), eqs. 8 and 9; Arjovsky and Bottou (2017), arXiv:1701.04862.
    """
    if x.ndim != 4:
        return instance(x, eps, sigma=(blur_sigma**2 + instance_sigma**2) ** 0.5)
    return instance(blur(x, None, sigma=blur_sigma, radius=radius), eps, sigma=instance_sigma)
