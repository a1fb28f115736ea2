"""Figures for pages (plotly). Names are escaped, as plotly reads a little HTML; colours of text are the page's."""

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.basedatatypes import BaseTraceType
from plotly.subplots import make_subplots

from steadygan.figures.spec import Animation, Axis, Band, Figure, HeatMap, Level, Line, Mark, Panel, Points

PIXELS = 90
"""For each inch of a figure's height."""
_LONGEST_TICK = 30
_CLEAR = "rgba(0,0,0,0)"


def height(figure: Figure) -> int:
    """Return how many pixels of a page a figure takes."""
    return round(PIXELS * figure.height)


def plot(figure: Figure) -> go.Figure:
    """Return the interactive plot; marks of methods that are not visible start hidden."""
    rows = -(-len(figure.panels) // figure.columns)
    drawn = make_subplots(
        rows,
        figure.columns,
        shared_xaxes=figure.shared,
        shared_yaxes=figure.shared,
        subplot_titles=[escape(panel.title).replace("\n", "<br>") for panel in figure.panels],
        horizontal_spacing=0.04 if figure.shared else 0.2 / figure.columns,
        vertical_spacing=0.2 / max(rows, 2),
        x_title=escape(figure.x_title),
        y_title=escape(figure.y_title),
    )
    drawn.update_annotations(font_size=11)
    if figure.x_title:
        drawn.update_annotations({"yshift": -54}, selector={"text": escape(figure.x_title)})  # clear of the tick labels
        drawn.update_annotations({"xshift": -54}, selector={"text": escape(figure.y_title)})
    named: set[str] = set()
    for index, panel in enumerate(figure.panels):
        place = str(index + 1) if index else ""
        for mark in panel.marks:
            for trace in _traces(mark, panel.x, named):
                drawn.add_trace(trace.update(xaxis=f"x{place}", yaxis=f"y{place}"))
            if isinstance(mark, Level):
                _level(drawn, mark, place)
        x, y = _axes(panel, place)
        drawn.update_layout({f"xaxis{place}": x, f"yaxis{place}": y})
    return _laid_out(drawn, figure, legend=len(named) > 1)


def _laid_out(drawn: go.Figure, figure: Figure, legend: bool) -> go.Figure:
    wide = bool(figure.x_title) or any(panel.title for panel in figure.panels)
    drawn.update_layout(
        template="none",
        height=height(figure),
        margin={"l": 80, "r": 16, "t": 52, "b": 80} if wide else {"l": 56, "r": 16, "t": 20, "b": 48},
        showlegend=legend,
        legend={"orientation": "h", "yanchor": "top", "y": -0.25, "x": 0},
        hovermode="closest",
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
    )
    if figure.colours:
        low, high = figure.colours.limits or (None, None)
        bar = {"title": {"text": escape(figure.colours.title), "side": "right"}, "thickness": 12}
        reverse = figure.colours.large_is_dark
        drawn.update_layout(
            coloraxis={"colorscale": "Viridis", "reversescale": reverse, "cmin": low, "cmax": high, "colorbar": bar}
        )
    return drawn


def menu(figure: Figure) -> go.Figure:
    """Return the panels of a figure in one pair of axes, with a menu that chooses one of them."""
    traces = [[trace for mark in panel.marks for trace in _traces(mark, panel.x, set())] for panel in figure.panels]
    owners, buttons = [owner for owner, each in enumerate(traces) for _ in each], []
    for index, panel in enumerate(figure.panels):
        title, _, more = panel.title.partition("\n")
        args = [{"visible": [index == owner for owner in owners]}, {"title.text": escape(f"{title}: {more}")}]
        buttons.append({"label": escape(title), "method": "update", "args": args})
    drawn = go.Figure([trace.update(visible=owner == 0) for owner, each in enumerate(traces) for trace in each])
    first = figure.panels[0]
    x, y = _axes(first)
    drawn.update_xaxes(x).update_yaxes(y)
    drawn = _laid_out(drawn, Figure([first], height=7.5), legend=True)
    return drawn.update_layout(title=buttons[0]["args"][1]["title.text"], updatemenus=[{"buttons": buttons}])


def play(animation: Animation) -> go.Figure:
    """Return an animation with a button that plays it and a slider over its frames."""
    still, drawn = animation.figure.panels, plot(animation.still(0))
    moving, first = [], 0
    for panel, marks in zip(still, animation.frames[0]):
        moving += range(first, first + len(marks))
        first += len(marks) + len(panel.marks)
    drawn.frames = [
        go.Frame(
            data=[
                trace for panel, marks in zip(still, frame) for mark in marks for trace in _traces(mark, panel.x, set())
            ],
            name=str(iteration),
            traces=moving,
        )
        for iteration, frame in zip(animation.iterations, animation.frames)
    ]
    button = {"label": "play", "method": "animate", "args": [None, {"frame": {"duration": 100}}]}
    names, room = [frame.name for frame in drawn.frames], {"t": 50}
    steps = [{"label": name, "method": "animate", "args": [[name], {"mode": "immediate"}]} for name in names]
    return drawn.update_layout(
        updatemenus=[{"type": "buttons", "buttons": [button], "x": 0, "y": 0, "xanchor": "left", "pad": room}],
        sliders=[{"steps": steps, "currentvalue": {"prefix": "iteration "}, "x": 0.12, "len": 0.88, "pad": room}],
        legend={"y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        margin={"t": 80, "b": 130},
        height=height(animation.figure) + 150,
    )


def _axes(panel: Panel, place: str = "") -> tuple[dict[str, object], dict[str, object]]:
    x, y = _axis(panel.x), _axis(panel.y)
    if panel.square:
        x, y = x | {"constrain": "domain"}, y | {"constrain": "domain", "scaleanchor": f"x{place}"}
    return x, y


def _axis(axis: Axis) -> dict[str, object]:
    layout: dict[str, object] = {"title": {"text": escape(axis.title)}, "automargin": True, "type": axis.scale}
    if axis.limits is not None:
        layout["range"] = [math.log10(end) for end in axis.limits] if axis.scale == "log" else list(axis.limits)
    if axis.ticks is not None:
        layout["tickvals"] = [place for place, _ in axis.ticks]
        layout["ticktext"] = [_shortened(text) for _, text in axis.ticks]
    return layout


def _shortened(text: str) -> str:
    return escape(text if len(text) <= _LONGEST_TICK else text[: _LONGEST_TICK - 1] + "…")


def _traces(mark: Mark, x: Axis, named: set[str]) -> Iterator[BaseTraceType]:
    """Yield what draws a mark; ``named`` are the names that are in the legend already."""
    if isinstance(mark, Line | Band | Points):
        in_legend = bool(mark.name) and not mark.method and mark.name not in named
        named |= {mark.name} if in_legend else set()
        name, methods = escape(mark.name or mark.method), {"meta": mark.method, "visible": mark.visible}
        common = {"name": name, "legendgroup": name, "showlegend": in_legend, **(methods if mark.method else {})}
        yield go.Scatter(**_shape(mark), **_hover(mark, x, name), **common)
    elif isinstance(mark, HeatMap):
        yield go.Heatmap(
            z=[[None if np.isnan(value) else value for value in row] for row in mark.values.tolist()],
            text=mark.texts,
            texttemplate="%{text}",
            customdata=[[escape(text) for text in row] for row in mark.hovers],
            hovertemplate="%{customdata}<extra></extra>",
            coloraxis="coloraxis",
        )


def _shape(mark: Line | Band | Points) -> dict[str, object]:
    colour, x = mark.style.colour, np.asarray(mark.x)
    if isinstance(mark, Band):
        y = np.concatenate([np.asarray(mark.high), np.asarray(mark.low)[::-1]])
        around = {"x": np.concatenate([x, x[::-1]]), "y": y}
        return {**around, "fill": "toself", "fillcolor": mark.style.faint(), "line": {"width": 0}, "mode": "lines"}
    symbols = {"symbol": mark.style.symbol, "color": colour, "size": mark.size or 6}
    shape: dict[str, object] = {"x": _sent(x), "y": _sent(np.asarray(mark.y)), "marker": symbols, "mode": "markers"}
    if isinstance(mark, Line):
        mode = "markers" if len(x) == 1 else "lines+markers" if mark.size else "lines"
        return {**shape, "mode": mode, "line": {"color": colour, "dash": mark.style.dash, "width": mark.width}}
    each = {"symbol": list(mark.symbols) or mark.style.symbol, "color": list(mark.colours) or colour}
    shape["marker"] = {**symbols, **each, "opacity": mark.opacity, "line": {"width": 1.5, "color": each["color"]}}
    return {**shape, **_ends(mark.x, mark.ends, colour)}


def _sent(values: NDArray) -> NDArray | list[float]:
    """Return single precision as it is, which a page holds as bytes, and other numbers as a list."""
    return values if values.dtype == np.float32 else values.tolist()


def _ends(x: ArrayLike, ends: ArrayLike | None, colour: str) -> dict[str, object]:
    if ends is None:
        return {}
    low, high = np.asarray(ends, float)
    sides = {"array": (high - np.asarray(x)).tolist(), "arrayminus": (np.asarray(x) - low).tolist()}
    return {"error_x": {"type": "data", "symmetric": False, "color": colour, **sides}}


def _hover(mark: Mark, x: Axis, name: str) -> dict[str, object]:
    if isinstance(mark, Band):
        return {"hoverinfo": "skip"}
    if not mark.hover:
        return {}
    told = f"{escape(x.title)} %{{x:,}}<br>" if x.told else ""
    texts: Sequence[str] = [escape(text) for text in mark.hover]
    return {"text": texts, "hovertemplate": f"{told}%{{text}}<extra>{name.replace('%{', '% {')}</extra>"}


def _level(drawn: go.Figure, mark: Level, place: str) -> None:
    """Add a dotted line across the panel, its word at the left or above."""
    across = "x" if mark.axis == "y" else "y"
    refs = {f"{mark.axis}ref": f"{mark.axis}{place}", f"{across}ref": f"{across}{place} domain"}
    ends = {f"{mark.axis}{end}": mark.value for end in (0, 1)} | {f"{across}{end}": end for end in (0, 1)}
    drawn.add_shape(type="line", line={"dash": "dot", "color": mark.style.colour, "width": 1}, **refs, **ends)
    at = {
        mark.axis: mark.value,
        across: 0 if mark.axis == "y" else 1,
        "xanchor": "left" if mark.axis == "y" else "center",
    }
    drawn.add_annotation(text=mark.text, showarrow=False, font={"size": 10}, yanchor="bottom", **refs, **at)
