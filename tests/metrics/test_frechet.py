"""The Frechet distance against scipy's matrix root and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from steadygan.metrics import frechet_distance


def statistics(seed, dimensions, rank=None, condition=1e2):
    """A mean and a covariance of the rank, its eigenvalues spread over ``condition``."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))[0]
    values = np.geomspace(1, 1 / condition, dimensions)
    values[dimensions if rank is None else rank :] = 0
    return rng.standard_normal(dimensions), (basis * values) @ basis.T


def by_scipy(mean1, cov1, mean2, cov2):
    return np.square(mean1 - mean2).sum() + np.trace(cov1 + cov2 - 2 * sqrtm(cov1 @ cov2).real)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_agrees_with_the_matrix_root(seed, dimensions):
    one, two = statistics(seed, dimensions), statistics(seed + 1, dimensions)
    result = frechet_distance(*map(torch.tensor, one), *map(torch.tensor, two))
    assert result.dtype == torch.float64
    assert result.shape == ()
    assert float(result) == pytest.approx(by_scipy(*one, *two), rel=1e-10, abs=1e-12)


def test_ill_conditioned():
    one, two = statistics(0, 32, condition=1e8), statistics(1, 32, condition=1e8)
    assert float(frechet_distance(*one, *two)) == pytest.approx(by_scipy(*one, *two), rel=1e-6)


def test_identical_statistics_are_at_no_distance():
    for rank in (None, 5):
        mean, cov = statistics(2, 48, rank)
        assert 0 <= float(frechet_distance(mean, cov, mean, cov)) < 1e-6


def test_low_rank():
    # A A' and B B': the nuclear norm of A' B is the trace of the root
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 20, 4))
    expected = np.square(a).sum() + np.square(b).sum() - 2 * np.linalg.svd(a.T @ b, compute_uv=False).sum()
    zero = np.zeros(20)
    assert float(frechet_distance(zero, a @ a.T, zero, b @ b.T)) == pytest.approx(expected, rel=1e-6)


def test_commuting_covariances():
    # sum of (sqrt(a) - sqrt(b))^2 over the common axes, and the squared distance of the means
    basis = np.linalg.qr(np.random.default_rng(4).standard_normal((3, 3)))[0]
    cov1, cov2 = (basis * [4.0, 9.0, 0.0]) @ basis.T, (basis * [1.0, 16.0, 25.0]) @ basis.T
    distance = frechet_distance(np.array([1.0, 2.0, 3.0]), cov1, np.array([1.0, 0.0, 0.0]), cov2)
    assert float(distance) == pytest.approx(13 + 1 + 1 + 25, rel=1e-7)


def test_symmetric_and_in_float64_from_float32():
    one, two = statistics(5, 8), statistics(6, 8)
    forth, back = frechet_distance(*one, *two), frechet_distance(*two, *one)
    assert float(forth) == pytest.approx(float(back), rel=1e-12)
    single = [torch.tensor(value, dtype=torch.float32) for value in (*one, *two)]
    doubled = [value.double() for value in single]
    assert frechet_distance(*single) == frechet_distance(*doubled)


def test_not_finite_is_nan():
    mean, cov = statistics(7, 4)
    assert frechet_distance(mean, cov * np.nan, mean, cov).isnan()
    assert frechet_distance(mean + np.inf, cov, mean, cov).isnan()
