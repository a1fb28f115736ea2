"""Distances between distributions: from probabilities, from densities, from samples.

Natural logarithms; the Jensen-Shannon divergence is ``1/2 KL(p, m) + 1/2 KL(q, m)`` with ``m = (p + q) / 2``, so that
it is ``log 2`` for distributions that share nothing.

Reference: Arjovsky et al. (2017), section 2, arXiv:1701.07875.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
from scipy.integrate import trapezoid
from scipy.spatial.distance import cdist
from scipy.special import rel_entr


@dataclass(frozen=True)
class Distances:
    """Distances between distributions ``p`` and ``q``.

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
    """Return ``P = (0, U[0, 1])`` and ``Q = (theta, U[0, 1])``.

    Reference: Arjovsky et al. (2017), example 1, arXiv:1701.07875.
    """
    if theta == 0:
        return Distances(0.0, 0.0, 0.0, 0.0, 0.0)
    return Distances(1.0, math.inf, math.inf, math.log(2), abs(theta))


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Return ``1/2 sum |p - q|`` of probabilities that sum to 1."""
    return float(0.5 * np.abs(p - q).sum())


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """Return ``sum p log(p / q)`` of probabilities."""
    return float(rel_entr(p, q).sum())


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """See the module; of probabilities."""
    return float(_shares(p, q).sum())


def _shares(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return each point's part of the divergence; by ``p + q``, whose half would be 0 for the smallest numbers."""
    both = p + q
    return (rel_entr(p, both) + rel_entr(q, both) + both * math.log(2)) / 2


def earth_mover(x: np.ndarray, y: np.ndarray) -> float:
    """Return W1 of the two empirical measures of ``[n, d]`` and ``[m, d]``, Euclidean cost; exact.

    In one dimension by the quantile functions, else as a linear program by the network simplex. The value of two
    samples of the same distribution is not 0: it falls with their size.

    Reference: Villani (2009), definition 6.1, doi:10.1007/978-3-540-71050-9; Bonneel et al. (2011),
    doi:10.1145/2070781.2024192.
    """
    if x.shape[1] == 1:
        from scipy.stats import wasserstein_distance  # a second to import, which not every run needs

        return float(wasserstein_distance(x[:, 0], y[:, 0]))
    import ot

    # empty weights are uniform ones; the limit is far above what the simplex needs, so the plan is optimal
    return float(np.asarray(ot.emd2([], [], cdist(x, y), numItermax=10_000_000)))


def of_densities(x: np.ndarray, p: np.ndarray, q: np.ndarray) -> Distances:
    """Return the distances of densities on a grid ``x [n]`` of the line that covers both, by the trapezoidal rule.

    A density below the smallest number there is counts as none, which can make ``kl`` infinite.
    """
    below = np.concatenate([[0.0], np.cumsum(np.diff(x) * ((p - q)[1:] + (p - q)[:-1]) / 2)])
    return Distances(
        tv=float(0.5 * trapezoid(np.abs(p - q), x)),
        kl=float(trapezoid(rel_entr(p, q), x)),
        reverse_kl=float(trapezoid(rel_entr(q, p), x)),
        js=float(trapezoid(_shares(p, q), x)),
        em=float(trapezoid(np.abs(below), x)),
    )


def of_samples(x: np.ndarray, y: np.ndarray, bins: int = 10) -> Distances:
    """Return the distances of samples ``[n, d]`` and ``[m, d]``: all but ``em`` by their shares in boxes.

    The boxes span both sets, so what they tell depends on ``bins``: with few, near distributions look alike; with many,
    all samples look disjoint.
    """
    both = np.concatenate([x, y])
    boxes = np.stack([_box(column, bins) for column in both.T], 1)
    _, box = np.unique(boxes, axis=0, return_inverse=True)  # of all boxes there are, those that hold anything
    box = box.ravel()
    p, q = (np.bincount(part, minlength=box.max() + 1) / len(part) for part in (box[: len(x)], box[len(x) :]))
    return Distances(total_variation(p, q), kl(p, q), kl(q, p), jensen_shannon(p, q), earth_mover(x, y))


def _box(column: np.ndarray, bins: int) -> np.ndarray:
    """Return the number of the box of each; the largest is in the last one."""
    edges = np.linspace(column.min(), column.max(), bins + 1)
    return np.clip(np.searchsorted(edges, column, side="right") - 1, 0, bins - 1)
