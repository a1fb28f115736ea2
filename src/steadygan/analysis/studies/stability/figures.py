"""The picture beside ``stability.json``: eigenvalues of the field, multipliers of one iteration, the path."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steadygan.runs.files import write_atomically

STABLE, GROWING, OTHER = "#0072B2", "#D55E00", "#009E73"


def figure(path: Path, analysis: Mapping[str, Any]) -> None:
    """Write the picture of one analysis."""
    figure = Figure(figsize=(13, 4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    plane, circle, way = figure.subplots(1, 3)
    eigenvalues(plane, analysis)
    multipliers(circle, analysis)
    along(way, analysis["path"])
    figure.suptitle(f"{analysis['verdict']}, iteration {analysis['iteration']}: {analysis['run']}"[:150], fontsize=9)
    write_atomically(path, lambda file: figure.savefig(file, format="png"))


def eigenvalues(axes: Axes, analysis: Mapping[str, Any]) -> None:
    """In the complex plane, on scales that are linear about 0 and logarithmic beyond."""
    real, imaginary = _split(analysis["eigenvalues"])
    linear = max(analysis["tolerance"], 1e-12)
    axes.axvspan(-linear, linear, color="#eeeeee")
    axes.axvline(0, color="black", linewidth=0.7)
    axes.scatter(real, imaginary, s=10, c=np.where(real > linear, GROWING, STABLE), alpha=0.7, linewidths=0)
    axes.set_xscale("symlog", linthresh=linear)
    axes.set_yscale("symlog", linthresh=linear)
    axes.set(xlabel="real", ylabel="imaginary", title="eigenvalues of the field; grey: within tolerance")
    axes.title.set_fontsize(9)


def multipliers(axes: Axes, analysis: Mapping[str, Any]) -> None:
    """Those of largest modulus beside the unit circle."""
    real, imaginary = _split(analysis["multipliers"])
    turn = np.exp(1j * np.linspace(0, 2 * np.pi, 2000))
    axes.plot(turn.real, turn.imag, color="grey", linewidth=0.8)
    axes.scatter(real, imaginary, s=14, c=np.where(np.hypot(real, imaginary) > 1 + 1e-9, GROWING, STABLE), linewidths=0)
    if len(real):
        room = 1.2 * max(np.ptp(real), 2 * np.abs(imaginary).max(), 1e-6)
        axes.set(xlim=(real.max() - room, real.max() + 0.2 * room), ylim=(-room / 2, room / 2))
    radius = analysis["spectral_radius"]
    axes.set(xlabel="real", ylabel="imaginary", title=f"one iteration: spectral radius {radius:.6g}")
    axes.title.set_fontsize(9)


def along(axes: Axes, path: Mapping[str, Any] | None) -> None:
    """Cosine and norm of the field on the straight way to the checkpoint."""
    axes.set(xlabel="way from the start (0) to the checkpoint (1)", title="path angle (blue) and field norm (green)")
    axes.title.set_fontsize(9)
    if path is None:
        return
    axes.axhline(0, color="grey", linewidth=0.7)
    axes.axvline(1, color="grey", linewidth=0.7)
    axes.plot(path["alpha"], path["angle"], color=STABLE)
    axes.set(ylim=(-1.05, 1.05), ylabel="cosine")
    norms = axes.twinx()
    norms.plot(path["alpha"], path["norm"], color=OTHER, linewidth=0.8)
    norms.set(yscale="log", ylabel="norm")


def _split(pairs: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    real, imaginary = np.array(pairs, float).reshape(-1, 2).T
    return real, imaginary
