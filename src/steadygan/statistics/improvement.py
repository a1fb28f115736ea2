"""How probable it is that one method does better than another, and what that allows to be said."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from steadygan.statistics.family_wise import all_pairs

RESAMPLES = 10_000
LEVEL = 0.05
MEANINGFUL = 0.75
"""P(A better) from which on a difference is worth the name (Bouthillier et al. 2021, arXiv:2103.03098)."""

Decision = Literal["better", "worse", "alike", "open"]


@dataclass(frozen=True)
class Improvement:
    """How probable it is that the first method gets a smaller value than the second.

    Attributes:
        estimate: (wins + ties / 2) / pairs.
        low: the lower end of its 95 % bootstrap interval.
        high: the upper end.
        unpaired: the same over all pairs of runs, the statistic of Mann and Whitney over its largest value.
        pairs: common seeds.
    """

    estimate: float
    low: float
    high: float
    unpaired: float
    pairs: int

    @property
    def reversed(self) -> "Improvement":
        """That of the second method over the first."""
        return Improvement(1 - self.estimate, 1 - self.high, 1 - self.low, 1 - self.unpaired, self.pairs)


def probability_of_improvement(first: ArrayLike, second: ArrayLike, seed: int = 0) -> Improvement:
    """Compare two methods on the same seeds.

    Args:
        first: values of the one, a seed each, small is good, infinite for a failed run, NaN where a seed is lacking.
        second: of the other, in the same order.
        seed: of the bootstrap.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    known = ~(np.isnan(first) | np.isnan(second))
    if not known.any():
        return Improvement(np.nan, np.nan, np.nan, np.nan, 0)
    wins = _wins(first[known], second[known])
    low, high = np.quantile(_draws(len(wins), seed) @ wins / len(wins), [LEVEL / 2, 1 - LEVEL / 2])
    unpaired = _wins(first[~np.isnan(first)][:, None], second[~np.isnan(second)][None]).mean()
    return Improvement(float(wins.mean()), float(low), float(high), float(unpaired), len(wins))


def _wins(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first < second) + 0.5 * (first == second)


@lru_cache(maxsize=8)
def _draws(count: int, seed: int) -> np.ndarray:
    """Return how often each of ``count`` seeds is drawn in each resample, [resamples, count]; not to be written to."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)


def mean_improvement(first: Sequence[ArrayLike], second: Sequence[ArrayLike], seed: int = 0) -> Improvement:
    """Compare two methods on several data sets: P(A better) averaged over them, each data set resampled apart.

    Data sets on which the two have no seed in common do not count.

    Args:
        first: values of the one, ``[datasets][seeds]``, as in ``probability_of_improvement``.
        second: of the other, in the same order.
        seed: of the bootstrap.
    """
    values = [(np.asarray(a, dtype=float), np.asarray(b, dtype=float)) for a, b in zip(first, second, strict=True)]
    both = [(a, b) for a, b in values if not (np.isnan(a) | np.isnan(b)).all()]
    if not both:
        return Improvement(np.nan, np.nan, np.nan, np.nan, 0)
    wins = [_wins(a[known], b[known]) for a, b in both for known in [~(np.isnan(a) | np.isnan(b))]]
    drawn = [_draws(len(each), seed + index) @ each / len(each) for index, each in enumerate(wins)]
    low, high = np.quantile(np.mean(drawn, axis=0), [LEVEL / 2, 1 - LEVEL / 2])
    estimate = np.mean([each.mean() for each in wins])
    unpaired = np.mean([probability_of_improvement(a, b).unpaired for a, b in both])
    return Improvement(float(estimate), float(low), float(high), float(unpaired), sum(map(len, wins)))


def decide(improvement: Improvement) -> Decision:
    """Return what may be said of the first method.

    ``better``: the interval lies above 1/2 and the estimate is at least 3/4; ``worse``: the other way round;
    ``alike``: the interval lies within 1/4 and 3/4; else ``open``.
    """
    if improvement.low > 0.5 and improvement.estimate >= MEANINGFUL:
        return "better"
    if improvement.high < 0.5 and improvement.estimate <= 1 - MEANINGFUL:
        return "worse"
    return "alike" if improvement.low >= 1 - MEANINGFUL and improvement.high <= MEANINGFUL else "open"


def seeds_to_decide(improvement: Improvement) -> int | None:
    """Return with how many seeds the decision would no longer be open, should the estimate stay; None: with none.

    The interval's half width is taken to be that of a proportion, z sqrt(p (1 - p) / n).
    """
    share, seeds = improvement.estimate, improvement.pairs
    if not seeds:
        return None
    gap = abs(share - 0.5) if not 1 - MEANINGFUL < share < MEANINGFUL else MEANINGFUL - 0.5 - abs(share - 0.5)
    if gap <= 0:
        return None
    variance = max(share * (1 - share), 0.25 / seeds)
    return int(np.ceil(stats.norm.ppf(1 - LEVEL / 2) ** 2 * variance / gap**2))


def seeds_for_power(probability: float = MEANINGFUL, level: float = LEVEL, power: float = 0.95) -> int:
    """Return the seeds of each method with which a one-sided test of Mann and Whitney finds P(A better) so large.

    The test asks for less than ``decide``: that says *better* at a true 3/4 in half of all cases only, however many
    seeds there are, since its estimate has to reach 3/4.

    Reference: Noether (1987), doi:10.1080/01621459.1987.10478478.
    """
    z = stats.norm.ppf(1 - level) + stats.norm.ppf(power)
    return int(np.ceil(z**2 / (6 * (probability - 0.5) ** 2)))


@dataclass(frozen=True)
class Decisions:
    """All pairs of M methods: ``improvements`` and ``decisions`` of the row over the column, and ``p_family``."""

    improvements: list[list[Improvement]]
    decisions: list[list[Decision]]
    p_family: np.ndarray


def decisions(values: ArrayLike) -> Decisions:
    """Decide for all pairs at once; a difference counts only if the test of all pairs shows it as well.

    The interval of a pair holds for this pair alone; the permutation test of the largest statistic keeps the
    probability of a wrong *better* or *worse* among all pairs at 5 %.

    Args:
        values: [methods, seeds], small is good; infinite for failed runs, NaN where a seed is lacking.
    """
    values = np.asarray(values, dtype=float)
    upper = [[probability_of_improvement(one, other) for other in values[row:]] for row, one in enumerate(values)]
    places = range(len(values))
    improvements = [[upper[i][j - i] if i <= j else upper[j][i - j].reversed for j in places] for i in places]
    p_family = all_pairs(values).p_family if len(values) > 1 else np.full((1, 1), np.nan)
    decided: list[list[Decision]] = []
    for index, row in enumerate(improvements):
        decided.append([_confirmed(decide(each), p) for each, p in zip(row, p_family[index], strict=True)])
    return Decisions(improvements, decided, p_family)


def _confirmed(decision: Decision, p_family: float) -> Decision:
    return "open" if decision in ("better", "worse") and not p_family <= LEVEL else decision
