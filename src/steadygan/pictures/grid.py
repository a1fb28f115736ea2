"""A grid of images."""

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from steadygan.runs.files import write_atomically

SMALLEST = 32
"""Images smaller than this are enlarged by whole factors: 8 x 8 pixels are no picture on a screen."""

GAP = 2
MOST_IMAGES, MOST_PIXELS = 4096, 2**26
"""What one picture can hold and still be opened."""


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Return ``[n, C, H, W]`` in [-1, 1] to uint8: clamped, then rounded."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def most(shape: tuple[int, ...]) -> int:
    """Return how many images of shape ``(C, H, W)`` one grid can hold."""
    factor = max(1, SMALLEST // shape[1])
    return min(MOST_IMAGES, MOST_PIXELS // ((factor * shape[1] + GAP) * (factor * shape[2] + GAP)))


def beside(first: torch.Tensor, others: torch.Tensor, columns: int) -> np.ndarray:
    """Return ``first [n, C, H, W]`` as a column on the left, ``others [n * columns, C, H, W]`` in rows on its right."""
    return np.concatenate([grid(first, 1), grid(others, columns)], axis=1)


def grid(images: torch.Tensor, columns: int | None = None, gap: int = GAP) -> np.ndarray:
    """Return ``[n, C, H, W]`` in [-1, 1] as one picture, uint8 ``[height, width, 3]``, row by row."""
    count, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    factor = max(1, SMALLEST // height)
    pixels = to_uint8(images.detach().cpu()).expand(-1, 3 if channels == 1 else channels, -1, -1)
    pixels = pixels.permute(0, 2, 3, 1).numpy().repeat(factor, 1).repeat(factor, 2)
    height, width = height * factor, width * factor
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for index, image in enumerate(pixels):
        top, left = (gap + (index // columns) * (height + gap), gap + (index % columns) * (width + gap))
        sheet[top : top + height, left : left + width] = image
    return sheet


def save(path: Path, pixels: np.ndarray) -> None:
    """Write a PNG, whole or not at all."""
    write_atomically(path, lambda file: Image.fromarray(pixels).save(file, format="png"))
