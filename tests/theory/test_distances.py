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


def test_all_from_samples_of_laws_that_share_their_support():
    source = np.random.default_rng(3)
    x, y = source.beta(2, 2, (50_000, 1)), source.uniform(size=(40_000, 1))
    found = of_samples(x, y, 10)
    edges = np.linspace(min(x.min(), y.min()), max(x.max(), y.max()), 11)
    p, q = (np.histogram(points, edges)[0] / len(points) for points in (x, y))
    assert found.kl == pytest.approx(stats.entropy(p, q), rel=1e-12)
    assert found.reverse_kl == pytest.approx(stats.entropy(q, p), rel=1e-12)
    assert found.js == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-9)
    assert found.tv == pytest.approx(np.abs(p - q).sum() / 2, rel=1e-12)
    fine = of_samples(x, y, 40)
    assert fine.kl == pytest.approx(math.log(6) - 5 / 3, abs=0.01)  # that of the densities: the entropy of the first
    assert abs(found.kl - found.reverse_kl) > 0.01


def test_samples_of_many_dimensions():
    source = np.random.default_rng(4)
    x, y = source.normal(size=(50, 64)), source.normal(size=(60, 64))
    found = of_samples(x, y)
    assert (found.tv, found.js, found.kl) == (pytest.approx(1), pytest.approx(math.log(2)), math.inf)
    plane = of_samples(x[:, :2], y[:, :2], 4)
    both = np.concatenate([x, y])[:, :2]
    edges = [np.linspace(column.min(), column.max(), 5) for column in both.T]
    p, q = (np.histogramdd(points[:, :2], edges)[0].ravel() / len(points) for points in (x, y))
    assert plane.tv == pytest.approx(np.abs(p - q).sum() / 2, rel=1e-12)
    assert plane.js == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-9)


def test_the_smallest_numbers_there_are():
    x = np.linspace(-60, 60, 200_001)
    far = of_densities(x, stats.norm.pdf(x), stats.norm.pdf(x, 50))
    assert (far.js, far.tv) == (pytest.approx(math.log(2)), pytest.approx(1))
    assert jensen_shannon(np.array([1.0, 5e-324]), np.array([1.0, 0.0])) == pytest.approx(0, abs=1e-300)


def test_from_samples():
    source = np.random.default_rng(2)
    x, y = source.normal(size=(200_000, 1)), source.normal(size=(200_000, 1)) + 1
    found = of_samples(x, y, 60)
    assert found.tv == pytest.approx(2 * stats.norm.cdf(0.5) - 1, abs=0.01)
    assert found.em == pytest.approx(1, abs=0.01)
    apart = of_samples(x[:100, :], y[:100, :] + 50, 7)
    assert (apart.tv, apart.js, apart.kl) == (pytest.approx(1), pytest.approx(math.log(2)), math.inf)
    same = of_samples(x, x, 7)
    assert (same.tv, same.kl, same.em) == (0, 0, 0)
