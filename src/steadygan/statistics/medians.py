"""Medians of outcomes of which some may be infinite, and how far they can be trusted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

BOOTSTRAP_SEEDS = 5
INTERVAL = "95 % interval"
RANGE = "range"


def median(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the median where infinities are allowed: NaN for no value, and for the middle of -inf and +inf."""
    with np.errstate(invalid="ignore"):
        return float(np.median(values)) if np.size(values) else np.nan


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
