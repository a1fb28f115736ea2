"""Samples by class."""

import numpy as np
import torch
from torch import Tensor

from steadygan.pictures.grid import beside

COLUMNS = 10


def sheet(images: Tensor, classes: Tensor, real: Tensor) -> np.ndarray:
    """One row a class: a real example on the left, then the first COLUMNS samples of that class; white where there
    are fewer, so that a class that is never made is an empty row.

    Args:
        images: ``[n, C, H, W]``.
        classes: ``[n]``, of each image.
        real: ``[K, C, H, W]``, one example of each class.
    """
    cells = torch.ones(len(real), COLUMNS, *images.shape[1:], dtype=images.dtype)
    for row in range(len(real)):
        found = images[classes == row][:COLUMNS]
        cells[row, : len(found)] = found
    return beside(real.to(images.dtype), cells.flatten(0, 1), COLUMNS)
