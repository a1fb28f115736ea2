"""The straight way from an earlier state to the checkpoint, and the field along it.

At ``w_a = w_start + a (w_end - w_start)`` the *path angle* is the cosine between ``v(w_a)`` and ``w_end - w_start``.
Near an attracting point it changes its sign from + to - at ``a = 1``. Where the way passes a point about which the
field turns, it goes to +-1 and comes back: a bump, to either side.

Reference: Berard et al. (2020), section 4, arXiv:1906.04848.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from steadygan.analysis.studies.output import Record
from steadygan.core.state import State

BEFORE, BEYOND = -0.1, 1.2
"""Where the path begins and ends; 0 is the start and 1 the checkpoint."""

NEAR = 0.25
"""How far from 1 a sign switch is the checkpoint's."""

BUMP = 0.1
"""A smaller one is none."""


def along(
    field: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, points: int, tick: Callable[[], None]
) -> Record | None:
    """Return ``angle`` and ``norm`` of the field at each of ``alpha``; None where start and end are the same."""
    way = end - start
    length = way.norm()
    if not float(length) > 0:
        return None
    alphas = np.union1d(np.linspace(BEFORE, BEYOND, points), [0.0, 1.0])
    angles, norms = [], []
    for alpha in alphas.tolist():
        tick()
        v = field(start + alpha * way)
        norm = v.norm()
        norms.append(float(norm))
        angles.append(float(v @ way / (norm * length)) if float(norm) > 0 else 0.0)
    return {
        "length": float(length),
        "alpha": alphas.tolist(),
        "angle": angles,
        "norm": norms,
        **shape(alphas, np.array(angles)),
    }


def shape(alphas: np.ndarray, angles: np.ndarray) -> Record:
    """Return where the cosine switches its sign next to the checkpoint (or null), and the size of its ``bump``.

    That is how much larger its modulus is in between than at the start and beyond the checkpoint.
    """
    falls = [
        a + (b - a) * one / (one - other)
        for a, b, one, other in zip(alphas, alphas[1:], angles, angles[1:])
        if one > 0 >= other
    ]
    nearest = min(falls, key=lambda alpha: abs(alpha - 1), default=None)
    switch = float(nearest) if nearest is not None and abs(nearest - 1) <= NEAR else None
    sizes = np.abs(angles[alphas >= 0])
    bump = float(sizes.max() - max(sizes[0], sizes[-1]))
    return {"sign_switch": switch, "bump": bump if bump > BUMP else 0.0}


def flat(state: State, players: tuple[str, ...]) -> Tensor:
    """Return all parameters of both players, float64."""
    return torch.cat([value.double().reshape(-1) for player in players for value in state.of(player).params.values()])
