"""Many methods on the same seeds: one permutation test for the differences of all pairs.

If all methods were the same, their names could be exchanged within every seed. The distribution of the largest
statistic over all pairs under such exchanges gives p values of which all hold at once: with probability 95 % none of
the pairs that do not differ has p <= 0.05, however many pairs are looked at, and although the best method was picked
from the same data.

Reference: Westfall and Young (1993), Resampling-Based Multiple Testing, section 2.6 (the single-step method).
"""

from dataclasses import dataclass

import numpy as np

from steadygan.statistics.paired import differences, sign_flip

RESAMPLES = 9_999
FEWEST_RESAMPLES = 199
_BUDGET = 30_000_000
"""Differences that are ranked in all; many methods get fewer resamples, which leaves the test valid."""
_BLOCK = 50_000
_LACKS = np.iinfo(np.int32).max
_ROUNDING = 1e-9


@dataclass(frozen=True)
class AllPairs:
    """All pairs of M methods. Matrices are [M, M], symmetric but for the antisymmetric ``statistic``.

    Attributes:
        statistic: sum of the signed ranks of row minus column over its standard deviation without ties; 0 for seeds
            that all tie, NaN without a common seed.
        p: sign-flip test of the pair by itself.
        p_family: p that holds for all pairs at once, never below ``p``.
        smallest: the smallest p_family that any outcome of these seeds could have had.
    """

    statistic: np.ndarray
    p: np.ndarray
    p_family: np.ndarray
    smallest: float


def all_pairs(values: np.ndarray, resamples: int | None = None, seed: int = 0) -> AllPairs:
    """Test all pairs of methods at once, with names permuted within seeds.

    A pair is compared on the seeds that both have. Infinite outcomes are legal: they are the largest differences, and
    two of them are equal.

    Args:
        values: outcomes [methods, seeds], small is good (or large, for all); NaN where a method lacks a seed.
        resamples: permutations that are drawn; as many as take a second or so unless given.
        seed: of these draws.
    """
    methods = len(values)
    first, second = np.triu_indices(methods, 1)
    codes = _codes(values)
    observed = _statistics(codes[:, first, second])
    alone = np.array([sign_flip(_common(values[i], values[j])) for i, j in zip(first, second)])
    if methods == 2:  # the test of the pair by itself is exact
        family, smallest = alone, smallest_p(2, int(np.sum(~np.isnan(values).any(axis=0))))
    else:
        family, smallest = _family(codes, np.abs(np.nan_to_num(observed)), resamples, seed)
        family = np.maximum(alone, family)
    return AllPairs(
        statistic=_matrix(observed, methods, first, second, -1.0),
        p=_matrix(alone, methods, first, second),
        p_family=_matrix(family, methods, first, second),
        smallest=smallest,
    )


def _family(codes: np.ndarray, observed: np.ndarray, resamples: int | None, seed: int) -> tuple[np.ndarray, float]:
    """Return the p values [pairs] of the largest statistic, and the smallest that there could be.

    Methods that tie in all seeds (that never trained, say) make the largest statistic of permuted names smaller than
    it is for the methods that do differ; so the test is made among one method of each kind as well, and the larger
    p counts.
    """
    p_values, smallest = np.zeros(len(observed)), 0.0
    kinds = _kinds(codes)
    for members in dict.fromkeys((tuple(range(codes.shape[1])), kinds)):
        if len(members) < 2:
            continue
        among = codes[:, members][:, :, members]
        # The data themselves are one of the permutations.
        largest = np.append(_largest(among, resamples, np.random.default_rng(seed)), observed.max(initial=0.0))
        p_values = np.maximum(p_values, _at_least(largest, observed))
        smallest = max(smallest, float(_at_least(largest, largest.max(keepdims=True))[0]))
    return p_values, smallest


def _kinds(codes: np.ndarray) -> tuple[int, ...]:
    """Return one method of each set of methods that tie wherever they have a seed in common, and do have one."""
    alike = np.all((codes == 0) | (codes == _LACKS), axis=0) & np.any(codes == 0, axis=0)
    return tuple(index for index in range(len(alike)) if not alike[index, :index].any())


def smallest_p(methods: int, seeds: int) -> float:
    """Return about the smallest p that so many methods without ties can get: M (M - 1) / 2^n.

    Two methods whose differences have one sign in all n seeds are as far apart as they can be; of M (M - 1) / 2 pairs
    of equal methods some pair is with at most this probability, and with exactly this for two methods.
    """
    if methods < 2 or seeds < 1:
        return 1.0
    return min(1.0, methods * (methods - 1) / 2.0**seeds)


def seeds_needed(methods: int, level: float) -> int:
    """Return the fewest common seeds with which one of so many methods' pairs can reach ``level``."""
    seeds = 1
    while smallest_p(methods, seeds) > level:
        seeds += 1
    return seeds


def _common(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    both = differences(first, second)
    return both[~np.isnan(both)]


def _codes(values: np.ndarray) -> np.ndarray:
    """Return the differences [seeds, methods, methods] as whole numbers in the order of their sizes, with their signs.

    Zero is no difference, and the code of a pair that lacks the seed is ``_LACKS``.
    """
    gaps = differences(values.T[:, :, None], values.T[:, None, :])
    known = ~np.isnan(gaps)
    sizes, codes = np.unique(np.abs(gaps[known]), return_inverse=True)
    shift = 0 if len(sizes) and sizes[0] == 0 else 1
    result = np.full(gaps.shape, _LACKS, dtype=np.int32)
    result[known] = np.sign(gaps[known]) * (codes.reshape(-1) + shift)
    return result


def _statistics(codes: np.ndarray) -> np.ndarray:
    """Return the standardised sum of signed ranks of coded differences [seeds, ...] as an array [...]."""
    lacks = codes == _LACKS
    signs = (codes > 0).astype(np.int16)
    signs -= codes < 0
    signs[lacks] = 0
    sizes = np.abs(codes)
    twice = np.ones(codes.shape, dtype=np.int16)  # twice the mid-ranks; a seed that is lacking is above all others
    for one in sizes:
        twice += one <= sizes
        twice += one < sizes
    signed = np.sum(signs * twice, axis=0, dtype=np.int64)
    n = np.sum(~lacks, axis=0)
    # The standard deviation without ties, so that differences of one sign in all seeds always give the same.
    length = np.sqrt(4 * n * (n + 1) * (2 * n + 1) / 6)
    return np.divide(signed, length, out=np.full(length.shape, np.nan), where=n > 0)


def _largest(codes: np.ndarray, resamples: int | None, rng: np.random.Generator) -> np.ndarray:
    """Return the largest statistic of each of so many permutations of names within seeds, [resamples]."""
    seeds, methods = codes.shape[:2]
    first, second = np.triu_indices(methods, 1)
    size = max(1, len(first) * seeds)
    if resamples is None:
        resamples = int(np.clip(_BUDGET // size, FEWEST_RESAMPLES, RESAMPLES))
    lacks = np.diagonal(codes, axis1=1, axis2=2) == _LACKS
    block = max(1, _BLOCK // size)
    largest = []
    for start in range(0, resamples, block):
        names = _permuted(lacks, min(block, resamples - start), rng)
        drawn = [code[mine[:, first], mine[:, second]] for code, mine in zip(codes, names)]
        largest.append(np.abs(np.nan_to_num(_statistics(np.stack(drawn)))).max(axis=1))
    return np.concatenate(largest)


def _permuted(lacks: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return names [seeds, count, methods] permuted within each seed among the methods that have it.

    A method that lacks the seed keeps its place, so that no permutation changes who has which seeds.
    """
    seeds, methods = lacks.shape
    names = np.tile(np.arange(methods), (seeds, count, 1))
    for mine, absent in zip(names, lacks):
        has = np.flatnonzero(~absent)
        mine[:, has] = rng.permuted(np.tile(has, (count, 1)), axis=1)
    return names


def _at_least(largest: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return the share of ``largest`` that is at least each observed value, equal to rounding counted."""
    ordered = np.sort(largest)
    return (len(ordered) - np.searchsorted(ordered, observed * (1 - _ROUNDING), side="left")) / len(ordered)


def _matrix(values: np.ndarray, methods: int, first: np.ndarray, second: np.ndarray, sign: float = 1.0) -> np.ndarray:
    result = np.full((methods, methods), np.nan)
    result[first, second], result[second, first] = values, sign * values
    return result
