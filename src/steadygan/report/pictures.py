"""PNGs of the main plots, for slides and papers (matplotlib, white ground)."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadygan.report.bands import band, points_for
from steadygan.report.groups import Group, show
from steadygan.report.palette import Style, styles
from steadygan.report.statistics import Row
from steadygan.report.swept import Sweep1, Sweep2
from steadygan.statistics.medians import median

DPI = 130
_MOST_IN_LEGEND = 16


def file_name(text: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_.")[:80] or "plot"


LONGEST = 48
"""Characters of a label: a longer one would leave no room for the axes."""


def plain(name: str) -> str:
    """A short label without mathematics, and not hidden (matplotlib leaves out labels that start with _)."""
    name = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    return (" " if name.startswith("_") else "") + name.replace("$", r"\$")


def new_axes(x: str, y: str, height: float = 4.0):
    figure = Figure(figsize=(7, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlabel(plain(x))
    axes.set_ylabel(plain(y))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path


def learning_curves(
    groups: Sequence[Group],
    column: str,
    title: str,
    looks: Mapping[str, Style],
    shown: Sequence[str],
    path: Path,
    against: str = "iteration",
) -> Path:
    """Medians and bands over seeds of the ``shown`` methods."""
    figure, axes = new_axes(against, title)
    for group in (group for group in groups if group.name in shown):
        found = band(group.runs, column, points_for(len(shown)), against)
        if found is None:
            continue
        style = looks[group.name]
        axes.plot(found.x, found.median, style.dash[1], color=style.colour, label=plain(group.name))
        if found.seeds > 1:
            axes.fill_between(found.x, found.low, found.high, color=style.colour, alpha=0.18, linewidth=0)
    _legend(axes)
    return save(figure, path)


def _legend(axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.legend(handles[:_MOST_IN_LEGEND], labels[:_MOST_IN_LEGEND], frameon=False, fontsize="small")


def against_number(sweep: Sweep1, metric: str, path: Path) -> Path:
    """Seeds as points, medians as a line, along one swept number."""
    figure, axes = new_axes(sweep.key, f"final {metric}")
    looks = styles([line.name for line in sweep.lines])
    ticks = sorted({value for line in sweep.lines for value in line.x})
    for line in sweep.lines:
        style = looks[line.name]
        at = [ticks.index(x) if sweep.axis == "category" else x for x in line.x]
        medians = [median(values) for values in line.values]
        axes.plot(at, [value if np.isfinite(value) else np.nan for value in medians], style.dash[1], color=style.colour,
                  marker=style.marker[1], label=plain(line.name))  # fmt: skip
        for x, values in zip(at, line.values):
            finite = values[np.isfinite(values)]
            axes.plot([x] * len(finite), finite, style.marker[1], color=style.colour, alpha=0.4, markersize=4)
    for name, values in sweep.reference.items():
        if np.isfinite(median(values)):
            axes.axhline(median(values), linestyle=":", color="#808080", label=plain(name))
    if sweep.axis == "log":
        axes.set_xscale("log")
    elif sweep.axis == "category":
        axes.set_xticks(range(len(ticks)), [show(value) for value in ticks])
    _legend(axes)
    return save(figure, path)


def heat_map(sweep: Sweep2, metric: str, direction: str, path: Path) -> Path:
    """Medians over two swept numbers."""
    figure, axes = new_axes(sweep.x_key, sweep.y_key)
    grid = np.ma.masked_invalid(sweep.grid)
    image = axes.imshow(grid, origin="lower", aspect="auto", cmap="viridis_r" if direction == "max" else "viridis")
    axes.grid(False)
    axes.set_xticks(range(len(sweep.x)), [show(value) for value in sweep.x])
    axes.set_yticks(range(len(sweep.y)), [show(value) for value in sweep.y])
    figure.colorbar(image, label=plain(metric))
    return save(figure, path)


def best_against_final(rows: Sequence[Row], metric: str, looks: Mapping[str, Style], path: Path) -> Path:
    """Median best (open) and final (filled) of each method."""
    rows = [row for row in reversed(rows) if row.rank is not None]
    figure, axes = new_axes(f"{metric}: best (open) and final (filled), medians", "", 1.4 + 0.3 * len(rows))
    for index, row in enumerate(rows):
        style = looks[row.group.name]
        ends = [value for value in (row.best, row.median) if np.isfinite(value)]
        axes.plot(ends, [index] * len(ends), color=style.colour)
        if np.isfinite(row.best):
            axes.plot(row.best, index, style.marker[1], color=style.colour, fillstyle="none", markersize=9)
        if np.isfinite(row.median):
            axes.plot(row.median, index, style.marker[1], color=style.colour, markersize=7)
    axes.set_yticks(range(len(rows)), [plain(row.group.name)[:40] for row in rows])
    return save(figure, path)
