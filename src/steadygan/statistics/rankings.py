"""Whether two repetitions of a comparison agree, and where the noise of a score comes from."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from steadygan.statistics.improvement import Decision


def kendall_tau(first: ArrayLike, second: ArrayLike) -> float:
    """Return Kendall's rank correlation of two scores of the same methods (tau-b, Kendall 1945)."""
    return float(np.asarray(stats.kendalltau(first, second))[0])


class Agreement(NamedTuple):
    """The share of pairs that are decided alike, and how many pairs are decided both ways."""

    share: float
    contradictions: int


def agreement(first: Sequence[Sequence[Decision]], second: Sequence[Sequence[Decision]]) -> Agreement:
    """Compare the decisions of two repetitions, [methods][methods]."""
    pairs = [(first[i][j], second[i][j]) for i, j in itertools.combinations(range(len(first)), 2)]
    contrary = sum({one, other} == {"better", "worse"} for one, other in pairs)
    return Agreement(float(np.mean([one == other for one, other in pairs])) if pairs else np.nan, contrary)


class Components(NamedTuple):
    """Variances of a score: over training seeds, and over sample sets of one generator."""

    seeds: float
    samples: float


def variance_components(values: ArrayLike) -> Components:
    """Return the one-way components of variance of scores [seeds, sample sets]."""
    values = np.asarray(values, dtype=float)
    sets = values.shape[1]
    within = float(values.var(axis=1, ddof=1).mean())
    between = float(sets * values.mean(axis=1).var(ddof=1))
    return Components(max(0.0, (between - within) / sets), within)
