"""Axes of a fixed size to draw points on, and the PNG that becomes of them."""

from pathlib import Path
from typing import Any

import torch

from steadygan.files import write_atomically

INCHES, DPI = 4.0, 80
REAL, FAKE, CRITIC = "#555555", "#009E73", "#D55E00"


def axes() -> Any:
    """Empty axes on a figure of their own, ``axes.figure``."""
    # Not pyplot: its figures live until they are closed, and it picks a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Fixed margins: a layout engine would draw every picture twice.
    figure = Figure(figsize=(INCHES, INCHES), dpi=DPI)
    FigureCanvasAgg(figure)
    found = figure.add_axes((0.11, 0.07, 0.78, 0.86))
    found.tick_params(labelsize=7)
    return found


def limits(real: torch.Tensor) -> tuple[float, float]:
    """The same for both axes: what the data cover and a quarter of it on each side."""
    low, high = float(real.min()), float(real.max())
    margin = 0.25 * (high - low) + 1e-3
    return low - margin, high + margin


def save(path: Path, drawn: Any, legend: bool = True) -> None:
    """Write the figure of axes, whole or not at all."""
    if legend:
        drawn.legend(loc="upper right", fontsize=7)
    write_atomically(path, lambda file: drawn.figure.savefig(file, format="png"))
