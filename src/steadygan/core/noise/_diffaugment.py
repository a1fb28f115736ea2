"""Differentiable augmentation."""

import torch
from torch import Tensor

from steadygan.core.augment import each, erase, shift, whole_steps
from steadygan.core.declare import declare, fraction, nonnegative
from steadygan.core.draws import uniforms
from steadygan.core.scalars import scalar
from steadygan.core.types import Number


@declare(
    draw=uniforms(7),
    images=True,
    brightness=nonnegative,
    saturation=nonnegative,
    contrast=nonnegative,
    translation=fraction,
    cutout=fraction,
)
def diffaugment(
    x: Tensor,
    eps: Tensor,
    *,
    brightness: Number,
    saturation: Number,
    contrast: Number,
    translation: Number,
    cutout: Number,
) -> Tensor:
    """Differentiable augmentation.

    D sees randomly changed images, real and fake alike, and G learns through the change (DiffAugment:
    color, translation, cutout). 0 turns a part off.

    Args:
        x: images ``[B, C, H, W]``.
        eps: U(0, 1) ``[B, 7]``.
        brightness: as much at most is added to or taken from all pixels, in the units of the data.
        saturation: the distance to the pixel's mean over channels counts ``1 +- saturation`` times.
        contrast: the distance to the image's mean counts ``1 +- contrast`` times.
        translation: moved by whole pixels, at most this share of the side; zeros move in.
        cutout: zeros in a rectangle of this share of each side, its centre anywhere.

    Reference: Zhao et al. (2020), arXiv:2006.10738.
    """
    change = 2 * eps[:, :3] - 1
    x = x + each(scalar(brightness, x) * change[:, 0])
    x = _about(x, x.mean(1, keepdim=True), 1 + scalar(saturation, x) * change[:, 1])
    x = _about(x, x.mean((1, 2, 3), keepdim=True), 1 + scalar(contrast, x) * change[:, 2])
    reach = [_pixels(size, translation, x) for size in x.shape[-2:]]
    x = shift(x, *(whole_steps(eps[:, 3 + axis], most) for axis, most in enumerate(reach)))
    hole = [_pixels(size, cutout, x).expand(len(x)) for size in x.shape[-2:]]
    return erase(x, (hole[0], hole[1]), (eps[:, 5], eps[:, 6]))


def _about(x: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    return mean + each(factor) * (x - mean)


def _pixels(size: int, share: Number, like: Tensor) -> Tensor:
    return torch.floor(size * scalar(share, like) + 0.5)
