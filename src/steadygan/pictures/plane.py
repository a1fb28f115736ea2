"""Samples on a line or in a plane, with the discriminator's logits behind them."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from steadygan.pictures.canvas import CRITIC, FAKE, REAL, Stage, axes, limits, save

STEPS = 61


def lattice(real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return ``[STEPS * STEPS, 2]``: where ``plane`` wants logits, row by row."""
    axis = torch.linspace(*limits(real), STEPS, dtype=dtype)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    return torch.stack([x.flatten(), y.flatten()], 1)


def axis(real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return ``[400, 1]``: where ``line`` wants logits."""
    return torch.linspace(*limits(real), 400, dtype=dtype)[:, None]


def plane(path: Path, real: Tensor, fake: Tensor, logits: Tensor) -> None:
    """Real and generated points ``[n, 2]`` and contours of ``logits`` at the points of ``lattice``."""
    low, high = limits(real)
    x = y = torch.linspace(low, high, STEPS, dtype=fake.dtype)
    logits = logits.reshape(STEPS, STEPS)
    stage = _stage(low, high)
    drawn, title, shown = stage.axes, "", []
    if _spread(logits):
        shown.append(drawn.contourf(x, y, logits, levels=12, cmap="PuOr_r", alpha=0.7))
        title = f"logits from {float(logits.min()):.3g} (purple) to {float(logits.max()):.3g} (orange)"
    for points, colour in ((real, REAL), (fake, FAKE)):
        shown.append(drawn.scatter(points[:, 0], points[:, 1], s=4, c=colour, linewidths=0))
    stage.save(path, shown, title)


@lru_cache(maxsize=8)
def _stage(low: float, high: float) -> Stage:
    """Square axes with a legend; those of a run are the same in all of its pictures."""
    drawn = axes()
    for label, colour in (("real", REAL), ("generated", FAKE)):
        drawn.scatter([], [], s=4, c=colour, label=label, linewidths=0)
    drawn.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    drawn.set_autoscale_on(False)
    return Stage(drawn)


def line(path: Path, real: Tensor, fake: Tensor, logits: Tensor) -> None:
    """Histograms of real and generated points ``[n, 1]`` and ``logits`` at the points of ``axis``."""
    low, high = limits(real)
    bins = np.linspace(low, high, 80).tolist()
    drawn = axes()
    drawn.hist(real.flatten().numpy(), bins, density=True, alpha=0.6, color=REAL, label="real")
    made = fake.flatten().numpy()
    made = made[(low <= made) & (made <= high)]  # others are in no bin; a density of none is no density
    if made.size:
        drawn.hist(made, bins, density=True, alpha=0.6, color=FAKE, label="generated")
    twin = drawn.twinx()
    twin.plot(axis(real, fake.dtype)[:, 0], logits, color=CRITIC)
    twin.tick_params(labelsize=7, colors=CRITIC)
    drawn.set(xlim=(low, high))
    drawn.set_title("density (left), logit of the discriminator (right)", fontsize=8)
    save(path, drawn)


def _spread(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all()) and bool(values.max() > values.min())
