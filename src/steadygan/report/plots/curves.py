"""Learning curves: medians over seeds with bands, over iterations and over seconds."""

from collections.abc import Iterator, Sequence

import numpy as np

from steadygan.figures.spec import Axis, Band, Figure, Line, Mark, Panel
from steadygan.report.groups import Group
from steadygan.report.plots.bands import SeedBand, band, columns, points_for
from steadygan.report.plots.drawing import Drawing, Plot, at_edge, failure_edge, failure_line, file_name, told
from steadygan.report.statistics import direction_of

_SECTIONS = {
    "curves": ("metric/",),
    "losses": ("loss/",),
    "signals": ("grad_norm/", "penalty/", "logits/", "rule/"),
}
_WITHOUT_PNG = ("grad_norm/", "penalty/", "logits/")


def curves(groups: Sequence[Group], drawing: Drawing) -> list[Plot]:
    """Return a plot of each column of ``metrics.csv`` that any run has."""
    plots = []
    for section, prefixes in _SECTIONS.items():
        for column in (column for prefix in prefixes for column in columns(groups, prefix)):
            title = column.removeprefix("metric/") + drawing.on
            figure = learning_curves(groups, column, drawing)
            plots.append(Plot(section, file_name(column), title, figure, not column.startswith(_WITHOUT_PNG)))
    return plots


def against_seconds(groups: Sequence[Group], metric: str, drawing: Drawing) -> list[Plot]:
    """Return the main metric over the seconds that each run has spent: what a method costs counts."""
    column = f"metric/{metric}"
    if not any(column in run.curves and "seconds" in run.curves for group in groups for run in group.runs):
        return []
    figure = learning_curves(groups, column, drawing, "seconds")
    return [Plot("curves", file_name(f"{column}_seconds"), f"{metric} against seconds{drawing.on}", figure)]


def learning_curves(groups: Sequence[Group], column: str, drawing: Drawing, against: str = "iteration") -> Figure:
    """Return one line a method (median over seeds) with a band (min to max).

    Of metrics, which have a direction, failed runs lie on a dotted line beyond all values.
    """
    kind, _, name = column.partition("/")
    direction = direction_of(name, [run for group in groups for run in group.runs]) if kind == "metric" else None
    points = points_for(len(groups))
    by_name = {group.name: band(group.runs, column, points, against, direction) for group in groups}
    bands = {name: each for name, each in by_name.items() if each}
    values = [values for each in bands.values() for values in (each.low, each.high, each.median)]
    edge = failure_edge(np.concatenate([np.empty(0), *values]), direction) if direction else None
    marks = [mark for name, each in bands.items() for mark in _marks(name, each, drawing, edge)]
    title = column.removeprefix("metric/") + drawing.on
    return Figure([Panel([*marks, *failure_line(edge)], Axis(against, told=True), Axis(title))])


def _marks(name: str, band: SeedBand, drawing: Drawing, edge: float | None) -> Iterator[Mark]:
    style, visible, x = drawing.looks[name], name in drawing.shown, band.x.astype(np.float32)
    low, middle, high = (at_edge(each, edge).astype(np.float32) for each in (band.low, band.median, band.high))
    if band.seeds > 1:
        yield Band(x=x, low=low, high=high, style=style, method=name, visible=visible)
    hover = [told(value) for value in band.median]
    yield Line(x=x, y=middle, hover=hover, style=style, width=2, name=name, method=name, visible=visible)
