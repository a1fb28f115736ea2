"""Where the critic sends a point of the plane: its gradient with respect to the input."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from steadygan.pictures.canvas import REAL, axes, limits, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARROWS = 25
"""Along each side."""


def gradients(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the gradient of each logit with respect to its own point, ``[n, d]`` for ``x [n, d]``."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(critic(x).sum(), x)[0]


def field(path: Path, real: Tensor, critic: Callable[[Tensor], Tensor]) -> None:
    """Arrows along the gradient of ``critic`` over real points ``[n, 2]``: the way that the critic calls more real."""
    save(path, draw(real.cpu(), critic))


def draw(real: Tensor, critic: Callable[[Tensor], Tensor]) -> "Axes":
    """Return the axes of ``field``. Arrows have one length; their colour is the logarithm of the gradient's norm."""
    low, high = limits(real)
    axis = torch.linspace(low, high, ARROWS, dtype=real.dtype)
    at = torch.cartesian_prod(axis, axis)
    slope = gradients(critic, at)
    norm = slope.norm(dim=1)
    drawn = axes()
    drawn.scatter(real[:, 0], real[:, 1], s=4, c=REAL, label="real", linewidths=0)
    shown = torch.isfinite(norm) & (norm > 0)
    if shown.any():
        at, slope, norm = at[shown], slope[shown] / norm[shown, None], norm[shown]
        drawn.quiver(*at.T, *slope.T, norm.log10(), angles="xy", scale=ARROWS + 5, width=0.004, cmap="viridis")
        drawn.set_title(f"|gradient| from {float(norm.min()):.3g} (dark) to {float(norm.max()):.3g}", fontsize=8)
    drawn.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    return drawn
