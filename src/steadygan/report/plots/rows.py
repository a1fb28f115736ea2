"""Figures with a row for each method: best against final, area, and shares of settings."""

from collections.abc import Sequence

import numpy as np

from steadygan.figures.spec import Axis, Figure, Line, Mark, Panel, Points, Range
from steadygan.figures.style import COLOURS, Style
from steadygan.report.plots.drawing import Drawing, Plot, at_edge, failure_edge, failure_line, told
from steadygan.report.shares import Share
from steadygan.report.statistics import Row, outcome


def ends(rows: Sequence[Row], metric: str, direction: str, drawing: Drawing) -> list[Plot]:
    """Return what is reached against what is kept, and the areas under the curves."""
    rows = [row for row in reversed(rows) if row.rank is not None]
    best, area = (draw(rows, metric, direction, drawing) for draw in (best_against_final, area_by_method))
    return [
        Plot("ends", "best_against_final", f"Best against final{drawing.on}", best),
        Plot("ends", "area", f"Area under the curve{drawing.on}", area),
    ]


def best_against_final(rows: Sequence[Row], metric: str, direction: str, drawing: Drawing) -> Figure:
    """Return for each method the median best (open) and the median final (filled), joined.

    The gap is what was undone again. The final of a failed run is a cross on a dotted line beyond all values.
    """
    edge = failure_edge([value for row in rows for value in (row.best, row.median)], direction)
    marks: list[Mark] = []
    for place, row in enumerate(rows):
        style = drawing.looks[row.group.name]
        values = [row.best, row.median]
        symbols = ["x" if np.isinf(value) else style.symbol + suffix for value, suffix in zip(values, ("-open", ""))]
        hover = [f"{row.group.name}: {kind} {told(value)}" for value, kind in zip(values, ("best", "final"))]
        x, y = at_edge(values, edge), [place, place]
        marks += [Line(x=x, y=y, style=Style(style.colour), width=2),
                  Points(x=x, y=y, style=style, size=10, symbols=symbols, hover=hover)]  # fmt: skip
    title = f"{metric}{drawing.on}: best (open) and final (filled), medians"
    return _rows([*marks, *failure_line(edge, "x")], [row.group.name for row in rows], title)


def area_by_method(rows: Sequence[Row], metric: str, direction: str, drawing: Drawing) -> Figure:
    """Return each seed's area under the metric's curve, with the median as a bar; failed runs as crosses beyond all."""
    areas = [[outcome(run, metric, direction, "area") for run in row.group.runs] for row in rows]
    edge = failure_edge([value for each in areas for value in each], direction)
    marks: list[Mark] = []
    for place, (row, values) in enumerate(zip(rows, areas)):
        name, style = row.group.name, drawing.looks[row.group.name]
        symbols = ["x" if np.isinf(value) else style.symbol for value in values]
        bar = Style(style.colour, symbol="line-ns-open")
        marks += [
            Points(x=at_edge([row.area], edge), y=[place], style=bar, size=20,
                   hover=[f"{name}: median {told(row.area)}"]),
            Points(x=at_edge(values, edge), y=[place] * len(values), style=style, size=8, opacity=0.8, symbols=symbols,
                   hover=[f"{name}: {told(value)}" for value in values]),
        ]  # fmt: skip
    title = f"{metric}{drawing.on}: area, one point a seed"
    return _rows([*marks, *failure_line(edge, "x")], [row.group.name for row in rows], title)


def shares(family_shares: Sequence[Share], drawing: Drawing) -> Figure:
    """Return the share of each family with its confidence interval."""
    known = [each for each in reversed(family_shares) if each.total]
    percents = 100 * np.array([(each.share, each.low, each.high) for each in known]).reshape(-1, 3).T
    hover = [f"{each.name}: {each.succeeded} of {each.total}, {100 * each.share:.0f} %" for each in known]
    marks = [
        Points(x=percents[0], y=range(len(known)), ends=percents[1:], style=Style(COLOURS[0]), size=9, hover=hover)
    ]
    title = f"settings that meet the success criterion{drawing.on}, % (95 % interval)"
    return _rows(marks, [each.name for each in known], title, (-2, 102))


def _rows(marks: Sequence[Mark], names: Sequence[str], title: str, limits: Range | None = None) -> Figure:
    rows = Axis(ticks=list(enumerate(names)), limits=(-0.6, max(len(names), 1) - 0.4))
    return Figure([Panel(marks, Axis(title, limits=limits), rows)], height=1.2 + 0.33 * max(len(names), 2))
