"""Transforms of images ``[B, C, H, W]``, one set of numbers ``[B]`` an image.

All are linear in the image but for what they add, so that they can be differentiated as often as one likes.

Resampling is by a matrix for the rows and one for the columns of each image: any whole or fractional place, the same
program for all members of a population, and no scattering in the backward pass.
"""

import torch
from torch import Tensor

from steadygan.core.types import Number


def each(value: Tensor) -> Tensor:
    """``[B] -> [B, 1, 1, 1]``."""
    return value.view(-1, 1, 1, 1)


def whole_steps(u: Tensor, most: Number) -> Tensor:
    """Return the whole numbers from ``-most`` to ``most``, all as likely, from ``u`` in [0, 1)."""
    return torch.floor(u * (2 * most + 1)) - most


def rounded_steps(u: Tensor, most: Number) -> Tensor:
    """Round a place anywhere between ``-most`` and ``most`` to a whole one, from ``u`` in [0, 1).

    Of a whole ``most`` the two outermost are half as likely as the others.
    """
    return torch.round((2 * u - 1) * most)


def shift(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move each image by whole pixels; zeros move in."""
    height, width = x.shape[-2:]
    return _shifting(height, down, x) @ x @ _shifting(width, right, x).mT


def _shifting(size: int, by: Tensor, like: Tensor) -> Tensor:
    """``[B, 1, size, size]``: a row for each new place."""
    position = torch.arange(size, device=like.device)
    return (position[None, :, None] - position[None, None, :] == by.view(-1, 1, 1))[:, None].to(like.dtype)


def flip(x: Tensor, left_right: Tensor) -> Tensor:
    """Mirror each image where ``left_right`` is true."""
    return torch.where(each(left_right), x.flip(3), x)


def quarter_turns(x: Tensor, turns: Tensor) -> Tensor:
    """Counter-clockwise by ``turns`` (0 to 3) times 90 degrees; images that are not square by half turns alone."""
    x = torch.where(each(turns >= 2), x.flip((2, 3)), x)
    if x.shape[-2] != x.shape[-1]:
        return x
    return torch.where(each(turns % 2 == 1), x.mT.flip(2), x)


def resample(x: Tensor, scale: tuple[Tensor, Tensor], by: tuple[Tensor, Tensor]) -> Tensor:
    """Scale each image by ``scale`` (rows, columns) about its centre, then move it by so many pixels; bilinear.

    Beyond the border the image goes on as its mirror image about the edge pixel, which is not repeated.
    """
    rows, columns = (_resampling(*axis, x) for axis in zip(x.shape[-2:], scale, by))
    return rows @ x @ columns.mT


def _resampling(size: int, scale: Tensor, by: Tensor, like: Tensor) -> Tensor:
    position = torch.arange(size, device=like.device, dtype=like.dtype)
    centre = (size - 1) / 2
    return _weights((position - centre - by[:, None]) / scale[:, None] + centre, size)[:, None]


def _weights(source: Tensor, size: int) -> Tensor:
    """``[..., size]``: how much each pixel of an axis counts at places ``source [...]``, by linear interpolation."""
    # The mirrored axis has period 2 (size - 1); a triangle wave brings every place back onto the image.
    most = size - 1
    source = most - (torch.remainder(source, max(2 * most, 1)) - most).abs()
    pixels = torch.arange(size, device=source.device, dtype=source.dtype)
    return (1 - (source[..., None] - pixels).abs()).clamp(min=0)


def warp(x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Return each image seen through a map of the plane, ``[B, C, H, W]``.

    The pixel at ``p`` from the centre is the image's at
    ``matrix p + offset``; bilinear, beyond the border as ``resample``.

    By products of matrices, which unlike a gathering of pixels add up in the same order each time; they hold
    ``B (C + 2) H W max(H, W)`` numbers.

    Args:
        x: ``[B, C, H, W]``.
        matrix: ``[B, 2, 2]``, for (row, column).
        offset: ``[B, 2]``, pixels.
    """
    height, width = x.shape[-2:]
    positions = [torch.arange(size, device=x.device, dtype=x.dtype) - (size - 1) / 2 for size in (height, width)]
    grid = torch.stack(torch.meshgrid(*positions, indexing="ij"), -1).flatten(0, 1)
    source = grid @ matrix.mT + offset[:, None]
    rows = _weights(source[..., 0] + (height - 1) / 2, height)[:, None]
    columns = _weights(source[..., 1] + (width - 1) / 2, width)[:, None]
    return ((rows @ x) * columns).sum(-1).view(x.shape)


def rotation(angle: Tensor) -> Tensor:
    """``[B, 2, 2]`` of angles ``[B]``: what turns (row, column) by them."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)


def cut_out(x: Tensor, share: Tensor, centre: tuple[Tensor, Tensor]) -> Tensor:
    """Zeros where pixels lie in a rectangle of ``share`` of each side about ``centre`` (rows, columns; in [0, 1])."""
    inside = []
    for length, middle in zip(x.shape[-2:], centre):
        position = (torch.arange(length, device=x.device, dtype=x.dtype) + 0.5) / length
        inside.append((position - middle[:, None]).abs() < share[:, None] / 2)
    return torch.where((inside[0][:, :, None] & inside[1][:, None])[:, None], 0, x)


def mix_channels(x: Tensor, matrix: Tensor) -> Tensor:
    """``matrix [B, C, C]`` on the channels of each pixel."""
    return (matrix @ x.flatten(2)).view(x.shape)


def erase(x: Tensor, size: tuple[Tensor, Tensor], u: tuple[Tensor, Tensor]) -> Tensor:
    """Zeros in a rectangle of ``size`` pixels (rows, columns), its centre anywhere, so that it may stick out."""
    rows, columns = (_covered(*axis, x) for axis in zip(x.shape[-2:], size, u))
    return x * (1 - rows[:, None, :, None] * columns[:, None, None, :])


def _covered(length: int, size: Tensor, u: Tensor, like: Tensor) -> Tensor:
    """``[B, length]``: 1 where the rectangle lies."""
    half = torch.floor(size / 2)
    first = torch.floor(u * (length + 1 - size % 2)) - half
    position = torch.arange(length, device=like.device)
    return ((position >= first[:, None]) & (position < (first + size)[:, None])).to(like.dtype)
