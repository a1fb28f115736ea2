"""The page's interactive plots. Names are escaped (plotly reads a little HTML); colours of text are the page's."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from steadygan.report.bands import Band, band, points_for
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
) -> go.Figure:
    """One line a method (median over seeds) with a band (min to max); methods not in ``shown`` start hidden."""
    traces = []
    points = points_for(len(groups))
    for group in groups:
        found = band(group.runs, column, points, against)
        if found:
            traces += _curve(group.name, found, looks[group.name], group.name in shown, against)
    return base_figure(traces, against, title)


def _curve(name: str, found: Band, style: Style, visible: bool, against: str) -> list[Any]:
    common = {"legendgroup": escape(name), "name": escape(name), "visible": visible, "meta": name}
    x = found.x.astype(np.float32)
    line = go.Scatter(
        x=x,
        y=found.median.astype(np.float32),
        mode="lines" if len(x) > 1 else "markers",
        line={"color": style.colour, "dash": style.dash[0], "width": 2},
        marker={"color": style.colour, "symbol": style.marker[0]},
        hovertemplate=f"{against} %{{x:,}}<br>%{{y:.4g}}<extra>%{{fullData.name}}</extra>",
        **common,
    )
    if found.seeds < 2:
        return [line]
    area = go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([found.high, found.low[::-1]]).astype(np.float32),
        fill="toself",
        fillcolor=style.faint(),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        **common,
    )
    return [area, line]


def against_number(sweep: Sweep1, metric: str, looks: Mapping[str, Style]) -> go.Figure:
    """The main metric along one swept number: seeds as points, medians as a line, other methods as dotted levels."""
    families = styles([line.name for line in sweep.lines])
    traces = [trace for line in sweep.lines for trace in _along(line, families[line.name], sweep.axis)]
    ends = [_position(value, sweep.axis) for line in sweep.lines for value in (min(line.x), max(line.x))]
    traces += [level for name, values in sweep.reference.items() for level in _level(name, values, ends, looks[name])]
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
    return figure


def _position(value: float, axis: str) -> Any:
    return show(value) if axis == "category" else value


def _along(line: Line, style: Style, axis: str) -> list[Any]:
    spread = [(x, value) for x, values in zip(line.x, line.values) for value in values if np.isfinite(value)]
    medians = [_finite_median(values) for values in line.values]
    return [
        go.Scatter(
            x=[_position(x, axis) for x, _ in spread],
            y=[value for _, value in spread],
            mode="markers",
            marker={"color": style.colour, "opacity": 0.45, "size": 7, "symbol": style.marker[0]},
            showlegend=False,
            hovertemplate="%{x}: %{y:.4g}<extra>one seed</extra>",
        ),
        go.Scatter(
            x=[_position(x, axis) for x in line.x],
            y=medians,
            mode="lines+markers",
            name=escape(line.name or "median"),
            line={"color": style.colour, "dash": style.dash[0], "width": 2},
            marker={"size": 9, "symbol": style.marker[0]},
            hovertemplate="%{x}: median %{y:.4g}<extra></extra>",
        ),
    ]


def _level(name: str, values: np.ndarray, ends: Sequence[Any], style: Style) -> list[Any]:
    """A method without the swept number: its median as a dotted line, or nothing where that is lost."""
    found = _finite_median(values)
    if found is None:
        return []
    line = {"color": style.colour, "dash": "dot", "width": 1.5}
    hover = "median %{y:.4g}<extra>%{fullData.name}</extra>"
    return [go.Scatter(x=ends, y=[found] * len(ends), mode="lines", name=escape(name), line=line, hovertemplate=hover)]


def _finite_median(values: np.ndarray) -> float | None:
    """The median with lost seeds as worst, where it is finite."""
    found = median(values)
    return found if np.isfinite(found) else None


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
        colorbar={"title": {"text": escape(metric)}},
        hoverongaps=False,
    )
    figure = base_figure([trace], sweep.x_key, sweep.y_key)
    figure.update_xaxes(type="category")
    return figure.update_yaxes(type="category")


def best_against_final(rows: Sequence[Row], metric: str, looks: Mapping[str, Style]) -> go.Figure:
    """For each method the median best (open) and the median final (filled), joined: the gap is what was lost again."""
    rows = [row for row in reversed(rows) if row.rank is not None]
    traces = []
    for row in rows:
        name, style = row.group.name, looks[row.group.name]
        ends = [("best", row.best, "-open"), ("final", row.median, "")]
        ends = [(kind, value, suffix) for kind, value, suffix in ends if np.isfinite(value)]
        traces.append(
            go.Scatter(
                x=[value for _, value, _ in ends],
                y=[tick(name)] * len(ends),
                mode="lines+markers",
                line={"color": style.colour, "width": 2},
                marker={
                    "symbol": [style.marker[0] + suffix for _, _, suffix in ends],
                    "size": 12,
                    "color": style.colour,
                },
                text=[kind for kind, _, _ in ends],
                hovertemplate="%{text} %{x:.4g}<extra>" + escape(name).replace("%{", "% {") + "</extra>",
            )
        )
    return _rows_figure(traces, rows, f"{metric}: best (open) and final (filled), medians")


def area_by_method(rows: Sequence[Row], metric: str, direction: str, looks: Mapping[str, Style]) -> go.Figure:
    """Each seed's area under the metric's curve, with the median as a bar of ink."""
    rows = [row for row in reversed(rows) if row.rank is not None]
    traces = []
    for row in rows:
        name, style = row.group.name, looks[row.group.name]
        areas = [outcome(run, metric, direction, "area") for run in row.group.runs]
        for values, size, symbol in (([row.area], 20, "line-ns-open"), (areas, 8, style.marker[0])):
            values = [value for value in values if np.isfinite(value)]
            traces.append(
                go.Scatter(
                    x=values,
                    y=[tick(name)] * len(values),
                    mode="markers",
                    marker={
                        "symbol": symbol,
                        "size": size,
                        "color": style.colour,
                        "line": {"width": 2},
                        "opacity": 0.8,
                    },
                    hovertemplate="%{x:.4g}<extra>" + escape(name).replace("%{", "% {") + "</extra>",
                )
            )
    return _rows_figure(traces, rows, f"{metric}: area, one point a seed")


def _rows_figure(traces: Sequence[Any], rows: Sequence[Row], title: str) -> go.Figure:
    figure = base_figure(traces, title, "", height=110 + 30 * max(len(rows), 2))
    ticks = [tick(row.group.name) for row in rows]
    return figure.update_yaxes(type="category", categoryorder="array", categoryarray=ticks, title=None)


def tick(name: str) -> str:
    return escape(name if len(name) <= _LONGEST_TICK else name[: _LONGEST_TICK - 1] + "…")
