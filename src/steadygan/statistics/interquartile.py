"""The interquartile mean, and stratified bootstrap intervals."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

RESAMPLES = 2_000

Statistic = Callable[[np.ndarray], np.ndarray]
"""Of samples ``[..., n]``, a number each ``[...]``."""


def interquartile_mean(values: ArrayLike) -> float:
    """Return the mean of the middle half (Agarwal et al. 2021, arXiv:2108.13264); infinite if it holds a failure."""
    return float(_iqm(np.asarray(values, dtype=float)))


def _iqm(samples: np.ndarray) -> np.ndarray:
    return np.asarray(stats.trim_mean(samples, 0.25, axis=-1))


def medians(samples: np.ndarray) -> np.ndarray:
    """Return the medians over the last axis; the lower of the two in the middle where one of them is infinite."""
    return np.quantile(samples, 0.5, axis=-1, method="inverted_cdf" if np.isinf(samples).any() else "linear")


def bootstrap_interval(
    strata: Sequence[ArrayLike] | ArrayLike, statistic: Statistic = _iqm, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return a percentile bootstrap interval of the statistic, averaged over strata that are resampled apart.

    Args:
        strata: values of each stratum, such as a data set, ``[strata][n]``; or of one alone, ``[n]``.
        statistic: of samples ``[..., n]``; the interquartile mean unless given.
        level: of confidence.
        seed: of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    parts = [np.atleast_1d(np.asarray(part, dtype=float)) for part in _apart(strata)]
    drawn = [statistic(part[rng.integers(len(part), size=(RESAMPLES, len(part)))]) for part in parts]
    tails = (1 - level) / 2
    low, high = np.quantile(np.mean(drawn, axis=0), [tails, 1 - tails], method="inverted_cdf")
    return float(low), float(high)


def _apart(strata: Sequence[ArrayLike] | ArrayLike) -> Sequence[ArrayLike]:
    if np.ndim(strata[0]) == 0:  # pyright: ignore[reportIndexIssue, reportArgumentType, reportCallIssue, reportOptionalSubscript]  # numbers of one stratum
        return [strata]  # pyright: ignore[reportReturnType]
    return list(strata)  # pyright: ignore[reportArgumentType]
