"""Medians and their intervals against counts by hand and exact laws."""

import numpy as np
import pytest
from scipy import stats

from steadygan.statistics.medians import median, median_interval


def test_medians_with_infinities():
    assert median(np.array([1.0, np.inf, 2.0])) == 2.0
    assert median(np.array([1.0, np.inf])) == np.inf
    assert np.isnan(median(np.array([-np.inf, np.inf])))
    assert np.isnan(median(np.array([])))


def test_intervals_are_ranges_below_five_seeds_and_with_losses():
    assert median_interval(np.array([1.0, 3, 2, 5])) == (1.0, 5.0, "range")
    assert median_interval(np.array([1.0, 3, 2, 5, np.inf])) == (1.0, np.inf, "range")
    low, high, kind = median_interval(np.arange(1.0, 12.0))
    # The bootstrap law of the median of 11: P(median* <= value k) = P(Binomial(11, k / 11) >= 6).
    exact = [next(k for k in range(1, 12) if stats.binom.sf(5, 11, k / 11) >= level) for level in (0.025, 0.975)]
    assert kind == "95 % interval"
    assert low == pytest.approx(exact[0], abs=1)
    assert high == pytest.approx(exact[1], abs=1)
