"""Distances against scipy, POT, and closed forms."""

import math

import numpy as np
import ot
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from steadygan.theory.distances import (
    Distances,
    earth_mover,
    jensen_shannon,
    kl,
    of_densities,
    of_samples,
    parallel_lines,
    total_variation,
)


@pytest.fixture
def pair():
    source = np.random.default_rng(0)
    return source.dirichlet(np.ones(9)), source.dirichlet(np.ones(9))


def test_of_probabilities_against_scipy(pair):
    p, q = pair
    assert kl(p, q) == pytest.approx(stats.entropy(p, q), rel=1e-12)
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-12)
    assert total_variation(p, q) == pytest.approx(max(abs(p[s].sum() - q[s].sum()) for s in subsets(9)), rel=1e-12)


def subsets(size):
    """Total variation is the largest difference on any event."""
    return [np.array([code >> bit & 1 for bit in range(size)], bool) for code in range(2**size)]


def test_disjoint_and_equal():
    p, q = np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 0.3, 0.7])
    assert (total_variation(p, q), kl(p, q), jensen_shannon(p, q)) == (
        1,
        math.inf,
        pytest.approx(math.log(2), rel=1e-15),
    )
    assert (total_variation(p, p), kl(p, p), jensen_shannon(p, p)) == (0, 0, 0)


def test_parallel_lines():
    for theta in (-0.7, 1e-9, 2.0):
        assert parallel_lines(theta) == Distances(1.0, math.inf, math.inf, math.log(2), abs(theta))
    assert parallel_lines(0.0) == Distances(0, 0, 0, 0, 0)
    assert parallel_lines(1.0).record()["kl"] == "inf"


@pytest.mark.parametrize(("mean", "width"), [(0.7, 1.0), (-1.0, 0.6), (0.0, 1.5)])
def test_gaussians_in_closed_form(mean, width):
    x = np.linspace(-14, 14, 20001)
    found = of_densities(x, stats.norm.pdf(x), stats.norm.pdf(x, mean, width))
    assert found.kl == pytest.approx(math.log(width) + (1 + mean**2) / (2 * width**2) - 0.5, rel=1e-6)
    assert found.reverse_kl == pytest.approx(-math.log(width) + (width**2 + mean**2) / 2 - 0.5, rel=1e-6)
    if width == 1:
        assert found.tv == pytest.approx(2 * stats.norm.cdf(abs(mean) / 2) - 1, rel=1e-6)
        assert found.em == pytest.approx(abs(mean), rel=1e-6)
    if mean == 0:
        assert found.em == pytest.approx(abs(width - 1) * math.sqrt(2 / math.pi), rel=1e-6)
    assert found.js == pytest.approx(jensenshannon(stats.norm.pdf(x), stats.norm.pdf(x, mean, width)) ** 2, rel=1e-6)


def test_earth_mover_against_pot_and_scipy():
    source = np.random.default_rng(1)
    x, y = source.normal(size=(40, 3)), source.normal(size=(50, 3)) + 0.5
    expected = ot.emd2(ot.unif(40), ot.unif(50), np.linalg.norm(x[:, None] - y[None], axis=2))
    assert earth_mover(x, y) == pytest.approx(expected, rel=1e-10)
    line = earth_mover(x[:, :1], y[:, :1])
    assert line == pytest.approx(ot.emd2(ot.unif(40), ot.unif(50), np.abs(x[:, :1] - y[:, :1].T)), rel=1e-10)
    assert earth_mover(x, x + np.array([3.0, 0, 4.0])) == pytest.approx(5.0, rel=1e-12)


def test_from_samples():
    source = np.random.default_rng(2)
    x, y = source.normal(size=(200_000, 1)), source.normal(size=(200_000, 1)) + 1
    found = of_samples(x, y, 60)
    assert found.tv == pytest.approx(2 * stats.norm.cdf(0.5) - 1, abs=0.01)
    assert found.kl == pytest.approx(0.5, abs=0.05) or found.kl == math.inf  # an empty box in the tail
    assert found.em == pytest.approx(1, abs=0.01)
    apart = of_samples(x[:100, :], y[:100, :] + 50, 7)
    assert (apart.tv, apart.js, apart.kl) == (pytest.approx(1), pytest.approx(math.log(2)), math.inf)
    same = of_samples(x, x, 7)
    assert (same.tv, same.kl, same.em) == (0, 0, 0)
