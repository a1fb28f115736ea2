"""PNGs of the main plots, for slides and papers (matplotlib, white ground)."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadygan.report.bands import at_edge, band, edge, failure_edge, points_for
from steadygan.report.groups import Group, show
from steadygan.report.palette import Style, styles
from steadygan.report.statistics import Row
from steadygan.report.swept import Sweep1, Sweep2
from steadygan.statistics.medians import median

DPI = 130
_MOST_IN_LEGEND = 16


def file_name(text: str) -> str:
    """Return a name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_.")[:80] or "plot"


LONGEST = 48
"""Characters of a label: a longer one would leave no room for the axes."""


def plain(name: str) -> str:
    """Return a short label without mathematics, and not hidden (matplotlib leaves out labels that start with _)."""
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
    direction: str | None = None,
) -> Path:
    """Medians and bands over seeds of the ``shown`` methods; failed runs lie beyond all values."""
    figure, axes = new_axes(against, title)
    chosen = [group for group in groups if group.name in shown]
    by_name = {group.name: band(group.runs, column, points_for(len(shown)), against, direction) for group in chosen}
    bands = {name: each for name, each in by_name.items() if each}
    edge_at = edge(bands.values(), direction) if direction else None
    for name, each in bands.items():
        style = looks[name]
        axes.plot(each.x, at_edge(each.median, edge_at), style.dash[1], color=style.colour, label=plain(name))
        if each.seeds > 1:
            low, high = at_edge(each.low, edge_at), at_edge(each.high, edge_at)
            axes.fill_between(each.x, low, high, color=style.colour, alpha=0.18, linewidth=0)
    _failure_line(axes, edge_at)
    _legend(axes)
    return save(figure, path)


def _failure_line(axes, edge_at: float | None) -> None:
    """A dotted line where failed runs lie, with the word."""
    if edge_at is not None:
        axes.axhline(edge_at, linestyle=":", color="#808080", linewidth=1)
        axes.text(0.01, edge_at, "failed", transform=axes.get_yaxis_transform(), va="bottom", fontsize="x-small")


def _legend(axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.legend(handles[:_MOST_IN_LEGEND], labels[:_MOST_IN_LEGEND], frameon=False, fontsize="small")


def against_number(sweep: Sweep1, metric: str, direction: str, path: Path) -> Path:
    """Seeds as points, medians as a line, along one swept number; failed runs as crosses beyond all values."""
    figure, axes = new_axes(sweep.key, f"final {metric}")
    looks = styles([line.name for line in sweep.lines])
    ticks = sorted({value for line in sweep.lines for value in line.x})
    edge_at = failure_edge(sweep.everything(), direction)
    for line in sweep.lines:
        style = looks[line.name]
        at = [ticks.index(x) if sweep.axis == "category" else x for x in line.x]
        medians = at_edge(np.array([median(values) for values in line.values]), edge_at)
        axes.plot(at, [value if np.isfinite(value) else np.nan for value in medians], style.dash[1], color=style.colour,
                  marker=style.marker[1], label=plain(line.name))  # fmt: skip
        for x, values in zip(at, line.values):
            finite = values[np.isfinite(values)]
            axes.plot([x] * len(finite), finite, style.marker[1], color=style.colour, alpha=0.4, markersize=4)
            if edge_at is not None and np.any(np.isinf(values)):
                axes.plot(x, edge_at, "x", color=style.colour, markersize=6)
    for name, values in sweep.reference.items():
        level = at_edge(np.array(median(values)), edge_at)
        if np.isfinite(level):
            axes.axhline(float(level), linestyle=":", color="#808080", label=plain(name))
    _failure_line(axes, edge_at)
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
    low, high = sweep.scale or (None, None)
    colours = "viridis_r" if direction == "max" else "viridis"
    image = axes.imshow(grid, origin="lower", aspect="auto", cmap=colours, vmin=low, vmax=high)
    axes.grid(False)
    axes.set_xticks(range(len(sweep.x)), [show(value) for value in sweep.x])
    axes.set_yticks(range(len(sweep.y)), [show(value) for value in sweep.y])
    figure.colorbar(image, label=plain(metric))
    return save(figure, path)


def best_against_final(
    rows: Sequence[Row], metric: str, direction: str, looks: Mapping[str, Style], path: Path
) -> Path:
    """Median best (open) and final (filled) of each method; the final of a failed run is a cross beyond all values."""
    rows = [row for row in reversed(rows) if row.rank is not None]
    figure, axes = new_axes(f"{metric}: best (open) and final (filled), medians", "", 1.4 + 0.3 * len(rows))
    edge_at = failure_edge(np.array([value for row in rows for value in (row.best, row.median)]), direction)
    for index, row in enumerate(rows):
        style = looks[row.group.name]
        ends = at_edge(np.array([value for value in (row.best, row.median) if not np.isnan(value)]), edge_at)
        if edge_at is not None and np.isinf(row.median):
            axes.plot(edge_at, index, "x", color=style.colour, markersize=8)
        axes.plot(ends, [index] * len(ends), color=style.colour)
        if np.isfinite(row.best):
            axes.plot(row.best, index, style.marker[1], color=style.colour, fillstyle="none", markersize=9)
        if np.isfinite(row.median):
            axes.plot(row.median, index, style.marker[1], color=style.colour, markersize=7)
    axes.set_yticks(range(len(rows)), [plain(row.group.name)[:40] for row in rows])
    if edge_at is not None:
        axes.axvline(edge_at, linestyle=":", color="#808080", linewidth=1)
        axes.text(
            edge_at, 1.0, "failed", transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize="x-small"
        )
    return save(figure, path)
