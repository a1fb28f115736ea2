"""Mixtures of Gaussians against closed forms and scipy."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from steadygan.common.errors import UserError
from steadygan.data.mixtures import Grid, Mixture, Mixture1d, Ring

N = 40_000
WIDE = [
    Mixture1d(modes=4, spacing=1.5, sigma=0.3),
    Ring(modes=5, radius=1.0, sigma=0.4),
    Grid(side=3, spacing=1.0, sigma=0.5),
    Mixture([[0.0, 1.0, -1.0], [2.0, 0.5, 3.0]], sigma=0.7),
]


def drawn(data, n=N, dtype=torch.float64):
    return data.sample(n, torch.Generator().manual_seed(3), dtype)


def test_the_centres_by_hand():
    assert Mixture1d(modes=4, spacing=2.0).centers.tolist() == [[-3.0], [-1.0], [1.0], [3.0]]
    ring = [[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]]
    torch.testing.assert_close(Ring(modes=4).centers, torch.tensor(ring, dtype=torch.float64), rtol=0, atol=1e-15)
    assert sorted(Grid(side=2, spacing=2.0).centers.tolist()) == [[-1, -1], [-1, 1], [1, -1], [1, 1]]


def test_the_defaults_are_the_ones_of_the_field():
    ring, grid = Ring(), Grid()
    assert (len(ring.centers), ring.sigma) == (8, 0.02)
    torch.testing.assert_close(ring.centers.norm(dim=1), torch.full((8,), 2.0, dtype=torch.float64))
    assert (len(grid.centers), grid.sigma**2) == (25, pytest.approx(0.0025))
    assert {coordinate for point in grid.centers.tolist() for coordinate in point} == {-4, -2, 0, 2, 4}


@pytest.mark.parametrize("data", WIDE)
def test_every_component_is_equally_frequent(data):
    _, y = drawn(data)
    counts = torch.bincount(y, minlength=data.num_classes).numpy()
    assert len(counts) == len(data.centers)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("data", WIDE)
def test_a_component_has_its_centre_and_its_spread(data):
    x, y = drawn(data)
    for component, center in enumerate(data.centers):
        points = x[y == component]
        error = data.sigma / math.sqrt(len(points))
        torch.testing.assert_close(points.mean(0), center, rtol=0, atol=5 * error)
        residual = ((points - center) / data.sigma).flatten().numpy()
        assert stats.kstest(residual, "norm").pvalue > 1e-5
        correlations = np.atleast_2d(np.corrcoef(((points - center) / data.sigma).numpy().T))
        assert np.abs(correlations - np.eye(len(correlations))).max() < 5 / math.sqrt(len(points))


@pytest.mark.parametrize("data", WIDE)
def test_log_density_is_that_of_scipy(data):
    x = torch.from_numpy(np.random.default_rng(0).normal(0, 3, (50, data.shape[0])))
    covariance = data.sigma**2 * np.eye(data.shape[0])
    densities = [stats.multivariate_normal(center.numpy(), covariance).pdf(x.numpy()) for center in data.centers]
    np.testing.assert_allclose(data.log_density(x).numpy(), np.log(np.mean(densities, axis=0)), rtol=1e-9)


def test_log_density_stays_finite_far_away():
    far = Ring().log_density(torch.tensor([[1e3, 0.0]], dtype=torch.float64))
    closest = -0.5 * (998 / 0.02) ** 2 - math.log(2 * math.pi * 0.02**2) - math.log(8)
    assert far.item() == pytest.approx(closest, rel=1e-12)


def test_the_density_integrates_to_one():
    line = torch.linspace(-6, 6, 4001, dtype=torch.float64)
    values = Mixture1d(modes=4, spacing=1.5, sigma=0.3).log_density(line[:, None]).exp()
    assert torch.trapezoid(values, line).item() == pytest.approx(1, abs=1e-10)
    side = torch.linspace(-5, 5, 301, dtype=torch.float64)
    for data in (Ring(modes=5, radius=1.0, sigma=0.4), Grid(side=3, spacing=1.0, sigma=0.5)):
        values = data.log_density(torch.cartesian_prod(side, side)).exp()
        assert values.sum().item() * (10 / 300) ** 2 == pytest.approx(1, abs=1e-10)


def test_the_score_points_to_the_nearest_centre():
    x = torch.tensor([[1.9, 0.0]], dtype=torch.float64)
    score = torch.func.grad(lambda point: Ring().log_density(point).sum())(x)
    torch.testing.assert_close(score, torch.tensor([[0.1, 0.0]], dtype=torch.float64) / 0.02**2)


@pytest.mark.parametrize(
    ("build", "key"),
    [
        (lambda: Ring(modes=2.5), "dataset.modes=2.5"),
        (lambda: Ring(modes=0), "dataset.modes=0"),
        (lambda: Ring(sigma=0.0), "dataset.sigma=0.0"),
        (lambda: Ring(radius=math.inf), "dataset.radius=inf"),
        (lambda: Grid(side="five"), "dataset.side=five"),
        (lambda: Mixture1d(spacing=-1.0), "dataset.spacing=-1.0"),
        (lambda: Ring(num_data=0), "dataset.num_data=0"),
        (lambda: Mixture([], 1.0), "dataset.centers"),
    ],
)
def test_impossible_numbers_name_their_key(build, key):
    with pytest.raises(UserError, match=key.replace(".", r"\.")):
        build()
