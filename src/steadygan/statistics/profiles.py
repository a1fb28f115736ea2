"""Many methods on many data sets: how often each is nearly the fastest (Dolan and More 2002)."""

import numpy as np
from numpy.typing import ArrayLike

FARTHEST = 4.0


def ratios(times: ArrayLike) -> np.ndarray:
    """Return each time over the best one of its data set, [methods, datasets]; infinite where the target was missed.

    Args:
        times: to the target, [methods, datasets]; infinite where it was never reached.
    """
    times = np.asarray(times, dtype=float)
    fastest = times.min(axis=0, keepdims=True)
    reached = np.isfinite(times)
    return np.divide(times, fastest, out=np.full(times.shape, np.inf), where=reached)


def performance_profile(times: ArrayLike, at: ArrayLike) -> np.ndarray:
    """Return the share of data sets on which each method's ratio is at most each of ``at``, [methods, len(at)].

    Reference: Dolan and More (2002), doi:10.1007/s101070100263.
    """
    return np.mean(ratios(times)[:, None, :] <= np.asarray(at, dtype=float)[None, :, None], axis=-1)


def profile_score(times: ArrayLike, farthest: float = FARTHEST) -> np.ndarray:
    """Return the mean of each method's profile between 1 and ``farthest``, [methods]; 1 is best.

    Reference: Dahl et al. (2023), arXiv:2306.07179 (AlgoPerf).
    """
    return np.mean(np.clip(farthest - ratios(times), 0, None) / (farthest - 1), axis=-1)
