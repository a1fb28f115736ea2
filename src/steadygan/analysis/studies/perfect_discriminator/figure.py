"""The figure of ``steadygan theory perfect-discriminator``."""

from collections.abc import Sequence

import numpy as np

from steadygan.analysis.studies.output import Record
from steadygan.figures.spec import Axis, Band, Figure, Line, Mark, Panel
from steadygan.figures.style import styles

ROWS = {
    "accuracy": "accuracy of D",
    "error": "cross-entropy of D",
    "saturating_norm": "|grad E log(1 - D)|",
    "nonsaturating_norm": "|grad E -log D|",
    "nonsaturating_variance": "variance of grad -log D",
}


def figure(results: Sequence[Record]) -> Figure:
    """Return a column for each remedy, a line for each age of the generator: the median over seeds, with its range."""
    remedies = list(dict.fromkeys(one["remedy"] for one in results))
    looks = styles(dict.fromkeys(f"G after {one['epochs']} epochs" for one in results))
    ages = list(dict.fromkeys(one["epochs"] for one in results))
    panels, (first, *_, last) = [], ROWS
    for key, label in ROWS.items():
        for remedy in remedies:
            marks: list[Mark] = []
            for age, (name, style) in zip(ages, looks.items()):
                x, values = _series(results, remedy, age, key)
                marks += [Line(x=x, y=np.median(values, 0), name=name, style=style),
                          Band(x=x, low=values.min(0), high=values.max(0), style=style)]  # fmt: skip
            scale = "linear" if key == "accuracy" else "log"
            y = Axis(label if remedy == remedies[0] else "", scale)
            x = Axis("iterations of the new D" if key == last else "")
            panels.append(Panel(marks, x, y, title=remedy if key == first else ""))
    width, height = 3.1 * len(remedies), 2.0 * len(ROWS)
    return Figure(panels, len(remedies), width, height, shared=True)


def _series(results: Sequence[Record], remedy: str, age: int, key: str) -> tuple[list[int], np.ndarray]:
    """Iterations ``[n]`` and values ``[seeds, n]``."""
    matching = [one for one in results if (one["remedy"], one["epochs"]) == (remedy, age)]
    iterations = sorted({one["iteration"] for one in matching})
    seeds = sorted({one["seed"] for one in matching})
    at = {(one["seed"], one["iteration"]): one[key] for one in matching}
    return iterations, np.array([[at[seed, iteration] for iteration in iterations] for seed in seeds])
