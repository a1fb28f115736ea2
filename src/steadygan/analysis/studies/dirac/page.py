"""The interactive page: plane, distances, eigenvalues, the table, and the animations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import qualitative
from torch import Tensor

from steadygan.analysis.studies.dirac.animated import cloud, trajectories
from steadygan.analysis.studies.dirac.cloud import Film
from steadygan.analysis.studies.dirac.figures import COLOURS, SPAN, Drawing, limits, plane
from steadygan.analysis.studies.dirac.systems import UPDATES
from steadygan.runs.files import write_text

ARROW = 0.11


def page(
    path: Path, drawings: Sequence[Drawing], records: Sequence[dict[str, Any]], films: Sequence[Film], real: Tensor
) -> None:
    """One self-contained HTML file; ``real``: points of the films' data."""
    figures = [_planes(drawings), trajectories(drawings), _norms(drawings), _eigenvalues(drawings), _table(records)]
    figures += [cloud(film, real) for film in films]
    parts = [figure.to_html(full_html=False, include_plotlyjs=index == 0) for index, figure in enumerate(figures)]
    head = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Dirac-GAN</title></head><body>'
    write_text(path, "\n".join([head, "<h1>The Dirac-GAN</h1>", *parts, "</body></html>"]))


def _planes(drawings: Sequence[Drawing]) -> go.Figure:
    """Field and trajectories; a menu of the methods."""
    figure = go.Figure()
    each = 1 + len(UPDATES)
    for index, drawing in enumerate(drawings):
        figure.add_scatter(**_arrows(drawing), visible=index == 0)
        for update, line in drawing.paths.items():
            x, y = _broken(line)
            figure.add_scatter(
                x=x, y=y, mode="lines", name=update, line={"color": COLOURS[update], "width": 1.5}, visible=index == 0
            )
    buttons = [
        {
            "label": drawing.name,
            "method": "update",
            "args": [
                {"visible": [index * each <= trace < (index + 1) * each for trace in range(each * len(drawings))]},
                {"title.text": f"{drawing.name}: " + ", ".join(f"{u} {m}" for u, m in drawing.modes.items())},
            ],
        }
        for index, drawing in enumerate(drawings)
    ]
    figure.update_layout(
        title=drawings[0].name, updatemenus=[{"buttons": buttons}], width=760, height=700, template="plotly_white"
    )
    figure.update_xaxes(title="theta", range=[-SPAN, SPAN])
    figure.update_yaxes(title="psi", range=[-SPAN, SPAN], scaleanchor="x")
    return figure


def _arrows(drawing: Drawing) -> dict[str, Any]:
    at, arrows = plane().numpy(), drawing.arrows
    unit = arrows / np.maximum(np.linalg.norm(arrows, axis=1, keepdims=True), 1e-12)
    ends = np.stack([at, at + ARROW * unit, np.full_like(at, np.nan)], 1).reshape(-1, 2).round(3)
    return {"x": ends[:, 0], "y": ends[:, 1], "mode": "lines", "name": "field", "line": {"color": "#999", "width": 1}}


def _broken(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all trajectories as one line with gaps."""
    gap = np.full((1, *line.shape[1:]), np.nan)
    flat = np.concatenate([line, gap]).transpose(1, 0, 2).reshape(-1, 2)
    flat = np.where(np.abs(flat) < 1e3, flat, np.nan).round(4)
    return flat[:, 0], flat[:, 1]


def _norms(drawings: Sequence[Drawing]) -> go.Figure:
    figure = go.Figure()
    for index, drawing in enumerate(drawings):
        for update, line in drawing.paths.items():
            colour = qualitative.Dark24[index % 24]
            dash = "solid" if update == "simultaneous" else "dot"
            norm = np.linalg.norm(line[:, 0], axis=1)
            figure.add_scatter(
                y=norm, name=f"{drawing.name}, {update}", mode="lines", line={"color": colour, "dash": dash}
            )
    figure.update_layout(
        title="Distance to the equilibrium", xaxis_title="iteration", width=1000, height=600, template="plotly_white"
    )
    figure.update_yaxes(type="log", range=[-6, 2], title="|(theta, psi)|")
    return figure


def _eigenvalues(drawings: Sequence[Drawing]) -> go.Figure:
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 400))
    figure = go.Figure(go.Scatter(x=circle.real, y=circle.imag, mode="lines", line={"color": "grey"}, name="modulus 1"))
    for index, drawing in enumerate(drawings):
        for update, pairs in drawing.eigenvalues.items():
            if pairs:
                figure.add_scatter(
                    x=[pair[0] for pair in pairs],
                    y=[pair[1] for pair in pairs],
                    mode="markers",
                    marker={
                        "color": qualitative.Dark24[index % 24],
                        "symbol": "circle" if update == "simultaneous" else "x",
                    },
                    name=f"{drawing.name}, {update}",
                    text=[f"modulus {abs(complex(*pair)):.6f}" for pair in pairs],
                )
    figure.update_layout(title="Eigenvalues of one iteration", width=1000, height=700, template="plotly_white")
    across, up = limits(drawings, (0.75, 1.05), (-0.15, 0.15))
    figure.update_xaxes(title="real", range=across)
    figure.update_yaxes(title="imaginary", range=up)
    return figure


def _table(records: Sequence[dict[str, Any]]) -> go.Figure:
    columns = ("method", "update", "case", "expected", "found", "mode", "spectral_abscissa", "spectral_radius", "why")
    cells = [[_cell(record[column]) for record in records] for column in columns]
    figure = go.Figure(go.Table(header={"values": columns}, cells={"values": cells}))
    return figure.update_layout(title="Expected and found", width=1300, height=900)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
