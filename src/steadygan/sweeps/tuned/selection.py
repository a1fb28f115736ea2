"""Which settings of a search go on: those with the best mean rank over the seeds."""

import numpy as np
from scipy import stats


def mean_ranks(scores: np.ndarray) -> np.ndarray:
    """Return the mean over seeds of the ranks within a seed, [settings]; the smallest is best.

    Args:
        scores: [settings, seeds], small is good, infinite for runs that failed, NaN where there is no score, which
            counts as failed. Ties share their mean rank.
    """
    known = np.where(np.isnan(scores), np.inf, scores)
    return np.mean([stats.rankdata(column) for column in known.T], axis=0)


def best(scores: np.ndarray, count: int) -> list[int]:
    """Return the indices of so many settings, the best first.

    Settings with the same mean rank stand in the order of their median scores, then in that of the settings.
    """
    ranks = mean_ranks(scores)
    medians = np.median(np.where(np.isnan(scores), np.inf, scores), axis=1)
    return [int(index) for index in np.lexsort((np.arange(len(ranks)), medians, ranks))[:count]]
