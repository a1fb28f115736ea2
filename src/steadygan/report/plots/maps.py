"""Heat maps over two swept numbers: dark is good."""

from collections.abc import Sequence

import numpy as np

from steadygan.figures.spec import Axis, Colours, Figure, HeatMap, Panel
from steadygan.report.groups import short_keys, show
from steadygan.report.plots.share_maps import Map
from steadygan.report.plots.swept import Sweep2


def share_map(item: Map, direction: str, on: str = "") -> Figure:
    """Return the panels of one method: a dot is a setting that succeeds, a cross one that diverged."""
    x, y = _axis(item.x), _axis(item.y)
    panels = [Panel([HeatMap(values=each.score, texts=each.marks.tolist(), hovers=_hovers(item, each.hover))], x, y,
                    each.title) for each in item.panels]  # fmt: skip
    label = f"{item.metric}, share of all" if item.relative else item.metric
    rows, short = -(-len(panels) // item.columns), short_keys([item.x_key, item.y_key])
    return Figure(
        panels,
        item.columns,
        width=max(1.6 + 0.42 * len(item.x) * item.columns, 5),
        height=1.7 + max(2.4, 0.5 + 0.36 * len(item.y)) * rows,
        title=item.name + on,
        x_title=short[item.x_key],
        y_title=short[item.y_key],
        shared=True,
        colours=Colours(label, item.scale, direction == "max"),
    )


def heat_map(item: Sweep2, label: str, direction: str) -> Figure:
    """Return medians as colours and as numbers."""
    values = np.where(np.isfinite(item.grid), item.grid, np.nan)
    texts = [["" if np.isnan(value) else f"{value:.3g}" for value in row] for row in values]
    shown = HeatMap(values=values, texts=texts, hovers=_hovers(item, texts))
    panel = Panel([shown], _axis(item.x, item.x_key), _axis(item.y, item.y_key))
    return Figure([panel], colours=Colours(label, item.scale, direction == "max"))


def _axis(values: Sequence[float], title: str = "") -> Axis:
    return Axis(title, ticks=[(place, show(value)) for place, value in enumerate(values)])


def _hovers(item: Map | Sweep2, texts: Sequence[Sequence[str]] | np.ndarray) -> list[list[str]]:
    return [[f"{show(x)}, {show(y)}: {text}" for x, text in zip(item.x, row)] for y, row in zip(item.y, texts)]
