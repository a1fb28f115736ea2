"""The best of k of N settings, against the enumeration of all subsets."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygan.statistics import (
    best_of_k,
    best_of_k_band,
    best_of_k_quantile,
    held_out_best_of_k,
    probability_of_success,
    probability_of_success_interval,
)

VALUES = [
    [3.0, 1.0, 2.0],
    [5.0, 5.0, 1.0, 1.0, 2.0],
    [0.3, np.inf, 0.1, np.inf, 0.2, 0.2, 7.0],
    [4.0, -1.0, 0.0, 2.0, 8.0, 8.0, 8.0, 1.0],
]
CASES = [(values, k) for values in VALUES for k in range(1, len(values) + 1)]


@pytest.mark.parametrize(("values", "k"), CASES)
def test_the_expected_best_is_the_mean_over_all_subsets(values, k):
    expected = np.mean([min(subset) for subset in itertools.combinations(values, k)])
    assert best_of_k(values, k) == pytest.approx(expected)


@pytest.mark.parametrize(("values", "k"), CASES)
@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_the_quantile_is_that_over_all_subsets(values, k, q):
    minima = np.sort([min(subset) for subset in itertools.combinations(values, k)])
    shares = np.arange(1, len(minima) + 1) / len(minima)
    assert best_of_k_quantile(values, k, q) == minima[np.argmax(shares >= q - 1e-9)]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_what_is_chosen_by_one_seed_is_scored_by_the_other(k):
    first, second = np.array([0.3, 0.1, 0.2, 0.1, np.inf]), np.array([1.0, 4.0, 2.0, 8.0, 3.0])

    def chosen(order, values):
        means = []
        for subset in map(list, itertools.combinations(range(5), k)):
            ties = [i for i in subset if order[i] == min(order[subset])]
            means.append(np.mean(values[ties]))
        return np.mean(means)

    expected = (chosen(first, second) + chosen(second, first)) / 2
    assert held_out_best_of_k(first, second, k) == pytest.approx(expected)


def test_held_out_values_are_no_better_than_those_chosen_by():
    """With noise alone, what was chosen by one seed is worth the mean with another."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 4000))
    assert best_of_k(first, 8) < -1.3
    assert abs(held_out_best_of_k(first, second, 8)) < 0.15


@pytest.mark.parametrize("k", [0, 4, -1])
def test_more_trials_than_settings_are_refused(k):
    with pytest.raises(ValueError, match="k must be from 1 to 3"):
        best_of_k([1.0, 2.0, 3.0], k)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=20))
def test_more_trials_are_never_worse(values):
    curve = [best_of_k(values, k) for k in range(1, len(values) + 1)]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(curve))
    assert curve[0] == pytest.approx(np.mean(values), abs=1e-9)
    assert curve[-1] == pytest.approx(min(values), abs=1e-9)


@pytest.mark.parametrize(("succeeded", "total", "k"), [(0, 5, 2), (1, 5, 2), (3, 7, 3), (7, 7, 1), (2, 8, 8)])
def test_the_probability_of_a_success_is_the_share_of_subsets_that_hold_one(succeeded, total, k):
    subsets = list(itertools.combinations(range(total), k))
    holding = sum(min(subset) < succeeded for subset in subsets)
    assert probability_of_success(succeeded, total, k) == pytest.approx(holding / len(subsets))


def test_the_interval_of_a_success_is_that_of_the_share():
    low, high = probability_of_success_interval(2, 32, 1)
    assert (low, high) == pytest.approx((0.00766, 0.20807), abs=1e-5)  # Clopper and Pearson's of 2 of 32
    low_of_4, high_of_4 = probability_of_success_interval(2, 32, 4)
    assert (1 - low_of_4, 1 - high_of_4) == pytest.approx(((1 - low) ** 4, (1 - high) ** 4))


def test_the_band_covers_the_expected_best():
    """Of 200 samples of 32 settings from a known law, about 95 % of the bands hold its expected best of 4."""
    rng = np.random.default_rng(1)
    truth = 1 / 5  # of the smallest of four uniform numbers
    bands = [best_of_k_band(rng.uniform(size=32), 4, seed=index) for index in range(200)]
    covered = np.mean([low <= truth <= high for low, high in bands])
    assert 0.88 <= covered <= 0.99


def test_a_band_with_failures_has_an_infinite_end():
    values = [1.0, 2.0, *[np.inf] * 6]
    assert best_of_k_band(values, 2)[1] == np.inf
    low, high = best_of_k_band(values, 4, q=0.5)
    assert low == 1.0
    assert high in (2.0, np.inf)


def test_the_band_of_the_held_out_best_is_wider_than_nothing_and_holds_it():
    """Of noise alone it is about the mean, 0, where that of one seed lies far below."""
    values = np.random.default_rng(2).normal(size=(64, 2))
    low, high = best_of_k_band(values, 4)
    assert low < held_out_best_of_k(*values.T, 4) < high
    assert low < 0 < high
    assert best_of_k_band(values[:, 0], 4)[1] < 0
    one = best_of_k_band(values[:, 0], 4)
    assert best_of_k_band(values[:, [0, 0]], 4) == pytest.approx(one)  # the same seed twice is not held out


@pytest.mark.parametrize(("shape", "q"), [((5, 3), None), ((5, 2), 0.5)])
def test_bands_that_do_not_exist_are_refused(shape, q):
    with pytest.raises(ValueError, match=r"needs values \[N, 2\]"):
        best_of_k_band(np.ones(shape), 2, q=q)
