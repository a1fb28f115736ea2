"""Samples on a line or in a plane, with the discriminator's logits behind them."""

from pathlib import Path

import numpy as np
import torch

from steadygan.files import write_atomically

INCHES, DPI = 4.0, 80
STEPS = 61


def plane(path: Path, real: torch.Tensor, fake: torch.Tensor, critic) -> None:
    """Real and generated points ``[n, 2]`` and contours of the logits of ``critic``."""
    real, fake = real.cpu(), fake.cpu()
    low, high = _limits(real)
    axis = torch.linspace(low, high, STEPS, dtype=fake.dtype)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    logits = critic(torch.stack([x.flatten(), y.flatten()], 1)).reshape(STEPS, STEPS)
    figure, axes = _axes()
    if _spread(logits):
        axes.contourf(x, y, logits, levels=12, cmap="PuOr_r", alpha=0.7)
        axes.set_title(
            f"logits from {float(logits.min()):.3g} (purple) to {float(logits.max()):.3g} (orange)", fontsize=8
        )
    axes.scatter(real[:, 0], real[:, 1], s=4, c="#555555", label="real", linewidths=0)
    axes.scatter(fake[:, 0], fake[:, 1], s=4, c="#009E73", label="generated", linewidths=0)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    _finish(path, figure, axes)


def line(path: Path, real: torch.Tensor, fake: torch.Tensor, critic) -> None:
    """Histograms of real and generated points ``[n, 1]`` and the logits of ``critic`` over them."""
    low, high = _limits(real)
    bins = np.linspace(low, high, 80)
    figure, axes = _axes()
    axes.hist(real.flatten().cpu().numpy(), bins, density=True, alpha=0.6, color="#555555", label="real")
    axes.hist(fake.flatten().cpu().numpy(), bins, density=True, alpha=0.6, color="#009E73", label="generated")
    x = torch.linspace(low, high, 400, dtype=fake.dtype)
    twin = axes.twinx()
    twin.plot(x, critic(x[:, None]), color="#D55E00")
    twin.tick_params(labelsize=7, colors="#D55E00")
    axes.set(xlim=(low, high))
    axes.set_title("density (left), logit of the discriminator (right)", fontsize=8)
    _finish(path, figure, axes)


def _spread(values: torch.Tensor) -> bool:
    return bool(torch.isfinite(values).all()) and bool(values.max() > values.min())


def _limits(real: torch.Tensor) -> tuple[float, float]:
    low, high = float(real.min()), float(real.max())
    margin = 0.25 * (high - low) + 1e-3
    return low - margin, high + margin


def _axes():
    # Not pyplot: its figures live until they are closed, and it picks a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Fixed margins: a layout engine would draw every picture twice.
    figure = Figure(figsize=(INCHES, INCHES), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.11, 0.07, 0.78, 0.86))
    axes.tick_params(labelsize=7)
    return figure, axes


def _finish(path: Path, figure, axes) -> None:
    axes.legend(loc="upper right", fontsize=7)
    write_atomically(path, lambda file: figure.savefig(file, format="png"))
