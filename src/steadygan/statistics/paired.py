"""Two methods on the same seeds: signed ranks of the differences and their sign-flip test."""

from functools import lru_cache

import numpy as np
from scipy import stats


def differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return ``first - second`` per seed; two failed seeds are equal, a NaN on either side stays NaN."""
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.where(first == second, 0.0, first - second)


def signed_ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of the differences' sizes with their signs: an infinite one is the largest, not all there is."""
    return np.sign(values) * stats.rankdata(np.abs(values))


def sign_flip(values: np.ndarray) -> float:
    """Return the exact two-sided p of paired differences under exchange within pairs (signed-rank statistic)."""
    if len(values) < 2 or not np.any(values):
        return 1.0
    twice = np.rint(2 * signed_ranks(values)).astype(int)
    law = _law_of_sums(tuple(np.sort(np.abs(twice[twice != 0])).tolist()))
    sums = np.arange(len(law)) - len(law) // 2
    return float(law[np.abs(sums) >= abs(twice.sum())].sum())


@lru_cache(maxsize=1024)
def _law_of_sums(sizes: tuple[int, ...]) -> np.ndarray:
    """Return the probabilities of the sums of these whole numbers with random signs, from -sum(sizes) to sum(sizes)."""
    law = np.ones(1)
    for size in sizes:
        law = (np.pad(law, (2 * size, 0)) + np.pad(law, (0, 2 * size))) / 2
    return law
