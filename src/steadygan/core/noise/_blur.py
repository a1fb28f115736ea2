"""Coarse graining: the discriminator sees blurred samples."""

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import normal_for_vectors
from steadygan.core.noise._instance import instance
from steadygan.core.scalars import scalar
from steadygan.core.types import Number


@declare(draw=normal_for_vectors, sigma=nonnegative)
def blur(x: Tensor, eps: Tensor | None, *, sigma: Number, radius: int = 12) -> Tensor:
    """Blur by a Gaussian of standard deviation ``sigma``.

    Images ``[B, C, H, W]``: a separable Gaussian filter, ``sigma`` in pixels, which uses no ``eps``. Beyond the border
    the image goes on as its mirror image, the edge pixel repeated (half-sample symmetric; scipy's ``mode="reflect"``),
    as often as a small image needs. ``sigma = 0`` gives ``x`` exactly.

    Vectors ``[B, d]``: one smeared copy ``x + sigma eps``, ``sigma`` in the units of the data. Blurring a density is
    averaging over such copies, which the objective does.

    Args:
        x: the samples.
        eps: N(0, 1) like ``x`` for vectors, None for images.
        sigma: the level.
        radius: the filter is cut off at this many pixels. Not a setting to sweep: it fixes the shape of the
            computation. The default is exact to 4 sigma for ``sigma <= 3``.

    Raises:
        UserError: ``radius`` is not a whole number of at least 0.

    Reference: Ramakers et al. (undated), eqs. 8 and 9.
    """
    if x.ndim != 4:
        assert eps is not None  # as it is drawn for vectors
        return instance(x, eps, sigma=sigma)
    if not isinstance(radius, int) or radius < 0:
        raise bad_value("noise.radius", radius, "must be a whole number of at least 0")
    height, width = x.shape[-2:]
    rows = blur_matrix(height, scalar(sigma, x), radius)
    columns = rows if width == height else blur_matrix(width, scalar(sigma, x), radius)
    return rows @ (x @ columns.mT)


def blur_matrix(size: int, sigma: Tensor, radius: int) -> Tensor:
    """Return the Gaussian filter along one axis as a matrix ``[size, size]`` whose rows sum to 1.

    As a matrix, since it holds any border for any radius, is quick at the sizes of images here, and ``vmap`` over
    ``sigma`` is a batched product. Entry ``(i, j)`` adds up the kernel at the distances from ``i`` to ``j`` and to all
    mirror images of ``j`` within reach.
    """
    positive = sigma > 0
    # Distance over sigma before the square: the square of a tiny sigma would be 0.
    pixels = _distances(size, radius, sigma.device)
    distance = pixels / torch.where(positive, sigma, 1.0)
    weights = torch.where(pixels.abs() <= radius, torch.exp(-0.5 * distance.square()), 0.0).sum(0)
    identity = torch.eye(size, dtype=sigma.dtype, device=sigma.device)
    return torch.where(positive, weights / weights.sum(1, keepdim=True), identity)


def _distances(size: int, radius: int, device: torch.device) -> Tensor:
    """``[images, size, size]``: from pixel i to each image of pixel j that any pixel reaches within ``radius``.

    The mirrored axis has period ``2 size``; in it, pixel j lies at j and at -1 - j.
    """
    index = torch.arange(size, device=device)
    i, j = index[:, None], index[None, :]
    period = 2 * size
    turns = (radius + size - 1) // period
    direct = [i - j - period * turn for turn in range(-turns, turns + 1)]
    first, last = -((radius - 1) // period), (radius + period - 1) // period
    mirrored = [i + j + 1 - period * turn for turn in range(first, last + 1)]
    return torch.stack(direct + mirrored)
