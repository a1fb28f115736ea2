"""Plot of vectors generated along paths through the latents."""

from pathlib import Path

import torch

from steadygan.pictures.canvas import REAL, axes, limits, save


def plot(path: Path, real: torch.Tensor, generated: torch.Tensor) -> None:
    """Draw one curve a path, its ends marked: the first two coordinates or, in one dimension, over the path's length.

    Args:
        path: the PNG to write.
        real: ``[n, d]``.
        generated: ``[paths, steps, d]``.
    """
    low, high = limits(real)
    ax = axes()
    if real.shape[1] == 1:
        t = torch.linspace(0, 1, generated.shape[1])
        ax.scatter(torch.zeros(len(real)) - 0.05, real[:, 0], s=4, c=REAL, label="real", linewidths=0)
        curves = [(t, points[:, 0]) for points in generated]
    else:
        ax.scatter(real[:, 0], real[:, 1], s=4, c=REAL, label="real", linewidths=0)
        ax.set(xlim=(low, high), aspect="equal")
        curves = [(points[:, 0], points[:, 1]) for points in generated]
    for x, y in curves:
        ax.plot(x, y, marker="o", markevery=[0, -1], markersize=3, linewidth=1)
    ax.set(ylim=(low, high))
    save(path, ax)
