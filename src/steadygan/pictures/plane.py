"""Samples on a line or in a plane, with the discriminator's logits behind them."""

from pathlib import Path

import numpy as np
import torch

from steadygan.pictures.canvas import CRITIC, FAKE, REAL, axes, limits, save

STEPS = 61


def plane(path: Path, real: torch.Tensor, fake: torch.Tensor, critic) -> None:
    """Real and generated points ``[n, 2]`` and contours of the logits of ``critic``."""
    real, fake = real.cpu(), fake.cpu()
    low, high = limits(real)
    axis = torch.linspace(low, high, STEPS, dtype=fake.dtype)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    logits = critic(torch.stack([x.flatten(), y.flatten()], 1)).reshape(STEPS, STEPS)
    drawn = axes()
    if _spread(logits):
        drawn.contourf(x, y, logits, levels=12, cmap="PuOr_r", alpha=0.7)
        drawn.set_title(
            f"logits from {float(logits.min()):.3g} (purple) to {float(logits.max()):.3g} (orange)", fontsize=8
        )
    drawn.scatter(real[:, 0], real[:, 1], s=4, c=REAL, label="real", linewidths=0)
    drawn.scatter(fake[:, 0], fake[:, 1], s=4, c=FAKE, label="generated", linewidths=0)
    drawn.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    save(path, drawn)


def line(path: Path, real: torch.Tensor, fake: torch.Tensor, critic) -> None:
    """Histograms of real and generated points ``[n, 1]`` and the logits of ``critic`` over them."""
    low, high = limits(real)
    bins = np.linspace(low, high, 80)
    drawn = axes()
    drawn.hist(real.flatten().cpu().numpy(), bins, density=True, alpha=0.6, color=REAL, label="real")
    made = fake.flatten().cpu().numpy()
    made = made[(low <= made) & (made <= high)]  # others are in no bin; a density of none is no density
    if made.size:
        drawn.hist(made, bins, density=True, alpha=0.6, color=FAKE, label="generated")
    x = torch.linspace(low, high, 400, dtype=fake.dtype)
    twin = drawn.twinx()
    twin.plot(x, critic(x[:, None]), color=CRITIC)
    twin.tick_params(labelsize=7, colors=CRITIC)
    drawn.set(xlim=(low, high))
    drawn.set_title("density (left), logit of the discriminator (right)", fontsize=8)
    save(path, drawn)


def _spread(values: torch.Tensor) -> bool:
    return bool(torch.isfinite(values).all()) and bool(values.max() > values.min())
