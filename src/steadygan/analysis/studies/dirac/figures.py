"""Figures of the Dirac-GAN's methods."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from steadygan.analysis.studies.dirac.cloud import EXTENT, Film, grid
from steadygan.analysis.studies.dirac.systems import UPDATES, System
from steadygan.figures.spec import Animation, Axis, Figure, Line, Panel, Points, Range, arrows
from steadygan.figures.style import COLOURS, Style, styles

SPAN, SIDE = 2.5, 15
"""Half a side of the plane that is drawn, and arrows along it."""

LOOKS = {"simultaneous": Style(COLOURS[1]), "alternating": Style(COLOURS[0])}
FAINT, INK, GENERATED, REAL = Style("#999999"), Style("#000000"), Style("#009E73"), Style("#bbbbbb")
ANIMATED = ("unregularised", "wgan_gp", "instance_noise", "r1")
FRAMES, TRAIL = 40, 80


@dataclass(frozen=True)
class Drawing:
    """One method in the plane.

    Attributes:
        name: of the method.
        arrows: the field on ``plane()``, ``[SIDE^2, 2]``.
        paths: of each update, ``[iterations + 1, starts, 2]``.
        modes: what was found for each update.
        eigenvalues: of one iteration, for each update.
    """

    name: str
    arrows: NDArray[np.float64]
    paths: Mapping[str, NDArray[np.float64]]
    modes: Mapping[str, str]
    eigenvalues: Mapping[str, Sequence[Sequence[float]]]


def plane() -> torch.Tensor:
    """Return ``[SIDE^2, 2]``: where the arrows are."""
    axis = torch.linspace(-SPAN, SPAN, SIDE, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def field(system: System) -> NDArray[np.float64]:
    """Return the field on ``plane()``."""
    return torch.func.vmap(system.flow)(plane()).numpy()


def trajectories(drawings: Sequence[Drawing]) -> Figure:
    """Return the field and the trajectories of all methods, a panel each."""
    panels = []
    for drawing in drawings:
        ways = [_way(line, LOOKS[update], update) for update, line in drawing.paths.items()]
        ends = [_points(line[-1], LOOKS[update], 4) for update, line in drawing.paths.items()]
        modes = " / ".join(dict.fromkeys(drawing.modes[update] for update in UPDATES))
        panels.append(_plane(drawing, f"{drawing.name}\n{modes}", [*ways, *ends]))
    return Figure(panels, 4, width=12, height=0.6 + 3.1 * -(-len(panels) // 4))


def _plane(drawing: Drawing, title: str, marks: Sequence[Line | Points] = ()) -> Panel:
    origin = Points(x=[0.0], y=[0.0], style=Style(INK.colour, symbol="cross"))
    x, y = (Axis(title, limits=(-SPAN, SPAN)) for title in ("theta", "psi"))
    return Panel([arrows(plane().numpy(), drawing.arrows, 0.15, FAINT), origin, *marks], x, y, title, square=True)


def _way(line: NDArray, style: Style, name: str = "") -> Line:
    """Return trajectories ``[t, starts, 2]`` as one broken line, with gaps for what is far away."""
    gap = np.full((1, *line.shape[1:]), np.nan)
    flat = np.concatenate([line, gap]).transpose(1, 0, 2).reshape(-1, 2)
    x, y = np.where(np.abs(flat) < 1e3, flat, np.nan).astype(np.float32).T
    return Line(x=x, y=y, style=style, name=name, width=1)


def _points(at: NDArray, style: Style, size: float, name: str = "") -> Points:
    x, y = np.where(np.abs(at) < 1e3, at, np.nan).astype(np.float32).T
    return Points(x=x, y=y, style=style, size=size, name=name)


def norms(drawings: Sequence[Drawing], step: float) -> Figure:
    """Return the distance to the equilibrium over the iterations."""
    looks, panels = styles(drawing.name for drawing in drawings), []
    for update in UPDATES:
        distances = {each.name: np.linalg.norm(each.paths[update][:, 0], axis=1) for each in drawings}
        lines = [
            Line(x=np.arange(len(distance)), y=np.maximum(distance, 1e-12), style=looks[name], name=name)
            for name, distance in distances.items()
        ]
        y = Axis("|(theta, psi)|", "log", limits=(1e-6, 1e2))
        panels.append(Panel(lines, Axis("iteration"), y, f"{update}, h = {step:g}"))
    return Figure(panels, 2, width=11, height=5.5)


def limits(drawings: Sequence[Drawing], *least: Range) -> list[Range]:
    """Return the limits of the real and the imaginary axis for eigenvalues: at least ``least``.

    The two of largest modulus count, which tell where a trajectory goes; those of what a game keeps lie close to 0.
    """
    leading = [
        pair
        for drawing in drawings
        for pairs in drawing.eigenvalues.values()
        for pair in sorted(pairs, key=lambda pair: -math.hypot(*pair))[:2]
    ]
    return [_spanned([pair[axis] for pair in leading], *ends) for axis, ends in enumerate(least)]


def _spanned(values: Sequence[float], low: float, high: float) -> Range:
    least, most = min([low, *values]), max([high, *values])
    margin = 0.05 * (most - least)
    return least - margin * (least < low), most + margin * (most > high)


def eigenvalues(drawings: Sequence[Drawing]) -> Figure:
    """Return the eigenvalues of one iteration beside the unit circle."""
    looks, circle = styles(drawing.name for drawing in drawings), np.exp(1j * np.linspace(0, 2 * np.pi, 400))
    across, up = limits(drawings, (0.8, 1.02), (-0.15, 0.15))
    panels = []
    for update in UPDATES:
        marks: list[Line | Points] = [Line(x=np.real(circle), y=np.imag(circle), style=FAINT)]
        for drawing in drawings:
            if pairs := drawing.eigenvalues[update]:
                hover = [f"modulus {math.hypot(*pair):.6f}" for pair in pairs]
                x, y = np.array(pairs).T
                marks.append(Points(x=x, y=y, hover=hover, style=looks[drawing.name], opacity=0.8, name=drawing.name))
        panels.append(Panel(marks, Axis("real", limits=across), Axis("imaginary", limits=up), update))
    return Figure(panels, 2, width=11, height=6)


def animation(drawings: Sequence[Drawing]) -> Animation:
    """Return alternating updates from a circle of starts, for methods that show the kinds there are."""
    shown = [drawing for drawing in drawings if drawing.name in ANIMATED]
    panels = [_plane(drawing, f"{drawing.name}: {drawing.modes['alternating']}") for drawing in shown]
    last = len(shown[0].paths["alternating"]) - 1 if shown else 0
    times = [round(last * index / (FRAMES - 1)) for index in range(FRAMES)]
    frames = [[_heads(drawing.paths["alternating"], t) for drawing in shown] for t in times]
    return Animation(Figure(panels, len(panels), width=2.6 * len(panels), height=3.2), times, frames)


def _heads(path: NDArray, t: int) -> list[Line | Points]:
    """Return where the trajectories are at ``t``, and the last of their way."""
    return [_way(path[max(0, t - TRAIL) : t + 1], LOOKS["alternating"]), _points(path[t], INK, 4)]


def clouds(films: Sequence[Film], real: torch.Tensor) -> Animation:
    """Return generated points and the critic's field, a panel for each film; the real points stand still."""
    axis, at = Axis(limits=(-EXTENT, EXTENT)), grid().numpy()
    still = [_points(real.numpy(), REAL, 3, "real")]
    panels = [Panel(still, axis, axis, film.name, square=True) for film in films]
    frames = [
        [
            [
                arrows(at, film.arrows[index].numpy(), 0.1 * EXTENT, FAINT),
                _points(film.points[index].numpy(), GENERATED, 4, "generated"),
            ]
            for film in films
        ]
        for index in range(len(films[0].iterations))
    ]
    return Animation(Figure(panels, len(panels), width=4.2 * len(panels), height=5), films[0].iterations, frames)
