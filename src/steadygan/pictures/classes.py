"""Samples by class, and how they came about."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from steadygan.pictures.grid import GAP, SMALLEST, beside

COLUMNS = 10
HEAD = 14
"""Pixels above each column, for its iteration."""
MOST_MOMENTS = 16
"""Pictures that are shown of a run."""


def sheet(images: Tensor, classes: Tensor, real: Tensor) -> np.ndarray:
    """Return one row a class: a real example on the left, then the first COLUMNS samples of that class.

    White where there are fewer, so that a class that is never made is an empty row.

    Args:
        images: ``[n, C, H, W]``.
        classes: ``[n]``, of each image.
        real: ``[K, C, H, W]``, one example of each class.
    """
    cells = torch.ones(len(real), COLUMNS, *images.shape[1:], dtype=images.dtype)
    for row in range(len(real)):
        shown = images[classes == row][:COLUMNS]
        cells[row, : len(shown)] = shown
    return beside(real.to(images.dtype), cells.flatten(0, 1), COLUMNS)


def over_iterations(pictures: Sequence[tuple[int, Path]], shape: tuple[int, ...]) -> np.ndarray:
    """Return one row a class, one column a picture of a run: what became of one latent, uint8 ``[height, width, 3]``.

    Args:
        pictures: (iteration, file): grids of a conditional GAN, a row for each class, the same latents in each.
        shape: of one image, ``(C, H, W)``.
    """
    width = shape[2] * max(1, SMALLEST // shape[1])
    columns = []
    for iteration, path in pictures:
        with Image.open(path) as opened:
            column = opened.convert("RGB").crop((0, 0, GAP + width, opened.height))
        sheet = Image.new("RGB", (column.width, column.height + HEAD), "white")
        sheet.paste(column, (0, HEAD))
        ImageDraw.Draw(sheet).text((GAP, 1), _short(iteration), fill="black")
        columns.append(np.asarray(sheet))
    return np.concatenate(columns, axis=1)


def _short(iteration: int) -> str:
    """Return ``12k`` for 12000: five digits are wider than a digit of 32 pixels."""
    return f"{iteration // 1000}k" if iteration >= 1000 and iteration % 1000 == 0 else str(iteration)
