"""Axes of a fixed size to draw points on, and the PNG that becomes of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from steadygan.runs.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

INCHES, DPI = 4.0, 80
REAL, FAKE, CRITIC = "#555555", "#009E73", "#D55E00"


def axes() -> "Axes":
    """Empty axes on a figure of their own, ``axes.figure``."""
    # Not pyplot: its figures live until they are closed, and it picks a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Fixed margins: a layout engine would draw every picture twice.
    figure = Figure(figsize=(INCHES, INCHES), dpi=DPI)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.11, 0.07, 0.78, 0.86))
    ax.tick_params(labelsize=7)
    return ax


def _canvas(axes: "Axes") -> "FigureCanvasAgg":
    """Return what the figure of axes is drawn on."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = axes.figure.canvas
    if not isinstance(canvas, FigureCanvasAgg):
        raise TypeError("axes() makes axes that can be saved")
    return canvas


def limits(real: torch.Tensor) -> tuple[float, float]:
    """Return the same for both axes: what the data cover and a quarter of it on each side."""
    low, high = float(real.min()), float(real.max())
    margin = 0.25 * (high - low) + 1e-3
    return low - margin, high + margin


def save(path: Path, drawn: "Axes") -> None:
    """Write the figure of axes with a legend, whole or not at all."""
    drawn.legend(loc="upper right", fontsize=7)
    figure = _canvas(drawn).figure
    write_atomically(path, lambda file: figure.savefig(file, format="png"))


class Stage:
    """Axes for many pictures with the same frame, ticks and legend, which are drawn once.

    The others are drawn over them, as matplotlib does in animations ("blitting"): a third of the time of a new figure.
    What comes out does not depend on what was drawn before.

    Args:
        drawn: axes whose limits stay as they are; what has a label is in the legend.
    """

    def __init__(self, drawn: "Axes") -> None:
        self.axes = drawn
        self._title = drawn.set_title("", fontsize=8)
        drawn.legend(loc="upper right", fontsize=7)
        self._above = [*drawn.spines.values(), drawn.get_legend()]
        for artist in self._above:
            artist.set_visible(False)
        canvas = _canvas(drawn)
        canvas.draw()
        self._empty = canvas.copy_from_bbox(drawn.figure.bbox)
        for artist in self._above:
            artist.set_visible(True)

    def save(self, path: Path, shown: "Sequence[Artist]", title: str) -> None:
        """Write the picture with these artists of the axes, which are removed again, whole or not at all."""
        from PIL import Image

        canvas = _canvas(self.axes)
        canvas.restore_region(self._empty)
        self._title.set_text(title)
        for artist in (*shown, *self._above, self._title):
            self.axes.draw_artist(artist)
        for artist in shown:
            artist.remove()
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba()))
        write_atomically(path, lambda file: pixels.save(file, format="png", dpi=(DPI, DPI)))
