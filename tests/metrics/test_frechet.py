"""The Frechet distance against scipy's matrix root and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from steadygan.metrics import frechet_distance
from steadygan.metrics.frechet import Reference


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


def vectors(seed, count, dimensions, condition=1e2):
    rng = np.random.default_rng(seed)
    mixing = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))[0] * np.geomspace(
        1, condition**-0.5, dimensions
    )
    return rng.standard_normal((count, dimensions)) @ mixing.T + rng.standard_normal(dimensions)


def of(x):
    return x.mean(0), np.atleast_2d(np.cov(x.T))


@pytest.mark.parametrize("dimensions", [40, 300, 515])  # the larger ones are cut into panels
@pytest.mark.parametrize("condition", [1e1, 1e6])
def test_large_matrices_agree_with_the_matrix_root(dimensions, condition):
    one, two = (of(vectors(seed, 3 * dimensions, dimensions, condition)) for seed in (8, 9))
    expected = by_scipy(*one, *two)
    assert float(frechet_distance(*one, *two)) == pytest.approx(expected, rel=1e-6)
    reference = Reference.of(*two)
    assert float(reference.distance(*map(torch.tensor, one))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("count", "dimensions"), [(30, 40), (2, 5), (270, 300), (100, 515), (60, 20)])
def test_of_samples_equals_that_of_their_statistics(count, dimensions):
    x, two = vectors(10, count, dimensions), of(vectors(11, 4 * dimensions, dimensions))
    expected = by_scipy(*of(x), *two)
    assert float(Reference.of(*two).distance_of_samples(torch.tensor(x))) == pytest.approx(expected, rel=1e-6)
    assert float(frechet_distance(*of(x), *two)) == pytest.approx(expected, rel=1e-6)
    assert float(frechet_distance(*two, *of(x))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dimensions", [48, 300])
def test_fewer_samples_than_dimensions_on_both_sides(dimensions):
    # the nuclear norm of the product of both factors is the trace of the root
    x, y = vectors(12, dimensions // 3, dimensions), vectors(13, dimensions // 2, dimensions)
    a, b = ((value - value.mean(0)) / (len(value) - 1) ** 0.5 for value in (x, y))
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.square(a).sum() + np.square(b).sum()
    expected -= 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum()
    assert float(frechet_distance(*of(x), *of(y))) == pytest.approx(expected, rel=1e-6)
    assert float(Reference.of(*of(y)).distance_of_samples(torch.tensor(x))) == pytest.approx(expected, rel=1e-6)
    assert float(Reference.of(*of(x)).distance_of_samples(torch.tensor(x))) == pytest.approx(0, abs=1e-6)


def test_a_border_of_zeros_adds_nothing():
    """Of 960 samples the eigenvalues are those of a larger matrix."""
    x = torch.tensor(vectors(15, 960, 970))
    mean, cov = of(vectors(16, 3000, 970))
    reference = Reference.of(mean, cov)
    centred = (x - x.mean(0)) / 959**0.5
    expected = float((x.mean(0) - reference.mean).square().sum() + centred.square().sum() + reference.trace)
    expected -= 2 * np.linalg.svd(centred.numpy() @ np.linalg.cholesky(cov), compute_uv=False).sum()
    assert float(reference.distance_of_samples(x)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("count", "dimensions"), [(5, 12), (12, 12), (13, 12), (300, 300), (200, 300)])
def test_a_reference_of_samples_is_that_of_their_statistics(count, dimensions):
    x, y = vectors(17, count, dimensions), torch.tensor(vectors(18, 2 * dimensions, dimensions))
    expected = by_scipy(*of(x), *of(y.numpy()))
    reference = Reference.of_samples(torch.tensor(x))
    assert float(reference.trace) == pytest.approx(np.trace(of(x)[1]), rel=1e-12)
    assert float(reference.distance(y.mean(0), y.mT.cov())) == pytest.approx(expected, rel=1e-6)
    assert float(reference.distance_of_samples(y[:4])) == pytest.approx(by_scipy(*of(y[:4].numpy()), *of(x)), rel=1e-6)


def test_no_variance_at_all():
    """A generator that makes one image only, and data that are one image: the trace of the other is left."""
    mean, cov = statistics(19, 6)
    nothing = np.zeros((6, 6))
    expected = np.square(mean - 1).sum() + np.trace(cov)
    for one, two in (((np.ones(6), nothing), (mean, cov)), ((mean, cov), (np.ones(6), nothing))):
        assert float(frechet_distance(*one, *two)) == pytest.approx(expected, rel=1e-12)
        assert float(Reference.of(*two).distance(*map(torch.tensor, one))) == pytest.approx(expected, rel=1e-12)
    same = np.ones(6), nothing
    assert float(frechet_distance(*same, *same)) == float(Reference.of(*same).distance(*map(torch.tensor, same))) == 0


def test_samples_that_are_not_finite_give_nan():
    reference = Reference.of(*statistics(14, 4))
    assert reference.distance_of_samples(torch.full((3, 4), torch.nan, dtype=torch.float64)).isnan()
    mean, cov = map(torch.tensor, statistics(14, 4))
    assert reference.distance(mean, cov * torch.inf).isnan()


@pytest.mark.parametrize("count", [400, 40])
def test_agrees_with_the_reference_implementations_on_the_same_features(count):
    """torch-fidelity, clean-fid and pytorch-fid; of fewer vectors than dimensions, too, where theirs add to the
    diagonal or lose digits."""
    fidelity = pytest.importorskip("torch_fidelity.metric_fid").fid_statistics_to_metric
    others = [
        pytest.importorskip("cleanfid.fid").frechet_distance,
        pytest.importorskip("pytorch_fid.fid_score").calculate_frechet_distance,
    ]
    rng = np.random.default_rng(6)
    mixing = rng.standard_normal((64, 64)) / 8
    real, fake = rng.standard_normal((500, 64)) @ mixing, 1.2 * rng.standard_normal((count, 64)) @ mixing + 0.1
    one, two = ((x.mean(0), np.cov(x, rowvar=False)) for x in (real, fake))
    found = float(frechet_distance(*one, *two))
    said = fidelity(*(dict(zip(("mu", "sigma"), each)) for each in (one, two)), False)
    assert found == pytest.approx(said["frechet_inception_distance"], rel=1e-4)
    for theirs in others:
        assert found == pytest.approx(theirs(*one, *two), rel=1e-4)
    if count == 40:
        centred = torch.as_tensor(fake)
        assert float(Reference.of(*one).distance_of_samples(centred)) == pytest.approx(found, rel=1e-6)
