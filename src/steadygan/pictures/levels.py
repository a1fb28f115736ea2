"""How the level of the noise that a rule controls went over a run."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from steadygan.pictures.canvas import axes, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

START, END = "rule/", "/noise_level"
"""Around the player's name, in the columns of ``metrics.csv``."""

DECADE = 10
Curves = dict[str, tuple[list[int], list[float]]]


def curves(rows: Sequence[Mapping[str, str]]) -> Curves:
    """Iterations and finite levels of each player whose rule logs them, from the rows of a ``metrics.csv``."""
    levels_by_player: Curves = {}
    for row in rows:
        for column, text in row.items():
            if column.startswith(START) and column.endswith(END) and text and math.isfinite(float(text)):
                times, levels = levels_by_player.setdefault(column[len(START) : -len(END)], ([], []))
                times.append(int(row["iteration"]))
                levels.append(float(text))
    return levels_by_player


def levels(path: Path, shown: Curves) -> None:
    """Write the PNG of what ``curves`` found, a line for each player."""
    save(path, draw(shown))


def draw(shown: Curves) -> "Axes":
    """Return the axes of ``levels``; logarithmic where the levels span more than a decade, as the noise may explode."""
    drawn = axes()
    for player, (times, values) in shown.items():
        drawn.plot(times, values, label=player, marker="." if len(times) == 1 else None)
    every = [value for _, values in shown.values() for value in values]
    if 0 < DECADE * min(every) < max(every):
        drawn.set_yscale("log")
    drawn.set_title("level of the gradient's noise over iterations", fontsize=8)
    return drawn
