"""What a figure shows: marks on axes, panels, and animations; nothing of how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadygan.figures.style import Style

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What all marks have.

    Attributes:
        name: in the legend; without one it is not there.
        method: that is switched on and off on the page, where the mark belongs to one; it is in no legend there.
        visible: whether it is shown before one has chosen; PNGs have nothing else.
        hover: what the page tells of each point.
        style: of lines, symbols and areas.
    """

    name: str = ""
    method: str = ""
    visible: bool = True
    hover: Sequence[str] = ()
    style: Style = field(default_factory=Style)


@dataclass(frozen=True, kw_only=True)
class Line(Mark):
    """Points ``[n]`` joined in order, broken where one is NaN; with symbols of ``size`` where that is not 0."""

    x: ArrayLike
    y: ArrayLike
    width: float = 1.5
    size: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Band(Mark):
    """The area between ``low`` and ``high``, ``[n]``."""

    x: ArrayLike
    low: ArrayLike
    high: ArrayLike


@dataclass(frozen=True, kw_only=True)
class Points(Mark):
    """Symbols at ``[n]`` points.

    Attributes:
        size: in points.
        opacity: of 1.
        symbols: of each point, where they differ.
        colours: of each point, where they differ.
        ends: of horizontal error bars, lows and highs ``[2, n]``.
    """

    x: ArrayLike
    y: ArrayLike
    size: float = 6.0
    opacity: float = 1.0
    symbols: Sequence[str] = ()
    colours: Sequence[str] = ()
    ends: ArrayLike | None = None


@dataclass(frozen=True, kw_only=True)
class Level(Mark):
    """A dotted line across the whole panel at a value of ``axis`` (``x`` or ``y``), with a word beside it."""

    value: float
    text: str = ""
    axis: str = "y"


@dataclass(frozen=True, kw_only=True)
class HeatMap(Mark):
    """Cells ``[rows, columns]`` at whole numbers from 0 on: values (NaN: none), and texts in and about them."""

    values: NDArray[np.float64]
    texts: Sequence[Sequence[str]]
    hovers: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        title: beside it.
        scale: ``linear``, ``log``, or in PNGs ``symlog``, which is linear up to ``linear``.
        limits: of what is shown; None: all there is.
        ticks: (place, text), where they are not numbers.
        told: whether the page tells of a point where it is on this axis.
        linear: see ``scale``.
    """

    title: str = ""
    scale: str = "linear"
    limits: Range | None = None
    ticks: Sequence[tuple[float, str]] | None = None
    told: bool = False
    linear: float = 1.0


@dataclass(frozen=True)
class Panel:
    """Marks in one pair of axes; ``square``: both axes have the same unit of length."""

    marks: Sequence[Mark]
    x: Axis = field(default_factory=Axis)
    y: Axis = field(default_factory=Axis)
    title: str = ""
    square: bool = False


@dataclass(frozen=True)
class Colours:
    """The colours of all heat maps of a figure: a title, the values at both ends, and whether large ones are dark."""

    title: str
    limits: Range | None
    large_is_dark: bool


@dataclass(frozen=True)
class Figure:
    """Panels, row by row.

    Attributes:
        panels: at least one.
        columns: panels in a row.
        width: inches; a page takes the width it has.
        height: inches; a page takes 90 pixels for each.
        title: above all panels.
        x_title: below all panels.
        y_title: on the left of all panels.
        shared: whether panels above each other share the x axis, and those of a row the y axis.
        colours: of heat maps.
    """

    panels: Sequence[Panel]
    columns: int = 1
    width: float = 7.0
    height: float = 4.0
    title: str = ""
    x_title: str = ""
    y_title: str = ""
    shared: bool = False
    colours: Colours | None = None

    @property
    def marks(self) -> list[Mark]:
        """All of all panels."""
        return [mark for panel in self.panels for mark in panel.marks]


@dataclass(frozen=True)
class Animation:
    """A figure of what stands still, and what moves.

    Attributes:
        figure: its panels have the marks that stand still.
        iterations: of each frame.
        frames: of each frame the marks for each panel.
    """

    figure: Figure
    iterations: Sequence[int]
    frames: Sequence[Sequence[Sequence[Mark]]]

    def still(self, index: int) -> Figure:
        """Return one frame as a figure; what moves comes first in each panel."""
        panels = zip(self.figure.panels, self.frames[index])
        panels = [replace(panel, marks=[*moving, *panel.marks]) for panel, moving in panels]
        return replace(self.figure, panels=panels, title=f"iteration {self.iterations[index]}")


def arrows(at: NDArray, along: NDArray, length: float, style: Style, name: str = "") -> Line:
    """Return arrows of one length at points ``[n, 2]`` in the directions ``along [n, 2]``, as one broken line."""
    unit = length * along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    ends, across = at + unit, 0.15 * unit[:, ::-1] * [-1.0, 1.0]
    strokes = [at, ends, ends - 0.3 * unit + across, ends, ends - 0.3 * unit - across, np.full_like(at, np.nan)]
    x, y = np.stack(strokes, 1).reshape(-1, 2).astype(np.float32).T
    return Line(x=x, y=y, width=1.0, style=style, name=name)
