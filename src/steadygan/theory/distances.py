"""Distances between distributions: from probabilities, from densities, from samples (seed B2).

Natural logarithms; the Jensen-Shannon divergence is ``1/2 KL(p, m) + 1/2 KL(q, m)`` with ``m = (p + q) / 2``, so that
it is ``log 2`` for laws that share nothing.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
import ot
from scipy.integrate import trapezoid
from scipy.special import rel_entr
from scipy.stats import wasserstein_distance


@dataclass(frozen=True)
class Distances:
    """Of ``p`` and ``q``.

    Attributes:
        tv: total variation, in [0, 1].
        kl: ``KL(p, q)``; infinite where ``q`` has no mass and ``p`` has.
        reverse_kl: ``KL(q, p)``.
        js: Jensen-Shannon, in [0, log 2].
        em: earth mover's (Wasserstein-1), in the units of the data.
    """

    tv: float
    kl: float
    reverse_kl: float
    js: float
    em: float

    def record(self) -> dict[str, float | str]:
        """For JSON, which has no infinity: ``inf`` as text."""
        return {key: value if math.isfinite(value) else str(value) for key, value in asdict(self).items()}


def parallel_lines(theta: float) -> Distances:
    """``P = (0, U[0, 1])`` and ``Q = (theta, U[0, 1])`` (Arjovsky et al. 2017, example 1)."""
    if theta == 0:
        return Distances(0.0, 0.0, 0.0, 0.0, 0.0)
    return Distances(1.0, math.inf, math.inf, math.log(2), abs(theta))


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """``1/2 sum |p - q|`` of probabilities that sum to 1."""
    return float(0.5 * np.abs(p - q).sum())


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """``sum p log(p / q)`` of probabilities."""
    return float(rel_entr(p, q).sum())


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """See the module; of probabilities."""
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


def earth_mover(x: np.ndarray, y: np.ndarray) -> float:
    """Between samples ``[n, d]`` and ``[m, d]``: the exact transport plan of the two empirical laws."""
    if x.shape[1] == 1:
        return float(wasserstein_distance(x[:, 0], y[:, 0]))
    uniform = [np.full(len(points), 1 / len(points)) for points in (x, y)]
    return float(ot.emd2(*uniform, ot.dist(x, y, metric="euclidean")))


def of_densities(x: np.ndarray, p: np.ndarray, q: np.ndarray) -> Distances:
    """Of densities on the line, given on a grid ``x [n]`` that covers both; by the trapezoidal rule."""
    middle = (p + q) / 2
    below = np.concatenate([[0.0], np.cumsum(np.diff(x) * ((p - q)[1:] + (p - q)[:-1]) / 2)])
    return Distances(
        tv=float(0.5 * trapezoid(np.abs(p - q), x)),
        kl=float(trapezoid(rel_entr(p, q), x)),
        reverse_kl=float(trapezoid(rel_entr(q, p), x)),
        js=float(0.5 * trapezoid(rel_entr(p, middle) + rel_entr(q, middle), x)),
        em=float(trapezoid(np.abs(below), x)),
    )


def of_samples(x: np.ndarray, y: np.ndarray, bins: int = 10) -> Distances:
    """Of samples ``[n, d]`` and ``[m, d]``: all but ``em`` by their shares in ``bins`` boxes along each dimension.

    The boxes span both sets, so what they tell depends on ``bins``: with few, near laws look alike; with many, all
    samples look disjoint.
    """
    both = np.concatenate([x, y])
    edges = [_edges(column, bins) for column in both.T]
    p, q = (np.histogramdd(points, edges)[0].ravel() / len(points) for points in (x, y))
    return Distances(total_variation(p, q), kl(p, q), kl(q, p), jensen_shannon(p, q), earth_mover(x, y))


def _edges(column: np.ndarray, bins: int) -> np.ndarray:
    low, high = float(column.min()), float(column.max())
    return np.linspace(low, high, bins + 1) if high > low else np.array([low - 0.5, low + 0.5])
