"""The bound that noise gives on a Wasserstein distance: its parts by hand, and that it holds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, wasserstein_distance_nd

from steadygan.theory.distances import earth_mover
from steadygan.theory.noise_bound import REACH, bound, density, enclosing_diameter, noisy_jsd, variance

ORIGIN = np.zeros((1, 2))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_the_variance_of_noise_that_is_cut_off(dim):
    drawn = np.random.default_rng(0).standard_normal((400_000, dim))
    square = np.square(drawn).sum(1)
    assert variance(0.3, dim) == pytest.approx(0.09 * square[square <= REACH**2].mean(), rel=0.01)
    assert 0.97 * dim < variance(1.0, dim) < dim


def test_laws_that_share_nothing_and_the_same_law():
    far = np.array([[100.0, 0.0]])
    apart = bound(ORIGIN, far, 0.5)
    assert apart.jsd == pytest.approx(math.log(2), rel=2e-3)
    assert apart.diameter == pytest.approx(100 + 2 * REACH * 0.5)
    assert bound(ORIGIN, ORIGIN, 0.5).jsd == 0
    assert bound(ORIGIN, ORIGIN, 0.5).tight == pytest.approx(2 * math.sqrt(variance(0.5, 2)))


def test_the_two_constants():
    one = bound(ORIGIN, np.array([[1.0, 0.0]]), 0.5)
    root = one.diameter * math.sqrt(one.jsd)
    assert (one.paper - one.noise, one.tight - one.noise) == pytest.approx((2 * root, math.sqrt(2) * root))
    assert one.mass == pytest.approx(1, abs=2e-3)


def test_the_divergence_of_two_points_by_draws():
    """Both noisy laws are Gaussians cut off; the log ratio on what they share is linear."""
    sigma, gap = 0.7, 1.1
    e = np.random.default_rng(1).standard_normal((400_000, 2))
    e = sigma * e[np.square(e).sum(1) <= REACH**2]
    share = 2 * math.pi * sigma**2 * chi2.cdf(REACH**2, 2)

    def law(x, at):
        square = np.square((x - at) / sigma).sum(1)
        return np.where(square <= REACH**2, np.exp(-square / 2) / share, 0.0)

    there = np.array([gap, 0.0])
    p, q = law(e, 0.0), law(e, there)
    expected = np.log(2 * p / (p + q)).mean()  # by symmetry both halves are the same
    assert noisy_jsd(ORIGIN, there[None], sigma)[0] == pytest.approx(expected, rel=0.01)


def test_the_density_on_a_grid_by_hand():
    axes = [np.array([-9.0, 0.3, 1.0]), np.array([0.2, 5.0])]
    found = density(np.array([[0.0, 0.0], [1.0, 0.0]]), axes, 0.5)
    share = 2 * 2 * math.pi * 0.25 * chi2.cdf(REACH**2, 2)
    expected = (math.exp(-(0.3**2 + 0.2**2) / 0.5) + math.exp(-(0.7**2 + 0.2**2) / 0.5)) / share
    assert found[1, 0] == pytest.approx(expected)
    assert found[0].tolist() == [0, 0]
    assert found[:, 1].tolist() == [0, 0, 0]


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(0.1, 1.0), st.floats(0.0, 3.0))
def test_it_holds(seed, sigma, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((12, 2)), rng.standard_normal((15, 2)) * 0.6 + [shift, 0]
    found = bound(x, y, sigma)
    assert earth_mover(x, y) <= found.tight <= found.paper
    points = np.concatenate([x, y])
    apart = np.linalg.norm(points[:, None] - points, axis=2).max()
    assert apart <= enclosing_diameter(points) <= 2 * apart


def test_the_distance_is_that_of_scipy():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((9, 2)), rng.standard_normal((11, 2))
    assert earth_mover(x, y) == pytest.approx(wasserstein_distance_nd(x, y))
