"""``steadygan theory distances``: closed forms, estimates from samples, the figure."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from steadygan.analysis.studies.distances.settings import Settings
from steadygan.analysis.studies.output import Record, list_files, write
from steadygan.figures.spec import Axis, Figure, Line, Panel, Points
from steadygan.figures.style import COLOURS, Style
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
    write(folder, results, distances=figure(results))
    last = results[-1]
    for name, words in NAMES.items():
        report(f"{words:18} theta = {last['theta']:g}: {last[name]}, from samples {last['estimated'][name]}")
    list_files(folder, report)


def records(settings: Settings) -> list[Record]:
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


def figure(results: Sequence[Record]) -> Figure:
    """Return each distance over theta; where it is infinite there is no line."""
    theta, panels = [record["theta"] for record in results], []
    x = Axis("theta", limits=(1.05 * theta[0], 1.05 * theta[-1]))
    for name, words in NAMES.items():
        exact, estimated = (np.array([float(each[name]) for each in records])
                            for records in (results, [record["estimated"] for record in results]))  # fmt: skip
        finite = np.isfinite(exact)
        title = words if finite.all() else f"{words}\ninfinite but at 0"
        line = Line(x=theta, y=np.where(finite, exact, np.nan), style=Style(COLOURS[0]), name="closed form")
        points = Points(x=theta, y=np.where(np.isfinite(estimated), estimated, np.nan), style=Style(COLOURS[1]),
                        size=3, name="from samples")  # fmt: skip
        panels.append(Panel([line, points], x, title=title))
    return Figure(panels, len(panels), width=13, height=3.2)
