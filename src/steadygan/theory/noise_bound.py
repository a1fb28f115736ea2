"""The bound that noise gives on a Wasserstein distance, in the plane.

Of distributions P and Q on finitely many points and noise e of bounded support:
``W(P, Q) <= W(P, P + e) + W(P + e, Q + e) + W(Q + e, Q)``. The outer terms are at most ``sqrt(V)`` each, with
``V = E |e|^2``. The middle one is at most ``C TV``, ``C`` the diameter of a ball that holds both noisy supports: what
the distributions share stays where it is. With ``M`` their middle, ``TV(P, Q) <= sqrt(KL(P, M)/2) + sqrt(KL(Q, M)/2)``
by Pinsker, and that is at most ``sqrt(2 JSD)``, since ``sqrt(a) + sqrt(b) <= sqrt(2 (a + b))``. The paper has 2 in
place of ``sqrt(2)``.

Reference: Arjovsky and Bottou (2017), theorem 3.3, arXiv:1701.04862.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr
from scipy.stats import chi2

REACH = 4.0
"""Standard deviations at which the Gaussian noise is cut off."""

CELLS = 6.0
"""Of the quadrature's grid, to a standard deviation of the noise."""

MOST = 700
"""Of its points along an axis."""


@dataclass(frozen=True)
class Bound:
    """Both sides, of noise with standard deviation ``sigma`` before it was cut off.

    Attributes:
        sigma: see above.
        noise: ``2 sqrt(V)``.
        diameter: ``C``.
        jsd: between the noisy distributions, with halves, in nats.
        paper: ``2 sqrt(V) + 2 C sqrt(JSD)``.
        tight: ``2 sqrt(V) + sqrt(2) C sqrt(JSD)``.
        mass: what the quadrature finds of the two noisy distributions' mass 1, the one that is further from it.
    """

    sigma: float
    noise: float
    diameter: float
    jsd: float
    paper: float
    tight: float
    mass: float


def bound(x: np.ndarray, y: np.ndarray, sigma: float) -> Bound:
    """Return the bound for the empirical distributions of points ``x [n, 2]`` and ``y [m, 2]``."""
    noise = 2 * math.sqrt(variance(sigma, 2))
    diameter = enclosing_diameter(np.concatenate([x, y])) + 2 * REACH * sigma
    jsd, mass = noisy_jsd(x, y, sigma)
    gap = diameter * math.sqrt(jsd)
    return Bound(sigma, noise, diameter, jsd, noise + 2 * gap, noise + math.sqrt(2) * gap, mass)


def variance(sigma: float, dim: int) -> float:
    """Return ``E |e|^2`` of N(0, sigma^2 I) cut off at ``REACH sigma``.

    ``d sigma^2`` times the share of a chi-square distribution with two more degrees of freedom that lies within over
    that of its own (integrate ``r^2`` times the radial density).
    """
    return sigma**2 * dim * float(chi2.cdf(REACH**2, dim + 2) / chi2.cdf(REACH**2, dim))


def enclosing_diameter(points: np.ndarray) -> float:
    """Return the diameter of a ball around all points ``[n, d]``, centred in their bounding box."""
    middle = (points.min(0) + points.max(0)) / 2
    return 2 * float(np.linalg.norm(points - middle, axis=1).max())


def noisy_jsd(x: np.ndarray, y: np.ndarray, sigma: float) -> tuple[float, float]:
    """Return the Jensen-Shannon divergence of both distributions plus noise, by the midpoint rule, and its mass."""
    both = np.concatenate([x, y])
    low, high = both.min(0) - REACH * sigma, both.max(0) + REACH * sigma
    counts = np.minimum(np.ceil((high - low) * CELLS / sigma).astype(int), MOST)
    axes = [start + (np.arange(n) + 0.5) * (end - start) / n for start, end, n in zip(low, high, counts)]
    area = float(np.prod((high - low) / counts))
    p, q = (density(points, axes, sigma) * area for points in (x, y))
    middle = (p + q) / 2
    jsd = float(rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2
    masses = float(p.sum()), float(q.sum())
    return max(jsd, 0.0), max(masses, key=lambda mass: abs(mass - 1))


def density(points: np.ndarray, axes: list[np.ndarray], sigma: float) -> np.ndarray:
    """Return ``[n, m]``: the density of ``points [k, 2]`` plus noise on a grid, point by point where it is not 0."""
    density_grid = np.zeros([len(axis) for axis in axes])
    reach = REACH * sigma
    share = 1 / (len(points) * 2 * math.pi * sigma**2 * float(chi2.cdf(REACH**2, 2)))
    for point in points:
        near = [slice(*np.searchsorted(axis, (at - reach, at + reach))) for axis, at in zip(axes, point)]
        squares = [((axis[part] - at) / sigma) ** 2 for axis, part, at in zip(axes, near, point)]
        square = squares[0][:, None] + squares[1]
        density_grid[near[0], near[1]] += np.where(square <= REACH**2, share * np.exp(-square / 2), 0.0)
    return density_grid
