"""Pictures of the Dirac-GAN's methods, as PNG and GIF."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadygan.analysis.studies.dirac.cloud import EXTENT, Film, grid
from steadygan.analysis.studies.dirac.systems import UPDATES, System
from steadygan.runs.files import write_atomically

SPAN, SIDE = 2.5, 15
"""Half a side of the plane that is drawn, and arrows along it."""

COLOURS = {"simultaneous": "#D55E00", "alternating": "#0072B2"}
ANIMATED = ("unregularised", "wgan_gp", "instance_noise", "r1")
FRAMES, TRAIL = 24, 80

Range = tuple[float, float]


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
    arrows: np.ndarray
    paths: Mapping[str, np.ndarray]
    modes: Mapping[str, str]
    eigenvalues: Mapping[str, Sequence[Sequence[float]]]


def plane() -> torch.Tensor:
    """Return ``[SIDE^2, 2]``: where the arrows are."""
    axis = torch.linspace(-SPAN, SPAN, SIDE, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def field(system: System) -> np.ndarray:
    """Arrows on ``plane()``."""
    return torch.func.vmap(system.flow)(plane()).numpy()


def colours(drawings: Sequence[Drawing]) -> dict[str, Any]:
    """Return one drawing for each method."""
    return {drawing.name: colormaps["tab20"](index % 20) for index, drawing in enumerate(drawings)}


def trajectories(path: Path, drawings: Sequence[Drawing]) -> None:
    """Field and trajectories of all methods, a panel each."""
    columns = 4
    rows = -(-len(drawings) // columns)
    figure = _figure(3 * columns, 3.1 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for drawn, drawing in zip(axes.flat, drawings):
        _plane(drawn, drawing)
        for update, line in drawing.paths.items():
            drawn.plot(line[:, 0, 0], line[:, 0, 1], color=COLOURS[update], linewidth=0.9, label=update)
            drawn.plot(*line[-1, 0], "o", color=COLOURS[update], markersize=3)
        drawn.set_title(f"{drawing.name}\n{_modes(drawing)}", fontsize=8)
    for drawn in list(axes.flat)[len(drawings) :]:
        drawn.set_visible(False)
    axes.flat[0].legend(fontsize=6, loc="upper right")
    figure.supxlabel("theta", fontsize=9)
    figure.supylabel("psi", fontsize=9)
    _save(figure, path)


def norms(path: Path, drawings: Sequence[Drawing], step: float) -> None:
    """Distance to the equilibrium over the iterations, on a log scale."""
    figure = _figure(11, 4.5)
    colour = colours(drawings)
    for drawn, update in zip(figure.subplots(1, 2, sharey=True), UPDATES):
        for index, drawing in enumerate(drawings):
            norm = np.linalg.norm(drawing.paths[update][:, 0], axis=1)
            style = ("-", "--", ":")[index % 3]
            drawn.semilogy(np.maximum(norm, 1e-12), style, color=colour[drawing.name], linewidth=1, label=drawing.name)
        drawn.set(title=f"{update}, h = {step:g}", xlabel="iteration", ylabel="|(theta, psi)|", ylim=(1e-6, 1e2))
    drawn.legend(fontsize=6, ncols=2, loc="lower left")
    _save(figure, path)


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


def eigenvalues(path: Path, drawings: Sequence[Drawing]) -> None:
    """Eigenvalues of one iteration beside the unit circle."""
    figure = _figure(11, 5)
    colour, circle = colours(drawings), np.exp(1j * np.linspace(0, 2 * np.pi, 400))
    across, up = limits(drawings, (0.8, 1.02), (-0.15, 0.15))
    for drawn, update in zip(figure.subplots(1, 2), UPDATES):
        drawn.plot(circle.real, circle.imag, color="grey", linewidth=0.8)
        for index, drawing in enumerate(drawings):
            if drawing.eigenvalues[update]:
                marker = "osD^v<>p"[index % 8]
                real, imaginary = np.array(drawing.eigenvalues[update]).T
                drawn.plot(
                    real, imaginary, marker, color=colour[drawing.name], markersize=5, alpha=0.8, label=drawing.name
                )
        drawn.set(title=update, xlabel="real", ylabel="imaginary", xlim=across, ylim=up)
    drawn.legend(fontsize=6, loc="center left")
    _save(figure, path)


def animation(path: Path, drawings: Sequence[Drawing]) -> None:
    """A GIF of trajectories that start on a circle, for methods that show the kinds there are."""
    shown = [drawing for drawing in drawings if drawing.name in ANIMATED]
    figure = Figure(figsize=(2.4 * len(shown), 2.7), dpi=70)
    FigureCanvasAgg(figure)
    lines, heads = [], []
    for drawn, drawing in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown):
        _plane(drawn, drawing)
        drawn.set_title(drawing.name, fontsize=8)
        drawn.set(xticks=[], yticks=[])
        starts = drawing.paths["alternating"].shape[1]
        lines.append([drawn.plot([], [], color=COLOURS["alternating"], linewidth=0.8)[0] for _ in range(starts)])
        heads.append(drawn.plot([], [], "o", color="black", markersize=3)[0])
    figure.tight_layout()

    def show(frame: int) -> list:
        for artists, head, drawing in zip(lines, heads, shown):
            line = drawing.paths["alternating"]
            last = round((len(line) - 1) * frame / (FRAMES - 1))
            for index, one in enumerate(artists):
                one.set_data(*line[max(0, last - TRAIL) : last + 1, index].T)
            head.set_data(line[last, :, 0], line[last, :, 1])
        return [*(one for artists in lines for one in artists), *heads]

    FuncAnimation(figure, show, frames=FRAMES, blit=False).save(path, writer=PillowWriter(fps=6))


def clouds(path: Path, films: Sequence[Film], real: torch.Tensor) -> None:
    """A GIF of generated points and the critic's field, a panel for each film."""
    figure = Figure(figsize=(3.4 * len(films), 3.7), dpi=80)
    FigureCanvasAgg(figure)
    show = _cloud(figure, films, real)
    frames = len(films[0].iterations)
    FuncAnimation(figure, show, frames=frames, blit=False).save(path, writer=PillowWriter(fps=8))


def cloud(path: Path, films: Sequence[Film], real: torch.Tensor) -> None:
    """The last frame of ``clouds``."""
    figure = _figure(4.2 * len(films), 4.5)
    _cloud(figure, films, real)(-1)
    _save(figure, path)


def _cloud(figure: Figure, films: Sequence[Film], real: torch.Tensor) -> Callable[[int], list]:
    """Panels with the real points, and what shows a frame of the films in them."""
    at, moving = grid().numpy(), []
    for drawn, film in zip(figure.subplots(1, len(films), squeeze=False)[0], films):
        drawn.scatter(*real.T.numpy(), s=2, c="#bbbbbb")
        quiver = drawn.quiver(*at.T, *_unit(film.arrows[0].numpy()).T, angles="xy", scale=25, width=0.004, alpha=0.6)
        points = drawn.scatter([], [], s=5, c="#009E73")
        drawn.set(xlim=(-EXTENT, EXTENT), ylim=(-EXTENT, EXTENT), aspect="equal", xticks=[], yticks=[])
        moving.append((drawn, film, quiver, points))

    def show(frame: int) -> list:
        for drawn, film, quiver, points in moving:
            quiver.set_UVC(*_unit(film.arrows[frame].numpy()).T)
            points.set_offsets(film.points[frame].numpy())
            drawn.set_title(f"{film.name}, iteration {film.iterations[frame]}", fontsize=8)
        return []

    return show


def _unit(arrows: np.ndarray) -> np.ndarray:
    return arrows / np.maximum(np.linalg.norm(arrows, axis=-1, keepdims=True), 1e-12)


def _modes(drawing: Drawing) -> str:
    both = [drawing.modes[update] for update in UPDATES]
    return both[0] if both[0] == both[1] else " / ".join(both)


def _plane(drawn: Any, drawing: Drawing) -> None:
    at = plane().numpy()
    drawn.quiver(*at.T, *_unit(drawing.arrows).T, angles="xy", scale=25, width=0.004, color="#999999")
    drawn.plot(0, 0, "+", color="black", markersize=8)
    drawn.set(xlim=(-SPAN, SPAN), ylim=(-SPAN, SPAN), aspect="equal")
    drawn.tick_params(labelsize=6)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    write_atomically(path, lambda file: figure.savefig(file, format="png"))
