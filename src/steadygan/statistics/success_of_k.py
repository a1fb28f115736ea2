"""How probable it is that k trials hold a setting that succeeds."""

from steadygan.statistics.order_statistics import weights
from steadygan.statistics.proportion import proportion_interval


def probability_of_success(succeeded: int, total: int, k: int) -> float:
    """Return the probability that k of ``total`` settings, drawn without replacement, hold one that succeeds.

    It is 1 - C(N - s, k) / C(N, k), where s of N settings succeed.
    """
    return float(weights(total, k)[:succeeded].sum())


def probability_of_success_interval(succeeded: int, total: int, k: int) -> tuple[float, float]:
    """Return its 95 % interval: k independent trials at the ends of the interval of the share ``s / N``."""
    low, high = proportion_interval(succeeded, total)
    return 1 - (1 - low) ** k, 1 - (1 - high) ** k
