"""``steadygan theory distances``: closed forms, estimates from samples, the figure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadygan.analysis.studies.distances.settings import Settings
from steadygan.runs.files import write_atomically, write_json
from steadygan.theory.distances import Distances, of_samples, parallel_lines

NAMES = {
    "tv": "total variation",
    "kl": "KL(P0, Ptheta)",
    "reverse_kl": "KL(Ptheta, P0)",
    "js": "Jensen-Shannon",
    "em": "earth mover's",
}


def run(folder: Path, settings: Settings, report: Callable[[str], None]) -> None:
    """Write ``results.json`` and ``distances.png`` into ``folder``."""
    results = records(settings)
    write_json(folder / "results.json", results)
    picture(folder / "distances.png", results)
    last = results[-1]
    for name, words in NAMES.items():
        report(f"{words:18} theta = {last['theta']:g}: {last[name]}, from samples {last['estimated'][name]}")
    report(f"in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def records(settings: Settings) -> list[dict[str, Any]]:
    """Return a record for each theta: the closed forms, and under ``estimated`` the same from samples."""
    source = np.random.default_rng(settings.seed)
    thetas = np.linspace(-settings.extent, settings.extent, settings.count)
    return [
        {
            "theta": float(theta),
            **parallel_lines(float(theta)).record(),
            "estimated": estimate(float(theta), settings, source).record(),
        }
        for theta in thetas
    ]


def estimate(theta: float, settings: Settings, source: np.random.Generator) -> Distances:
    """From ``samples`` points on each line."""
    near, far = (
        np.stack([np.full(settings.samples, x), source.uniform(size=settings.samples)], 1) for x in (0.0, theta)
    )
    return of_samples(near, far, settings.bins)


def picture(path: Path, results: list[dict[str, Any]]) -> None:
    """Each distance over theta; where it is infinite there is no line."""
    figure = Figure(figsize=(13, 2.9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    theta = [record["theta"] for record in results]
    for drawn, (name, words) in zip(figure.subplots(1, len(NAMES)), NAMES.items()):
        for values, style, label in (
            ([float(record[name]) for record in results], "-", "closed form"),
            ([float(record["estimated"][name]) for record in results], ".", "from samples"),
        ):
            drawn.plot(theta, np.where(np.isfinite(values), values, np.nan), style, label=label)
        if not np.isfinite([float(record[name]) for record in results]).all():
            drawn.text(0.5, 0.6, "infinite but at 0", transform=drawn.transAxes, ha="center", fontsize=8)
        drawn.set_title(words, fontsize=9)
        drawn.set_xlabel("theta", fontsize=8)
        drawn.set_xlim(1.05 * theta[0], 1.05 * theta[-1])
        drawn.tick_params(labelsize=7)
    drawn.legend(fontsize=7)
    write_atomically(path, lambda file: figure.savefig(file, format="png"))
