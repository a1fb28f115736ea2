"""What the generator makes along a way through the latents, for vectors."""

from pathlib import Path

import torch

from steadygan.pictures.canvas import REAL, axes, limits, save


def ways(path: Path, real: torch.Tensor, made: torch.Tensor) -> None:
    """One curve a way, its ends marked: in the first two coordinates, or, on the line, over the way's length.

    Args:
        path: the PNG to write.
        real: ``[n, d]``.
        made: ``[ways, steps, d]``.
    """
    low, high = limits(real)
    drawn = axes()
    if real.shape[1] == 1:
        t = torch.linspace(0, 1, made.shape[1])
        drawn.scatter(torch.zeros(len(real)) - 0.05, real[:, 0], s=4, c=REAL, label="real", linewidths=0)
        curves = [(t, way[:, 0]) for way in made]
    else:
        drawn.scatter(real[:, 0], real[:, 1], s=4, c=REAL, label="real", linewidths=0)
        drawn.set(xlim=(low, high), aspect="equal")
        curves = [(way[:, 0], way[:, 1]) for way in made]
    for x, y in curves:
        drawn.plot(x, y, marker="o", markevery=[0, -1], markersize=3, linewidth=1)
    drawn.set(ylim=(low, high))
    save(path, drawn)
