"""Medians of outcomes of which some may be infinite, and how far they can be trusted."""

import numpy as np
from scipy import stats

BOOTSTRAP_SEEDS = 5
INTERVAL = "95 % interval"
RANGE = "range"


def median(values: np.ndarray) -> float:
    """Return the median where infinities are allowed: NaN for no value, and for the middle of -inf and +inf."""
    if not len(values):
        return np.nan
    ordered = np.sort(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if low == high:
        return float(low)
    with np.errstate(invalid="ignore"):
        return float((low + high) / 2)


def median_interval(values: np.ndarray) -> tuple[float, float, str]:
    """Return (low, high, what it is): the median's percentile bootstrap from 5 finite values on, else the range."""
    if len(values) < BOOTSTRAP_SEEDS or not np.all(np.isfinite(values)):
        return (float(np.min(values)), float(np.max(values)), RANGE)
    if np.ptp(values) == 0:
        return (float(values[0]), float(values[0]), INTERVAL)
    result = stats.bootstrap(
        (values,), np.median, vectorized=True, method="percentile", n_resamples=2000, rng=np.random.default_rng(0)
    )
    return (float(result.confidence_interval.low), float(result.confidence_interval.high), INTERVAL)
