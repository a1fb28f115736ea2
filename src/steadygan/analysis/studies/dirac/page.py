"""The interactive page: plane, distances, eigenvalues, the table, and the animations."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go

from steadygan.runs.files import write_text

COLUMNS = ("method", "update", "case", "expected", "found", "mode", "spectral_abscissa", "spectral_radius", "why")


def page(path: Path, figures: Mapping[str, go.Figure]) -> None:
    """Write one self-contained HTML file of figures, each under its title."""
    head = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Dirac-GAN</title></head><body>'
    parts = [head, "<h1>The Dirac-GAN</h1>"]
    for index, (title, figure) in enumerate(figures.items()):
        parts += [f"<h2>{title}</h2>", str(figure.to_html(full_html=False, include_plotlyjs=index == 0))]
    write_text(path, "\n".join([*parts, "</body></html>"]))


def table(records: Sequence[Mapping[str, object]]) -> go.Figure:
    """Return what is expected and found, as a table."""
    cells = [[_cell(record[column]) for record in records] for column in COLUMNS]
    figure = go.Figure(go.Table(header={"values": COLUMNS}, cells={"values": cells}))
    return figure.update_layout(width=1300, height=900)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
