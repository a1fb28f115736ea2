"""PNGs of the shares of settings that meet the success criterion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadygan.report.groups import short_keys, show
from steadygan.report.pictures import DPI, new_axes, plain, save
from steadygan.report.share_maps import DIVERGED, SUCCEEDS, Map
from steadygan.report.shares import Share

_MARKS = {SUCCEEDS: {"marker": "o", "s": 22}, DIVERGED: {"marker": "x", "s": 26}}
_DARK = 0.5


def shares(family_shares: Sequence[Share], path: Path, on: str = "") -> Path:
    """Plot a row for each family: its share with the confidence interval. ``on`` names the data set."""
    family_shares = [each for each in reversed(family_shares) if each.total]
    figure, axes = new_axes(
        f"settings that meet the success criterion{on}, % (95 % interval)", "", 1.4 + 0.3 * len(family_shares)
    )
    for index, each in enumerate(family_shares):
        ends = [[100 * (each.share - each.low)], [100 * (each.high - each.share)]]
        axes.errorbar(100 * each.share, index, xerr=ends, fmt="o", color="#0072B2", capsize=3)
    axes.set_xlim(-2, 102)
    axes.set_yticks(range(len(family_shares)), [plain(each.name) for each in family_shares])
    return save(figure, path)


def heat_map(item: Map, direction: str, path: Path) -> Path:
    """Panels over two swept numbers: dark is good, a dot is a setting that succeeds, a cross one that diverged."""
    rows = -(-len(item.panels) // item.columns)
    size = (1.6 + 0.42 * len(item.x) * item.columns, 1.1 + (0.5 + 0.36 * len(item.y)) * rows)
    figure = Figure(figsize=(max(size[0], 5), max(size[1], 3)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, item.columns, sharex=True, sharey=True, squeeze=False)
    colours = colormaps["viridis_r" if direction == "max" else "viridis"]
    low, high = item.scale
    for axes, panel in zip(grid.flat, item.panels):
        masked = np.ma.masked_invalid(panel.score)
        image = axes.imshow(masked, origin="lower", aspect="auto", cmap=colours, vmin=low, vmax=high)
        axes.set_title(plain(panel.title), fontsize="small")
        axes.set_xticks(range(len(item.x)), [show(value) for value in item.x], rotation=60, fontsize="small")
        axes.set_yticks(range(len(item.y)), [show(value) for value in item.y], fontsize="small")
        for mark, look in _MARKS.items():
            for y, x in np.argwhere(panel.marks == mark):
                value = image.norm(panel.score[y, x])
                light = not np.isnan(panel.score[y, x]) and sum(colours(float(value))[:3]) < 3 * _DARK
                axes.scatter(x, y, color="white" if light else "black", **look)
    for axes in grid.flat[len(item.panels) :]:
        axes.set_visible(False)
    short = short_keys([item.x_key, item.y_key])
    figure.suptitle(plain(item.name))
    figure.supxlabel(plain(short[item.x_key]))
    figure.supylabel(plain(short[item.y_key]))
    figure.colorbar(image, ax=grid, label=plain(f"{item.metric}, share of all" if item.relative else item.metric))
    return save(figure, path)
