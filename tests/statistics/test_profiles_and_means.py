"""The interquartile mean, its intervals, performance profiles, agreement and components of variance."""

import numpy as np
import pytest
from rliable import metrics
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from steadygan.statistics import (
    agreement,
    bootstrap_interval,
    interquartile_mean,
    kendall_tau,
    performance_profile,
    profile_score,
    proportion_interval,
    variance_components,
)


def test_the_interquartile_mean_is_that_of_rliable():
    values = np.random.default_rng(0).normal(size=(23, 1))
    assert interquartile_mean(values[:, 0]) == pytest.approx(metrics.aggregate_iqm(values))
    assert interquartile_mean([0.0, 1.0, 2.0, np.inf]) == 1.5
    assert interquartile_mean([0.0, 1.0, np.inf, np.inf]) == np.inf


def test_the_interval_of_a_mean_is_scipys():
    values = np.random.default_rng(1).exponential(size=40)
    mine = bootstrap_interval(values, lambda samples: samples.mean(-1))
    other = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(0))
    assert mine == pytest.approx(tuple(other.confidence_interval), abs=0.03)


def test_strata_are_resampled_apart():
    """Between data sets of different scale there is no variance, if each keeps its share of the sample."""
    low, high = bootstrap_interval([np.full(10, 1.0), np.full(10, 101.0)], lambda samples: samples.mean(-1))
    assert (low, high) == (51.0, 51.0)


def test_the_interval_covers():
    rng = np.random.default_rng(2)
    intervals = [bootstrap_interval(rng.normal(size=30), seed=index) for index in range(300)]
    assert 0.89 <= np.mean([low <= 0 <= high for low, high in intervals]) <= 0.99


def test_a_profile_by_hand():
    times = [[1.0, 4.0, np.inf], [2.0, 2.0, 6.0], [np.inf, 8.0, 3.0]]
    shares = performance_profile(times, [1.0, 2.0, 4.0])
    np.testing.assert_allclose(shares, np.array([[1, 2, 2], [1, 3, 3], [1, 1, 2]]) / 3)
    # The integral of (ratio <= r) from 1 to 4 is 4 - ratio.
    np.testing.assert_allclose(profile_score(times), np.array([3 + 2 + 0, 2 + 3 + 2, 0 + 0 + 3]) / 9)


def test_the_score_is_the_integral_of_the_profile():
    times = np.random.default_rng(3).uniform(1, 9, size=(4, 6))
    grid = np.linspace(1, 4, 30_001)
    integral = np.trapezoid(performance_profile(times, grid), grid, axis=1) / 3
    np.testing.assert_allclose(profile_score(times), integral, atol=1e-3)


def test_data_that_nobody_learns_count_for_nobody():
    assert profile_score([[np.inf, 1.0], [np.inf, 2.0]]).tolist() == pytest.approx([0.5, 1 / 3])


def test_agreement_of_two_repetitions():
    first = [["alike", "better", "open"], ["worse", "alike", "alike"], ["open", "alike", "alike"]]
    second = [["alike", "worse", "open"], ["better", "alike", "open"], ["open", "open", "alike"]]
    assert agreement(first, second) == (pytest.approx(1 / 3), 1)
    assert kendall_tau([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)


def test_components_of_variance_are_those_that_were_put_in():
    rng = np.random.default_rng(4)
    values = 2 * rng.normal(size=(3000, 1)) + 0.5 * rng.normal(size=(3000, 8))
    seeds, samples = variance_components(values)
    assert seeds == pytest.approx(4, rel=0.1)
    assert samples == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize(("succeeded", "total"), [(0, 10), (7, 10), (10, 10), (3, 200)])
def test_the_interval_of_a_share_is_that_of_statsmodels(succeeded, total):
    expected = proportion_confint(succeeded, total, method="beta")
    assert proportion_interval(succeeded, total) == pytest.approx(expected)
