"""Transforms of images ``[B, C, H, W]``, one set of numbers ``[B]`` an image; all are linear in the image but for what
they add, so that they can be differentiated as often as one likes.

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
    """The whole numbers from ``-most`` to ``most``, all as likely, from ``u`` in [0, 1)."""
    return torch.floor(u * (2 * most + 1)) - most


def shift(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Each image moved by whole pixels; zeros move in."""
    height, width = x.shape[-2:]
    return _shifting(height, down, x) @ x @ _shifting(width, right, x).mT


def _shifting(size: int, by: Tensor, like: Tensor) -> Tensor:
    """``[B, 1, size, size]``: a row for each new place."""
    place = torch.arange(size, device=like.device)
    return (place[None, :, None] - place[None, None, :] == by.view(-1, 1, 1))[:, None].to(like.dtype)


def flip(x: Tensor, left_right: Tensor) -> Tensor:
    """The mirror image where ``left_right`` is true."""
    return torch.where(each(left_right), x.flip(3), x)


def quarter_turns(x: Tensor, turns: Tensor) -> Tensor:
    """Counter-clockwise by ``turns`` (0 to 3) times 90 degrees; images that are not square by half turns alone."""
    x = torch.where(each(turns >= 2), x.flip((2, 3)), x)
    if x.shape[-2] != x.shape[-1]:
        return x
    return torch.where(each(turns % 2 == 1), x.mT.flip(2), x)


def resample(x: Tensor, scale: tuple[Tensor, Tensor], by: tuple[Tensor, Tensor]) -> Tensor:
    """Each image larger by ``scale`` (rows, columns) about its centre, then moved by so many pixels; bilinear.

    Beyond the border the image goes on as its mirror image, the edge pixel repeated.
    """
    rows, columns = (_resampling(size, *each, x) for size, *each in zip(x.shape[-2:], scale, by))
    return rows @ x @ columns.mT


def _resampling(size: int, scale: Tensor, by: Tensor, like: Tensor) -> Tensor:
    place = torch.arange(size, device=like.device, dtype=like.dtype)
    centre = (size - 1) / 2
    source = (place - centre - by[:, None]) / scale[:, None] + centre
    # The mirrored axis has period 2 size; a triangle wave brings every place back onto the image.
    source = (size - 0.5 - (torch.remainder(source + 0.5, 2 * size) - size).abs()).clamp(0, size - 1)
    return (1 - (source[:, :, None] - place).abs()).clamp(min=0)[:, None]


def mix_channels(x: Tensor, matrix: Tensor) -> Tensor:
    """``matrix [B, C, C]`` on the channels of each pixel."""
    return (matrix @ x.flatten(2)).view(x.shape)


def erase(x: Tensor, size: tuple[Tensor, Tensor], u: tuple[Tensor, Tensor]) -> Tensor:
    """Zeros in a rectangle of ``size`` pixels (rows, columns), its centre anywhere, so that it may stick out."""
    rows, columns = (_covered(length, *each, x) for length, *each in zip(x.shape[-2:], size, u))
    return x * (1 - rows[:, None, :, None] * columns[:, None, None, :])


def _covered(length: int, size: Tensor, u: Tensor, like: Tensor) -> Tensor:
    """``[B, length]``: 1 where the rectangle lies."""
    half = torch.floor(size / 2)
    first = torch.floor(u * (length + 1 - size % 2)) - half
    place = torch.arange(length, device=like.device)
    return ((place >= first[:, None]) & (place < (first + size)[:, None])).to(like.dtype)
