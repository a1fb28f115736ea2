"""How far a share of successes can be trusted."""

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


def proportion_interval(succeeded: int, total: int) -> tuple[float, float]:
    """Return the exact confidence interval of a binomial proportion; NaN without a trial.

    Reference: Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404.
    """
    if not total:
        return (np.nan, np.nan)
    bounds = stats.binomtest(succeeded, total).proportion_ci(CONFIDENCE)
    return (float(bounds.low), float(bounds.high))
