"""Animations for the page: trajectories in the plane, and a cloud of points with its critic's field."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from torch import Tensor

from steadygan.analysis.studies.dirac.cloud import EXTENT, Film, grid
from steadygan.analysis.studies.dirac.figures import ANIMATED, COLOURS, SPAN, TRAIL, Drawing

FRAMES = 60
LENGTH = 0.1
"""Of an arrow, over half a side of the plane."""


def trajectories(drawings: Sequence[Drawing]) -> go.Figure:
    """Alternating updates from a circle of starts, for methods that show the kinds there are."""
    shown = [drawing for drawing in drawings if drawing.name in ANIMATED]
    figure = make_subplots(1, len(shown), subplot_titles=[f"{d.name}: {d.modes['alternating']}" for d in shown])
    for column, drawing in enumerate(shown, 1):
        for trace in _heads(drawing, 0):
            figure.add_trace(trace, 1, column)
        figure.update_xaxes(range=[-SPAN, SPAN], title="theta", row=1, col=column)
        figure.update_yaxes(range=[-SPAN, SPAN], title="psi" if column == 1 else None, row=1, col=column)
    last = len(shown[0].paths["alternating"]) - 1 if shown else 0
    times = [round(last * index / (FRAMES - 1)) for index in range(FRAMES)]
    frames = [[trace for drawing in shown for trace in _heads(drawing, t)] for t in times]
    return _played(figure, times, frames, "Trajectories", 330 * max(len(shown), 1), 480)


def _heads(drawing: Drawing, t: int) -> list[go.Scatter]:
    """Return where the trajectories are at ``t``, and the last of their way."""
    line = drawing.paths["alternating"][max(0, t - TRAIL) : t + 1]
    gap = np.full((1, *line.shape[1:]), np.nan)
    way = np.concatenate([line, gap]).transpose(1, 0, 2).reshape(-1, 2)
    colour = {"color": COLOURS["alternating"], "width": 1}
    return [
        go.Scatter(**_xy(way), mode="lines", line=colour, showlegend=False),
        go.Scatter(**_xy(line[-1]), mode="markers", marker={"color": "black", "size": 5}, showlegend=False),
    ]


def cloud(film: Film, real: Tensor) -> go.Figure:
    """Generated points and the critic's field over the training; the real points stand still."""
    frames = [[_arrows(film, index), _points(film, index)] for index in range(len(film.iterations))]
    still = {"mode": "markers", "marker": {"color": "#bbb", "size": 3}, "name": "real"}
    figure = go.Figure([*frames[0], go.Scatter(**_xy(real.numpy()), **still)])
    figure.update_xaxes(range=[-EXTENT, EXTENT])
    figure.update_yaxes(range=[-EXTENT, EXTENT], scaleanchor="x")
    return _played(figure, film.iterations, frames, f"Two dimensions: {film.name}", 620, 680)


def _points(film: Film, index: int) -> go.Scatter:
    points = film.points[index].numpy()
    return go.Scatter(**_xy(points), mode="markers", marker={"color": "#009E73", "size": 5}, name="generated")


def _arrows(film: Film, index: int) -> go.Scatter:
    """Return the gradient of the logit, by its direction."""
    at, arrows = grid().numpy(), film.arrows[index].numpy()
    unit = arrows / np.maximum(np.linalg.norm(arrows, axis=1, keepdims=True), 1e-12)
    ends = np.stack([at, at + LENGTH * EXTENT * unit, np.full_like(at, np.nan)], 1).reshape(-1, 2)
    return go.Scatter(**_xy(ends), mode="lines", line={"color": "#999", "width": 1}, name="critic's field")


def _xy(points: np.ndarray) -> dict[str, Any]:
    """Rounded, and gaps for what is far away."""
    x, y = np.where(np.abs(points) < 1e3, points, np.nan).round(3).T
    return {"x": x, "y": y}


def _played(
    figure: go.Figure, times: Sequence[int], frames: Sequence[list[go.Scatter]], title: str, width: int, height: int
) -> go.Figure:
    """With a button that plays the frames and a slider over them."""
    figure.frames = [go.Frame(data=data, name=str(t), traces=list(range(len(data)))) for t, data in zip(times, frames)]
    play = {"label": "play", "method": "animate", "args": [None, {"frame": {"duration": 100}}]}
    steps = [{"label": str(t), "method": "animate", "args": [[str(t)], {"mode": "immediate"}]} for t in times]
    return figure.update_layout(
        title=title,
        updatemenus=[{"type": "buttons", "buttons": [play], "x": 0, "y": -0.15, "xanchor": "left"}],
        sliders=[{"steps": steps, "currentvalue": {"prefix": "iteration "}, "x": 0.12, "len": 0.88}],
        width=width,
        height=height,
        template="plotly_white",
    )
