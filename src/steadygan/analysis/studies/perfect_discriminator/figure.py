"""The figure of ``steadygan theory perfect-discriminator``."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadygan.runs.files import write_atomically

ROWS = {
    "accuracy": "accuracy of D",
    "error": "cross-entropy of D",
    "saturating_norm": "|grad E log(1 - D)|",
    "nonsaturating_norm": "|grad E -log D|",
    "nonsaturating_variance": "variance of grad -log D",
}


def picture(path: Path, results: list[dict[str, Any]]) -> None:
    """A column for each remedy, a line for each age of the generator: the median over seeds, with its range."""
    remedies = list(dict.fromkeys(one["remedy"] for one in results))
    ages = list(dict.fromkeys(one["epochs"] for one in results))
    figure = Figure(figsize=(3.1 * len(remedies), 2.0 * len(ROWS)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(ROWS), len(remedies), sharex=True, sharey="row", squeeze=False)
    for column, remedy in enumerate(remedies):
        for row, (key, label) in enumerate(ROWS.items()):
            drawn = panels[row][column]
            for age in ages:
                iterations, values = _series(results, remedy, age, key)
                (line,) = drawn.plot(iterations, np.median(values, 0), label=f"G after {age} epochs")
                drawn.fill_between(iterations, values.min(0), values.max(0), alpha=0.2, color=line.get_color(), lw=0)
            if key != "accuracy":
                drawn.set_yscale("log")
            if column == 0:
                drawn.set_ylabel(label, fontsize=8)
            drawn.tick_params(labelsize=7)
        panels[0][column].set_title(remedy, fontsize=9)
        panels[-1][column].set_xlabel("iterations of the new D", fontsize=8)
    panels[0][0].legend(fontsize=7)
    write_atomically(path, lambda file: figure.savefig(file, format="png"))


def _series(results: list[dict[str, Any]], remedy: str, age: int, key: str) -> tuple[list[int], np.ndarray]:
    """Iterations ``[n]`` and values ``[seeds, n]``."""
    matching = [one for one in results if (one["remedy"], one["epochs"]) == (remedy, age)]
    iterations = sorted({one["iteration"] for one in matching})
    seeds = sorted({one["seed"] for one in matching})
    at = {(one["seed"], one["iteration"]): one[key] for one in matching}
    return iterations, np.array([[at[seed, iteration] for iteration in iterations] for seed in seeds])
