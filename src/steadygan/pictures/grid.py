"""A grid of images."""

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from steadygan.files import write_atomically

SMALLEST = 32
"""Images smaller than this are enlarged by whole factors: 8 x 8 pixels are no picture on a screen."""


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """``[n, C, H, W]`` in [-1, 1] to uint8: clamped, then rounded."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def grid(images: torch.Tensor, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """``[n, C, H, W]`` in [-1, 1] as one picture, uint8 ``[height, width, 3]``, row by row."""
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
