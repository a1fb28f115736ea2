"""P(A better than B), and what may be said of it."""

import numpy as np
import pytest
from rliable import metrics
from scipy import stats

from steadygan.statistics import (
    Improvement,
    decide,
    decisions,
    mean_improvement,
    probability_of_improvement,
    seeds_for_power,
    seeds_to_decide,
)

FIRST = np.array([1.0, 2.0, np.inf, 4.0, np.nan, 3.0])
SECOND = np.array([2.0, 2.0, np.inf, 1.0, 5.0, 9.0])


def test_wins_and_half_the_ties_of_common_seeds():
    result = probability_of_improvement(FIRST, SECOND)
    assert result.pairs == 5
    assert result.estimate == pytest.approx((2 + 2 / 2) / 5)


def test_over_all_pairs_it_is_that_of_mann_and_whitney_and_of_rliable():
    first, second = FIRST[~np.isnan(FIRST)], SECOND
    u = stats.mannwhitneyu(second, first).statistic
    assert probability_of_improvement(FIRST, SECOND).unpaired == pytest.approx(u / (len(first) * len(second)))
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 20, 1))
    larger = metrics.probability_of_improvement(other, one)  # rliable's scores are good when large
    assert probability_of_improvement(one[:, 0], other[:, 0]).unpaired == pytest.approx(larger)


def test_the_interval_is_that_of_the_bootstrap_of_scipy():
    rng = np.random.default_rng(2)
    first, second = rng.normal([[0.0], [0.8]], size=(2, 30))
    wins = (first < second).astype(float)
    result = probability_of_improvement(first, second)
    other = stats.bootstrap((wins,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(3))
    assert (result.low, result.high) == pytest.approx(tuple(other.confidence_interval), abs=0.04)


def test_over_data_sets_by_hand():
    """Shares 3/5 and 1, whatever their numbers of seeds; a data set without a common seed does not count."""
    first, second = [FIRST, [1.0, 2.0], [np.nan]], [SECOND, [3.0, np.inf], [1.0]]
    found = mean_improvement(first, second)
    assert (found.estimate, found.pairs) == (pytest.approx((3 / 5 + 1) / 2), 7)
    unpaired = [probability_of_improvement(a, b).unpaired for a, b in zip(first[:2], second[:2], strict=True)]
    assert found.unpaired == pytest.approx(np.mean(unpaired))
    assert mean_improvement([[np.nan]], [[1.0]]).pairs == 0
    assert mean_improvement([FIRST], [SECOND]) == probability_of_improvement(FIRST, SECOND)


def test_data_sets_are_resampled_apart():
    """Won always on the one and never on the other: there is no variance within a data set."""
    found = mean_improvement([np.zeros(9), np.ones(4)], [np.ones(9), np.zeros(4)])
    assert (found.low, found.estimate, found.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "word"),
    [
        (0.8, 0.6, 0.9, "better"),
        (0.7, 0.55, 0.74, "alike"),
        (0.7, 0.51, 0.85, "open"),
        (0.8, 0.5, 0.95, "open"),
        (0.2, 0.05, 0.4, "worse"),
        (0.5, 0.25, 0.75, "alike"),
        (0.5, 0.2, 0.8, "open"),
    ],
)
def test_decisions_of_one_pair(estimate, low, high, word):
    assert decide(Improvement(estimate, low, high, estimate, 30)) == word


def test_seeds_that_find_three_quarters():
    assert seeds_for_power() == 29


@pytest.mark.parametrize(("estimate", "seeds"), [(0.6, 41), (0.9, 3), (0.75, 12), (0.5, 16)])
def test_seeds_that_would_decide(estimate, seeds):
    """By hand: 1.96^2 p (1 - p) / gap^2, the gap that to 1/2 or to 3/4."""
    assert seeds_to_decide(Improvement(estimate, 0.0, 1.0, estimate, 10)) == seeds


def test_no_number_of_seeds_decides_without_any():
    assert seeds_to_decide(probability_of_improvement([np.nan], [1.0])) is None


def test_a_difference_counts_only_if_the_test_of_all_pairs_shows_it():
    """Seven seeds of one sign: p = 2/128 for a pair by itself, and far more among ten methods."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(10, 7))
    values[0] = values[1:].min(axis=0) - 0.1
    pair = decisions(values[:2])
    assert pair.decisions[0][1] == "better"
    assert pair.decisions[1][0] == "worse"
    many = decisions(values)
    assert many.p_family[0, 1] > 0.05
    assert many.decisions[0][1] == "open"


@pytest.mark.soak
def test_twelve_names_for_one_method_have_no_winner():
    """At most one repetition in twenty names a better method where all are the same; ties and failures included."""
    rng = np.random.default_rng(6)
    winners = 0
    for _ in range(200):
        values = np.round(rng.normal(size=(12, 30)), 1)
        values[rng.uniform(size=values.shape) < 0.1] = np.inf
        winners += any("better" in row for row in decisions(values).decisions)
    assert winners <= 200 * 0.05 + 2 * np.sqrt(200 * 0.05 * 0.95)
