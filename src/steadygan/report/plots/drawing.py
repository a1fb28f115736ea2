"""What all figures of a report have in common."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadygan.figures.png import save
from steadygan.figures.spec import Figure, Level
from steadygan.figures.style import Style

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Drawing:
    """How methods look, which are shown at first, and the name of the data set (``on``) where there are several."""

    looks: Mapping[str, Style]
    shown: Sequence[str] = ()
    on: str = ""


@dataclass(frozen=True)
class Plot:
    """A figure of the page: ``section`` is where it belongs, ``name`` the stem of its PNG, if it has one."""

    section: str
    name: str
    title: str
    figure: Figure
    has_png: bool = True

    @property
    def methods(self) -> list[str]:
        """The methods that are switched on and off in it."""
        return list(dict.fromkeys(mark.method for mark in self.figure.marks if mark.method))

    def save(self, folder: Path) -> None:
        """Write the PNG."""
        if self.has_png:
            save(self.figure, folder / f"{self.name}.png")


def file_name(text: str) -> str:
    """Return a name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_.")[:80] or "plot"


def failure_edge(values: ArrayLike, direction: str) -> float | None:
    """Return where to draw failed runs, which are infinite: beyond the worst finite value by a tenth of the height.

    None where no run failed, or all did.
    """
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    if not len(finite) or not np.any(np.isinf(values)):
        return None
    height = float(np.ptp(finite)) or abs(float(finite[0])) or 1.0
    return float(finite.min() - height / 10 if direction == "max" else finite.max() + height / 10)


def at_edge(values: ArrayLike, edge: float | None) -> Values:
    """Return the values with infinite ones at ``edge``, and NaN (not drawn) for all others that are not finite."""
    values = np.asarray(values, float)
    lost = np.where(np.isinf(values), np.nan if edge is None else edge, np.nan)
    return np.where(np.isfinite(values), values, lost)


def failure_line(edge: float | None, axis: str = "y") -> list[Level]:
    """Return the dotted line where failed runs lie, with the word."""
    return [] if edge is None else [Level(value=edge, text="failed", axis=axis)]


def told(value: float) -> str:
    """Return a value as the page tells it."""
    return "failed" if np.isinf(value) else f"{value:.4g}"
