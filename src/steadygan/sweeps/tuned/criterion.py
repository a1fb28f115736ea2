"""The success criterion of a metric without a natural one, from the search stage alone."""

from collections.abc import Mapping, Sequence

import numpy as np

FACTOR = 1.5


def bound(scores: Mapping[str, Sequence[float]], floor: Sequence[float]) -> float | None:
    """Return the score that a run must not exceed: the floor plus 1.5 times the best method's median above it.

    A method's median is that over all runs of its search; infinite scores are failed runs.

    Args:
        scores: of the search, by method; small is good.
        floor: scores of real examples.

    Returns:
        The bound to four significant digits; None where no method trains in half of its runs, or there is no floor.
    """
    if not floor or not any(len(values) for values in scores.values()):
        return None
    real = float(np.median(floor))
    medians = [float(np.median(values)) for values in scores.values() if len(values)]
    above = max(0.0, min(medians) - real)
    return float(f"{real + FACTOR * above:.4g}") if np.isfinite(above) else None
