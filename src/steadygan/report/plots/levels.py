"""The main metric along a swept number."""

from collections.abc import Callable, Sequence

import numpy as np

from steadygan.figures.spec import Axis, Figure, Line, Mark, Panel, Points
from steadygan.figures.style import Style, styles
from steadygan.report.groups import show
from steadygan.report.plots.drawing import Drawing, at_edge, failure_edge, failure_line, told
from steadygan.report.plots.swept import Line as Family
from steadygan.report.plots.swept import Sweep1
from steadygan.statistics.medians import median

_MOST_TICKS = 12


def against_number(sweep: Sweep1, label: str, direction: str, drawing: Drawing) -> Figure:
    """Return seeds as points, medians as a line, other methods as dotted levels; failed runs lie beyond all values."""
    looks = styles([line.name for line in sweep.lines])
    edge = failure_edge(sweep.everything(), direction)
    values = sorted({value for line in sweep.lines for value in line.x})
    at: Callable[[float], float] = values.index if sweep.axis == "category" else float
    marks: list[Mark] = [mark for line in sweep.lines for mark in _along(line, looks[line.name], at, edge)]
    ends = [at(value) for value in (values[0], values[-1])] if values else []
    for name, outcomes in sweep.reference.items():
        middle = median(outcomes)
        level = float(at_edge(middle, edge))
        if np.isfinite(level):
            style, hover = Style(drawing.looks[name].colour, "dot"), [f"{name}: median {told(middle)}"] * len(ends)
            marks.append(Line(x=ends, y=[level] * len(ends), style=style, hover=hover, name=name))
    ticked = sweep.axis == "category" or (sweep.axis == "log" and len(values) <= _MOST_TICKS)
    ticks = [(at(value), show(value)) for value in values] if ticked else None
    x = Axis(sweep.key, "linear" if sweep.axis == "category" else sweep.axis, ticks=ticks)
    return Figure([Panel([*marks, *failure_line(edge)], x, Axis(f"final {label}"))])


def _along(line: Family, style: Style, at: Callable[[float], float], edge: float | None) -> Sequence[Mark]:
    seeds = [(x, value) for x, values in zip(line.x, line.values) for value in values]
    medians = [median(values) for values in line.values]
    return (
        Points(
            x=[at(x) for x, _ in seeds],
            y=at_edge([value for _, value in seeds], edge),
            symbols=["x" if np.isinf(value) else style.symbol for _, value in seeds],
            hover=[f"{show(x)}: one seed {told(value)}" for x, value in seeds],
            style=style,
            opacity=0.45,
        ),
        Line(
            x=[at(x) for x in line.x],
            y=at_edge(medians, edge),
            hover=[f"{show(x)}: median {told(value)}" for x, value in zip(line.x, medians)],
            name=line.name or "median",
            style=style,
            width=2,
            size=7,
        ),
    )
