"""The sign-flip test of one pair against enumeration and scipy."""

import itertools

import numpy as np
import pytest
from scipy import stats

from steadygan.statistics.paired import differences, sign_flip, signed_ranks


def test_sign_flip_equals_the_enumeration_of_all_64_flips():
    found = np.array([3.0, -1.0, 2.5, 4.0, 0.5, 7.0])
    # Sizes in order 0.5 < 1 < 2.5 < 3 < 4 < 7, so the signed ranks are 4, -2, 3, 5, 1, 6 and their sum is 17.
    np.testing.assert_array_equal(signed_ranks(found), [4, -2, 3, 5, 1, 6])
    sums = [np.dot(signs, [4, 2, 3, 5, 1, 6]) for signs in itertools.product([-1, 1], repeat=6)]
    expected = sum(abs(total) >= 17 for total in sums) / 64
    assert sign_flip(found) == pytest.approx(expected, abs=1e-12)
    assert sign_flip(found) == pytest.approx(stats.wilcoxon(found, method="exact").pvalue, abs=1e-12)


def test_ties_and_zeros_are_exact_too():
    """Sizes 0, 1, 1, 2 have the ranks 1, 2.5, 2.5, 4; by hand over the eight signs of the last three."""
    found = np.array([0.0, 1.0, -1.0, 2.0])
    sums = [np.dot(signs, [2.5, 2.5, 4]) for signs in itertools.product([-1, 1], repeat=3)]
    assert sign_flip(found) == sum(abs(total) >= 4 for total in sums) / 8


def test_more_than_14_pairs_are_exact():
    found = np.random.default_rng(3).normal(0.4, 1, 25)
    assert sign_flip(found) == pytest.approx(stats.wilcoxon(found, method="exact").pvalue, abs=1e-12)


def test_six_seeds_that_agree_give_the_smallest_p():
    assert sign_flip(np.arange(1.0, 7.0)) == pytest.approx(2 / 64)
    assert sign_flip(np.array([1.0, 2, 3, 4, np.inf, np.inf])) == pytest.approx(2 / 64)
    assert sign_flip(np.zeros(6)) == 1.0
    assert sign_flip(np.array([3.0])) == 1.0


def test_two_failed_seeds_are_equal_and_a_missing_one_stays_missing():
    np.testing.assert_array_equal(
        differences(np.array([np.inf, 1, np.inf, np.nan]), np.array([np.inf, np.inf, 1, 2.0])),
        [0, -np.inf, np.inf, np.nan],
    )
