"""The page's interactive plots. Names are escaped (plotly reads a little HTML); colours of text are the page's."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from steadygan.report.bands import Band, at_edge, band, edge, failure_edge, points_for
from steadygan.report.groups import Group, show
from steadygan.report.palette import Style, styles
from steadygan.report.statistics import Row, outcome
from steadygan.report.swept import Line, Sweep1, Sweep2
from steadygan.statistics.medians import median

_LONGEST_TICK = 30


def base_figure(traces: Sequence[Any], x: str, y: str, height: int = 360, **layout: Any) -> go.Figure:
    figure = go.Figure(data=list(traces))
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 16, "t": 16, "b": 48},
        xaxis={"title": {"text": escape(x)}, "automargin": True},
        yaxis={"title": {"text": escape(y)}, "automargin": True},
        showlegend=False,
        hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure.update_layout(**layout)


def learning_curves(
    groups: Sequence[Group],
    column: str,
    title: str,
    looks: Mapping[str, Style],
    shown: Sequence[str],
    against: str = "iteration",
    direction: str | None = None,
) -> go.Figure:
    """Plot one line a method (median over seeds) with a band (min to max); methods not in ``shown`` start hidden.

    Failed runs lie, where the metric has a ``direction``, on a dotted line beyond all values.
    """
    points = points_for(len(groups))
    by_name = {group.name: band(group.runs, column, points, against, direction) for group in groups}
    bands = {name: each for name, each in by_name.items() if each}
    edge_at = edge(bands.values(), direction) if direction else None
    traces = [
        trace
        for name, each in bands.items()
        for trace in _curve(name, each, looks[name], name in shown, against, edge_at)
    ]
    figure = base_figure(traces, against, title)
    return figure if edge_at is None else _failure_line(figure, edge_at)


def _failure_line(figure: go.Figure, edge_at: float) -> go.Figure:
    """Add a dotted line where failed runs lie, with the word."""
    figure.add_shape(
        type="line", xref="paper", x0=0, x1=1, y0=edge_at, y1=edge_at, line={"dash": "dot", "color": "#808080"}
    )
    text = {"text": "failed (diverged or crashed)", "showarrow": False, "font": {"size": 10}}
    return figure.add_annotation(xref="paper", x=0, y=edge_at, xanchor="left", yanchor="bottom", **text)


def _curve(name: str, band: Band, style: Style, visible: bool, against: str, edge_at: float | None) -> list[Any]:
    common = {"legendgroup": escape(name), "name": escape(name), "visible": visible, "meta": name}
    x = band.x.astype(np.float32)
    line = go.Scatter(
        x=x,
        y=at_edge(band.median, edge_at).astype(np.float32),
        mode="lines" if len(x) > 1 else "markers",
        line={"color": style.colour, "dash": style.dash[0], "width": 2},
        marker={"color": style.colour, "symbol": style.marker[0]},
        text=["failed" if np.isinf(value) else f"{value:.4g}" for value in band.median],
        hovertemplate=f"{against} %{{x:,}}<br>%{{text}}<extra>%{{fullData.name}}</extra>",
        **common,
    )
    if band.seeds < 2:
        return [line]
    area = go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=at_edge(np.concatenate([band.high, band.low[::-1]]), edge_at).astype(np.float32),
        fill="toself",
        fillcolor=style.faint(),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        **common,
    )
    return [area, line]


def against_number(sweep: Sweep1, metric: str, direction: str, looks: Mapping[str, Style]) -> go.Figure:
    """Return the main metric along one swept number: seeds as points, medians as a line, other methods as dotted
    levels.

    Failed runs lie on a dotted line beyond all values.
    """
    families = styles([line.name for line in sweep.lines])
    edge_at = failure_edge(sweep.everything(), direction)
    traces = [trace for line in sweep.lines for trace in _along(line, families[line.name], sweep.axis, edge_at)]
    ends = [_position(value, sweep.axis) for line in sweep.lines for value in (min(line.x), max(line.x))]
    traces += [
        level for name, values in sweep.reference.items() for level in _level(name, values, ends, looks[name], edge_at)
    ]
    figure = base_figure(traces, sweep.key, f"final {metric}", showlegend=len(sweep.lines) + len(sweep.reference) > 1)
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.25, "x": 0})
    figure.update_xaxes(type=sweep.axis)
    if sweep.axis != "linear":
        values = sorted({value for line in sweep.lines for value in line.x})
        ticks = [_position(value, sweep.axis) for value in values]
        if len(values) <= 12:
            figure.update_xaxes(tickvals=ticks, ticktext=[show(value) for value in values])
        if sweep.axis == "category":
            figure.update_xaxes(categoryorder="array", categoryarray=ticks)
    return figure if edge_at is None else _failure_line(figure, edge_at)


def _position(value: float, axis: str) -> Any:
    return show(value) if axis == "category" else value


def _along(line: Line, style: Style, axis: str, edge_at: float | None) -> list[Any]:
    spread = [(x, value) for x, values in zip(line.x, line.values) for value in values if _drawn(value, edge_at)]
    medians = [median(values) for values in line.values]
    return [
        go.Scatter(
            x=[_position(x, axis) for x, _ in spread],
            y=at_edge(np.array([value for _, value in spread]), edge_at).tolist(),
            mode="markers",
            marker={
                "color": style.colour,
                "opacity": 0.45,
                "size": 7,
                "symbol": ["x" if np.isinf(value) else style.marker[0] for _, value in spread],
            },
            showlegend=False,
            text=["failed" if np.isinf(value) else f"{value:.4g}" for _, value in spread],
            hovertemplate="%{x}: %{text}<extra>one seed</extra>",
        ),
        go.Scatter(
            x=[_position(x, axis) for x in line.x],
            y=[float(at_edge(np.array(value), edge_at)) if _drawn(value, edge_at) else None for value in medians],
            mode="lines+markers",
            name=escape(line.name or "median"),
            line={"color": style.colour, "dash": style.dash[0], "width": 2},
            marker={"size": 9, "symbol": style.marker[0]},
            text=["failed" if np.isinf(value) else f"{value:.4g}" for value in medians],
            hovertemplate="%{x}: median %{text}<extra></extra>",
        ),
    ]


def _drawn(value: float, edge_at: float | None) -> bool:
    return bool(np.isfinite(value)) or (edge_at is not None and bool(np.isinf(value)))


def _level(name: str, values: np.ndarray, ends: Sequence[Any], style: Style, edge_at: float | None) -> list[Any]:
    """Plot a method without the swept number: its median as a dotted line, or nothing where nothing is known of
    it."""
    middle = median(values)
    if not _drawn(middle, edge_at):
        return []
    line = {"color": style.colour, "dash": "dot", "width": 1.5}
    hover = f"median {'failed' if np.isinf(middle) else '%{y:.4g}'}<extra>%{{fullData.name}}</extra>"
    y = [float(at_edge(np.array(middle), edge_at))] * len(ends)
    return [go.Scatter(x=ends, y=y, mode="lines", name=escape(name), line=line, hovertemplate=hover)]


def heat_map(sweep: Sweep2, metric: str, direction: str) -> go.Figure:
    """Two swept numbers: medians as colours and as numbers; dark is good."""
    grid = np.where(np.isfinite(sweep.grid), sweep.grid, np.nan)
    trace = go.Heatmap(
        x=[show(value) for value in sweep.x],
        y=[show(value) for value in sweep.y],
        z=grid.tolist(),
        texttemplate="%{z:.3g}",
        colorscale="Viridis",
        reversescale=direction == "max",
        zmin=sweep.scale[0] if sweep.scale else None,
        zmax=sweep.scale[1] if sweep.scale else None,
        colorbar={"title": {"text": escape(metric)}},
        hoverongaps=False,
    )
    figure = base_figure([trace], sweep.x_key, sweep.y_key)
    figure.update_xaxes(type="category")
    return figure.update_yaxes(type="category")


def best_against_final(rows: Sequence[Row], metric: str, direction: str, looks: Mapping[str, Style]) -> go.Figure:
    """For each method the median best (open) and the median final (filled), joined: the gap is what was undone again.

    The final of a failed run is a cross on a dotted line beyond all values.
    """
    rows = [row for row in reversed(rows) if row.rank is not None]
    edge_at = failure_edge(np.array([value for row in rows for value in (row.best, row.median)]), direction)
    traces = []
    for row in rows:
        name, style = row.group.name, looks[row.group.name]
        ends = [("best", row.best, "-open"), ("final", row.median, "")]
        ends = [(kind, value, suffix) for kind, value, suffix in ends if _drawn(value, edge_at)]
        traces.append(
            go.Scatter(
                x=[float(at_edge(np.array(value), edge_at)) for _, value, _ in ends],
                y=[tick(name)] * len(ends),
                mode="lines+markers",
                line={"color": style.colour, "width": 2},
                marker={
                    "symbol": ["x" if np.isinf(value) else style.marker[0] + suffix for _, value, suffix in ends],
                    "size": 12,
                    "color": style.colour,
                },
                text=[f"{kind} {'failed' if np.isinf(value) else f'{value:.4g}'}" for kind, value, _ in ends],
                hovertemplate="%{text}<extra>" + escape(name).replace("%{", "% {") + "</extra>",
            )
        )
    return _rows_figure(traces, rows, f"{metric}: best (open) and final (filled), medians", edge_at)


def area_by_method(
    rows: Sequence[Row], metric: str, direction: str, looks: Mapping[str, Style], on: str = ""
) -> go.Figure:
    """Plot each seed's area under the metric's curve, with the median as a bar of ink; failed runs as crosses beyond
    all."""
    rows = [row for row in reversed(rows) if row.rank is not None]
    by_name = {row.group.name: [outcome(run, metric, direction, "area") for run in row.group.runs] for row in rows}
    edge_at = failure_edge(np.array([value for areas in by_name.values() for value in areas]), direction)
    traces = []
    for row in rows:
        name, style = row.group.name, looks[row.group.name]
        areas = by_name[name]
        for values, size, symbol in (([row.area], 20, "line-ns-open"), (areas, 8, style.marker[0])):
            values = [value for value in values if _drawn(value, edge_at)]
            crosses = ["x" if np.isinf(value) and symbol == style.marker[0] else symbol for value in values]
            traces.append(
                go.Scatter(
                    x=at_edge(np.array(values), edge_at).tolist(),
                    y=[tick(name)] * len(values),
                    mode="markers",
                    marker={
                        "symbol": crosses,
                        "size": size,
                        "color": style.colour,
                        "line": {"width": 2},
                        "opacity": 0.8,
                    },
                    text=["failed" if np.isinf(value) else f"{value:.4g}" for value in values],
                    hovertemplate="%{text}<extra>" + escape(name).replace("%{", "% {") + "</extra>",
                )
            )
    return _rows_figure(traces, rows, f"{metric}{on}: area, one point a seed", edge_at)


def _rows_figure(traces: Sequence[Any], rows: Sequence[Row], title: str, edge_at: float | None) -> go.Figure:
    figure = base_figure(traces, title, "", height=110 + 30 * max(len(rows), 2))
    ticks = [tick(row.group.name) for row in rows]
    if edge_at is not None:
        line = {"dash": "dot", "color": "#808080"}
        figure.add_shape(type="line", yref="paper", y0=0, y1=1, x0=edge_at, x1=edge_at, line=line)
        text = {"text": "failed", "showarrow": False, "font": {"size": 10}}
        figure.add_annotation(yref="paper", y=1, x=edge_at, yanchor="bottom", **text)
    return figure.update_yaxes(type="category", categoryorder="array", categoryarray=ticks, title=None)


def tick(name: str) -> str:
    return escape(name if len(name) <= _LONGEST_TICK else name[: _LONGEST_TICK - 1] + "…")
