"""The figure of ``steadygan theory two-gaussians``."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import norm

from steadygan.analysis.studies.two_gaussians.settings import Settings
from steadygan.runs.files import write_atomically

LABELS = {"discriminator": "discriminator", "wgan": "WGAN critic, clipped", "wgan_gp": "WGAN-GP critic"}


def picture(path: Path, results: list[dict[str, Any]], s: Settings) -> None:
    """Both distributions and the critics, each over its own range; below, what slope each has."""
    figure = Figure(figsize=(9, 5.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    values, slopes = figure.subplots(2, 1, sharex=True)
    x = np.array(results[0]["x"])
    for mean, label, colour in ((s.real_mean, "data", "tab:blue"), (s.fake_mean, "generated", "tab:green")):
        density = norm.pdf(x, mean, s.std)
        values.fill_between(x, density / density.max() * 0.5, alpha=0.2, color=colour, label=label)
    for one in results:
        value = np.array(one["value"])
        low, high = (0, 1) if one["optimal"] else (value.min(), value.max())
        label = LABELS[one["method"]]
        (line,) = values.plot(x, (value - low) / max(high - low, 1e-12), label=label)
        size = np.abs(one["slope"])
        slopes.semilogy(x, np.maximum(size, 1e-8), color=line.get_color(), label=label)
        if one["optimal"]:
            values.plot(x, one["optimal"], "k:", lw=1.2, label="p / (p + q)")
    values.set_ylabel("value, over its range")
    slopes.set_ylabel("size of the slope")
    slopes.set_xlabel("x")
    values.legend(fontsize=8, loc="center left")
    write_atomically(path, lambda file: figure.savefig(file, format="png"))
