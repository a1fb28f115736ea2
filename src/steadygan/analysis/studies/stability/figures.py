"""The picture beside ``stability.json``: eigenvalues of the field, multipliers of one iteration, the path."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steadygan.analysis.studies.output import Record
from steadygan.figures.spec import Axis, Figure, Level, Line, Panel, Points
from steadygan.figures.style import COLOURS, GREY, Style

STABLE, GROWING, OTHER = COLOURS[:3]


def figure(analysis: Record) -> Figure:
    """Return the picture of one analysis."""
    panels = [eigenvalues(analysis), multipliers(analysis), *along(analysis["path"])]
    title = f"{analysis['verdict']}, iteration {analysis['iteration']}: {analysis['run']}"
    return Figure(panels, len(panels), width=4.3 * len(panels), height=4, title=title)


def eigenvalues(analysis: Record) -> Panel:
    """Return the complex plane, on scales that are linear about 0 and logarithmic beyond."""
    real, imaginary = _split(analysis["eigenvalues"])
    linear = max(analysis["tolerance"], 1e-12)
    shown = Points(x=real, y=imaginary, size=4, opacity=0.7, colours=_colours(real > linear))
    bounds = [Level(value=end, axis="x") for end in (-linear, linear)]
    x, y = (Axis(title, "symlog", linear=linear) for title in ("real", "imaginary"))
    return Panel([*bounds, shown], x, y, "eigenvalues of the field; dotted: tolerance")


def multipliers(analysis: Record) -> Panel:
    """Return those of largest modulus beside the unit circle."""
    real, imaginary = _split(analysis["multipliers"])
    turn = np.exp(1j * np.linspace(0, 2 * np.pi, 2000))
    circle = Line(x=np.real(turn), y=np.imag(turn), width=0.8, style=Style(GREY))
    shown = Points(x=real, y=imaginary, size=4, colours=_colours(np.hypot(real, imaginary) > 1 + 1e-9))
    x, y = Axis("real"), Axis("imaginary")
    if len(real):
        room = 1.2 * max(np.ptp(real), 2 * np.abs(imaginary).max(), 1e-6)
        x = Axis("real", limits=(real.max() - room, real.max() + 0.2 * room))
        y = Axis("imaginary", limits=(-room / 2, room / 2))
    return Panel([circle, shown], x, y, f"one iteration: spectral radius {analysis['spectral_radius']:.6g}")


def along(path: Record | None) -> list[Panel]:
    """Return cosine and norm of the field on the straight way to the checkpoint; nothing without a way."""
    if path is None:
        return []
    x, here = Axis("way from the start (0) to the checkpoint (1)"), Level(value=1, axis="x")
    angle = Line(x=path["alpha"], y=path["angle"], style=Style(STABLE))
    norm = Line(x=path["alpha"], y=path["norm"], style=Style(OTHER))
    return [
        Panel([Level(value=0), here, angle], x, Axis(limits=(-1.05, 1.05)), "path angle (cosine)"),
        Panel([here, norm], x, Axis(scale="log"), "norm of the field"),
    ]


def _colours(growing: NDArray[np.bool_]) -> list[str]:
    return [GROWING if each else STABLE for each in growing]


def _split(pairs: Sequence[Sequence[float]]) -> tuple[NDArray, NDArray]:
    real, imaginary = np.array(pairs, float).reshape(-1, 2).T
    return real, imaginary
