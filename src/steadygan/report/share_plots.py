"""The page's plots of the shares of settings that meet the success criterion."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from steadygan.report.groups import short_keys, show
from steadygan.report.plots import base_figure, tick
from steadygan.report.share_maps import Map
from steadygan.report.shares import Share

_COLOUR = "#0072B2"
_PANEL, _MARGINS = 250, 150


def shares(family_shares: Sequence[Share]) -> go.Figure:
    """Plot a row for each family: its share with the confidence interval."""
    family_shares = [each for each in reversed(family_shares) if each.total]
    names = [tick(each.name) for each in family_shares]
    percents = np.array(
        [[100 * value for value in (each.share, each.low, each.high)] for each in family_shares]
    ).reshape(-1, 3)
    trace = go.Scatter(
        x=percents[:, 0].tolist(),
        y=names,
        error_x={
            "type": "data",
            "symmetric": False,
            "array": (percents[:, 2] - percents[:, 0]).tolist(),
            "arrayminus": (percents[:, 0] - percents[:, 1]).tolist(),
            "color": _COLOUR,
        },
        mode="markers",
        marker={"color": _COLOUR, "size": 10},
        text=[f"{each.succeeded} of {each.total}" for each in family_shares],
        hovertemplate="%{text}: %{x:.0f} %<extra></extra>",
    )
    figure = base_figure(
        [trace],
        "settings that meet the success criterion, % (95 % interval)",
        "",
        height=110 + 30 * max(len(family_shares), 2),
    )
    figure.update_xaxes(range=[-2, 102])
    return figure.update_yaxes(type="category", categoryorder="array", categoryarray=names, title=None)


def heat_map(item: Map, direction: str) -> go.Figure:
    """Panels over two swept numbers; dark is good."""
    rows = -(-len(item.panels) // item.columns)
    figure = make_subplots(
        rows=rows,
        cols=item.columns,
        shared_xaxes=True,
        shared_yaxes=True,
        subplot_titles=[escape(panel.title) for panel in item.panels],
        horizontal_spacing=0.04,
        vertical_spacing=0.2 / max(rows, 2),
        x_title=escape(short_keys([item.x_key, item.y_key])[item.x_key]),
        y_title=escape(short_keys([item.x_key, item.y_key])[item.y_key]),
    )
    for index, panel in enumerate(item.panels):
        trace = go.Heatmap(
            x=[show(value) for value in item.x],
            y=[show(value) for value in item.y],
            z=[[None if np.isnan(value) else value for value in row] for row in panel.score.tolist()],
            text=panel.marks.tolist(),
            texttemplate="%{text}",
            customdata=panel.hover.tolist(),
            hovertemplate="%{x}, %{y}: %{customdata}<extra></extra>",
            coloraxis="coloraxis",
        )
        figure.add_trace(trace, row=index // item.columns + 1, col=index % item.columns + 1)
    figure.update_xaxes(type="category").update_yaxes(type="category").update_annotations(font_size=11)
    x_title, y_title = figure.layout.annotations[-2:]
    x_title.yshift, y_title.xshift = -52, -56  # clear of the tick labels
    title = f"{item.metric}, share of all" if item.relative else item.metric
    return figure.update_layout(
        template="none",
        height=_MARGINS + _PANEL * rows,
        margin={"l": 80, "r": 16, "t": 52, "b": 80},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        coloraxis={
            "colorscale": "Viridis",
            "reversescale": direction == "max",
            "cmin": item.scale[0],
            "cmax": item.scale[1],
            "colorbar": {"title": {"text": escape(title), "side": "right"}, "thickness": 12},
        },
    )
