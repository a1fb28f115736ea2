"""The test of all pairs: against enumeration, its errors under the null, its power."""

import itertools

import numpy as np
import pytest
from scipy import stats

from steadygan.statistics.family_wise import all_pairs, seeds_needed, smallest_p
from steadygan.statistics.paired import differences, sign_flip, signed_ranks

LEVEL = 0.05


def statistic(found):
    """Of n untied differences the sum of signed ranks has the variance n (n + 1) (2 n + 1) / 6."""
    ranks = signed_ranks(found[~np.isnan(found)])
    n = len(ranks)
    return abs(ranks.sum()) / np.sqrt(n * (n + 1) * (2 * n + 1) / 6)


def largest(values):
    return max(statistic(differences(first, second)) for first, second in itertools.combinations(values, 2))


@pytest.mark.parametrize(
    "values",
    [
        [[1.0, 2.0, 3.0, 4.0], [2.0, 2.5, 5.0, 4.5], [9.0, 0.5, 6.0, 8.0]],
        [[8.0, 8.0, 7.0, 8.0], [0.0, 0.0, 0.0, 0.0], [0.0, 8.0, 7.0, 0.0]],  # ties
        [[1.0, np.inf, 3.0, 2.0], [np.inf, np.inf, 4.0, 5.0], [2.0, 1.0, np.inf, 9.0]],  # failed seeds
        [[1.0, 2.0, 3.0, 4.0], [2.0, np.nan, 5.0, 4.5], [9.0, 0.5, 6.0, 8.0]],  # a seed of one method is not there
    ],
)
def test_p_is_the_share_of_all_permutations(values):
    """Of all 6^4 orders of three names in four seeds, 2 x 6^3 where one of them lacks a seed."""
    values = np.array(values)
    orders = [
        [
            order
            for order in itertools.permutations(range(3))
            if all(order[k] == k for k in np.flatnonzero(np.isnan(column)))
        ]
        for column in values.T
    ]
    law = np.array(
        [
            largest(np.array([column[list(order)] for column, order in zip(values.T, chosen)]).T)
            for chosen in itertools.product(*orders)
        ]
    )
    found = all_pairs(values)
    for first, second in itertools.combinations(range(3), 2):
        pair = differences(values[first], values[second])
        alone = sign_flip(pair[~np.isnan(pair)])
        assert found.p[first, second] == pytest.approx(alone)
        assert abs(found.statistic[first, second]) == pytest.approx(statistic(pair), abs=1e-6)
        family = max(alone, np.mean(law >= statistic(pair) - 1e-9))
        assert found.p_family[first, second] == pytest.approx(family, abs=0.02)
    assert found.smallest == pytest.approx(np.mean(law >= law.max() - 1e-9), abs=0.02)
    np.testing.assert_array_equal(found.p_family, found.p_family.T)
    np.testing.assert_array_equal(found.statistic, -found.statistic.T)


def test_the_sign_says_which_is_smaller():
    found = all_pairs(np.array([[1.0, 2, 3, 4, 5, 6], [2.0, 4, 6, 8, 10, 12]]))
    assert found.statistic[0, 1] < 0 < found.statistic[1, 0]
    assert found.p_family[0, 1] == found.p[0, 1] == found.smallest == 2 / 64


def test_a_larger_difference_is_not_less_clear_for_its_ties():
    """Both are worse in all seven seeds, one by the same each time; so both have the p of the other."""
    found = all_pairs(np.array([[0.0] * 7, [1.0] * 7, [5.0, 6, 7, 8, 9, 11, 13]]))
    assert found.p_family[0, 1] == found.p_family[0, 2] <= LEVEL


def test_no_common_seed_is_no_comparison():
    found = all_pairs(np.array([[1.0, 2, np.nan, np.nan], [np.nan, np.nan, 3, 4], [1.0, 3, 5, 7]]))
    assert np.isnan(found.statistic[0, 1])
    assert found.p_family[0, 1] == 1
    assert not np.isnan(found.statistic[0, 2])


def test_the_smallest_p_by_hand():
    assert [smallest_p(2, n) for n in (0, 1, 5, 6)] == [1.0, 1.0, 0.0625, 0.03125]
    assert smallest_p(6, 10) == 30 / 1024
    assert [seeds_needed(methods, LEVEL) for methods in (2, 3, 6, 12, 24)] == [6, 7, 10, 12, 14]


def normal(rng, shape):
    return rng.standard_normal(shape)


def tied(rng, shape):
    return rng.integers(0, 3, shape).astype(float)


def failing(rng, shape):
    return np.where(rng.random(shape) < 0.4, np.inf, rng.standard_normal(shape))


@pytest.mark.parametrize(
    ("draw", "methods", "seeds", "times"),
    [(normal, 6, 10, 500), (tied, 6, 10, 400), (failing, 6, 10, 400), (normal, 24, 14, 40)],
)
def test_equal_methods_are_told_apart_in_at_most_5_percent(draw, methods, seeds, times):
    rng = np.random.default_rng(0)
    wrong = sum(
        np.nanmin(all_pairs(draw(rng, (methods, seeds)), resamples=99, seed=index).p_family) <= LEVEL
        for index in range(times)
    )
    assert wrong <= stats.binom.ppf(0.999, times, LEVEL)


def test_methods_that_never_train_do_not_lower_the_bar_for_those_that_do():
    """Four equal methods among eight that always fail: of the former none may be called better than another."""
    rng = np.random.default_rng(1)
    wrong = 0
    for index in range(200):
        values = np.full((12, 8), np.inf)
        values[:4] = rng.standard_normal((4, 8))
        wrong += np.nanmin(all_pairs(values, resamples=99, seed=index).p_family[:4, :4]) <= LEVEL
    assert wrong <= stats.binom.ppf(0.999, 200, LEVEL)


@pytest.mark.parametrize("shift", [-4.0, 4.0])
def test_a_real_difference_is_found_with_10_seeds(shift):
    """Ten differences of mean 4 and standard deviation sqrt(2) have one sign with probability 0.977."""
    rng = np.random.default_rng(2)
    right = 0
    for index in range(100):
        values = rng.standard_normal((6, 10))
        values[0] += shift
        found = all_pairs(values, resamples=199, seed=index)
        right += np.nanmin(found.p_family[0]) <= LEVEL and np.sign(np.nansum(found.statistic[0])) == np.sign(shift)
    assert right >= 95
