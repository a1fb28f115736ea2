"""What must hold of the estimators for any values, ties and failures among them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from steadygan.statistics import (
    Improvement,
    best_of_k,
    best_of_k_band,
    best_of_k_quantile,
    bootstrap_interval,
    decide,
    decisions,
    held_out_best_of_k,
    interquartile_mean,
    kendall_tau,
    performance_profile,
    probability_of_improvement,
    probability_of_success,
    profile_score,
    seeds_to_decide,
    variance_components,
)

SCORE = st.one_of(st.integers(0, 4).map(float), st.floats(0.01, 100), st.just(np.inf))
"""Small whole numbers tie often."""
FINITE = st.floats(-50, 50)
quickly = settings(max_examples=40, deadline=None)


def scores(least=1, most=12):
    return st.lists(SCORE, min_size=least, max_size=most)


def pairs_of(value, least=1, most=12):
    return st.lists(st.tuples(value, value), min_size=least, max_size=most).map(lambda rows: np.array(rows).T)


@given(scores(2), st.randoms())
def test_the_best_of_k_knows_no_order_of_settings(values, random):
    other = list(values)
    random.shuffle(other)
    for k in range(1, len(values) + 1):
        assert best_of_k(other, k) == best_of_k(values, k)
        assert best_of_k_quantile(other, k) == best_of_k_quantile(values, k)


@given(scores(2), st.integers(1, 12), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_quantiles_are_values_and_grow_with_q(values, k, one, other):
    k = min(k, len(values))
    low, high = (best_of_k_quantile(values, k, q) for q in sorted((one, other)))
    assert low in values
    assert low <= high
    assert best_of_k_quantile(values, len(values), one) == min(values)


@given(scores(), st.integers(1, 12))
def test_a_choice_that_is_scored_by_itself_is_the_best_of_k(values, k):
    k = min(k, len(values))
    assert held_out_best_of_k(values, values, k) == pytest.approx(best_of_k(values, k))


@given(pairs_of(SCORE), st.integers(1, 12))
def test_a_choice_that_is_held_out_is_no_better_than_the_best(both, k):
    k = min(k, both.shape[1])
    least = (best_of_k(both[0], k) + best_of_k(both[1], k)) / 2
    assert held_out_best_of_k(*both, k) >= least * (1 - 1e-12) - 1e-12


@given(st.integers(1, 40), st.data())
def test_more_that_succeed_or_more_trials_are_never_less_probable(total, data):
    k = data.draw(st.integers(1, total))
    curve = [probability_of_success(succeeded, total, k) for succeeded in range(total + 1)]
    assert curve[0] == 0
    assert curve[-1] == pytest.approx(1)
    assert all(later >= earlier - 1e-12 for earlier, later in itertools.pairwise(curve))
    if k < total:
        more = [probability_of_success(succeeded, total, k + 1) for succeeded in range(total + 1)]
        assert all(b >= a - 1e-12 for a, b in zip(curve, more, strict=True))


@quickly
@given(pairs_of(SCORE))
def test_what_is_better_for_the_one_is_worse_for_the_other(both):
    here, there = probability_of_improvement(*both), probability_of_improvement(*both[::-1])
    assert here.estimate + there.estimate == pytest.approx(1)
    assert here.unpaired + there.unpaired == pytest.approx(1)
    assert (here.low, here.high) == pytest.approx((1 - there.high, 1 - there.low))
    assert here.low <= here.estimate <= here.high
    opposite = {"better": "worse", "worse": "better", "alike": "alike", "open": "open"}
    assert decide(there) == opposite[decide(here)]


@quickly
@given(pairs_of(SCORE))
def test_only_the_order_of_values_counts(both):
    assert probability_of_improvement(*np.arctan(both)) == probability_of_improvement(*both)


@given(st.tuples(*[st.floats(0, 1)] * 3).map(sorted))
def test_better_lies_above_a_half_and_alike_between_the_quarters(ends):
    low, estimate, high = ends
    word = decide(Improvement(estimate, low, high, estimate, 30))
    assert (word == "better") == (low > 0.5 and estimate >= 0.75)
    assert (word == "worse") == (high < 0.5 and estimate <= 0.25)
    assert word != "alike" or (low >= 0.25 and high <= 0.75)
    assert word != "open" or low < 0.25 or high > 0.75


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 4), st.integers(3, 8), st.data())
def test_all_pairs_are_decided_with_opposite_words(methods, seeds, data):
    rows = st.lists(SCORE, min_size=seeds, max_size=seeds)
    found = decisions(np.array(data.draw(st.lists(rows, min_size=methods, max_size=methods))))
    opposite = {"better": "worse", "worse": "better", "alike": "alike", "open": "open"}
    for i, j in itertools.combinations(range(methods), 2):
        assert found.decisions[j][i] == opposite[found.decisions[i][j]]
        assert found.decisions[i][j] in ("alike", "open") or found.p_family[i, j] <= 0.05


@pytest.mark.parametrize("share", [0.52, 0.6, 0.65, 0.85, 0.9, 0.3, 0.15])
def test_with_the_seeds_that_are_said_to_decide_the_interval_does(share):
    """The interval by the normal law at the same share: decided at that number, and open with three quarters of it."""
    needed = seeds_to_decide(Improvement(share, 0.0, 1.0, share, 10))

    def word(seeds):
        half = 1.959964 * np.sqrt(share * (1 - share) / seeds)
        return decide(Improvement(share, share - half, share + half, share, seeds))

    assert word(needed + 1) == {True: "better", False: "alike"}[share >= 0.75] if share > 0.25 else "worse"
    assert word(int(0.75 * needed)) == "open"


@given(st.lists(FINITE, min_size=1, max_size=10).map(np.array), st.floats(0.1, 10), FINITE)
def test_the_interquartile_mean_lies_within_and_moves_along(values, scale, shift):
    result = interquartile_mean(values)
    assert values.min() - 1e-9 <= result <= values.max() + 1e-9
    assert interquartile_mean(scale * values + shift) == pytest.approx(scale * result + shift, abs=1e-6)
    fourfold = np.sort(np.repeat(values, 4))  # a quarter of it is a whole number
    assert interquartile_mean(fourfold) == pytest.approx(fourfold[len(values) : -len(values)].mean(), abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(scores(3, 10))
def test_intervals_lie_within_the_values(values):
    for low, high in (bootstrap_interval(values), best_of_k_band(values, 2), best_of_k_band(values, 2, q=0.5)):
        assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@given(st.lists(scores(3, 3), min_size=2, max_size=5).map(np.array), st.floats(0.1, 10))
def test_profiles_rise_and_know_no_unit_of_time(times, unit):
    at = np.linspace(1, 6, 26)
    times = np.where(times == 0, 0.5, times)
    profile = performance_profile(times, at)
    assert np.all(np.diff(profile, axis=1) >= 0)
    assert np.all((profile >= 0) & (profile <= 1))
    assert profile[:, 0].sum() >= np.isfinite(times).any(axis=0).mean() - 1e-12  # each data set has a fastest method
    scored = profile_score(times)
    assert np.all((scored >= 0) & (scored <= 1))
    np.testing.assert_allclose(profile_score(times * [1, unit, 1]), scored, atol=1e-9)


@given(st.permutations(range(7)))
def test_kendalls_tau_counts_pairs_in_order(order):
    pairs = list(itertools.combinations(range(7), 2))
    signs = [np.sign(order[j] - order[i]) for i, j in pairs]
    assert kendall_tau(range(7), order) == pytest.approx(np.sum(signs) / len(pairs))


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 1000))
def test_components_of_variance_are_those_of_the_analysis_of_variance(seeds, sets, draw):
    values = np.random.default_rng(draw).normal(size=(seeds, sets))
    components = variance_components(values)
    ratio = stats.f_oneway(*values).statistic  # between over within, in mean squares
    assert components.samples == pytest.approx(np.mean([np.var(row, ddof=1) for row in values]))
    assert components.seeds == pytest.approx(max(0.0, (ratio - 1) * components.samples / sets))
