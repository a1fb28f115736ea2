"""Precision and coverage against the exact density of a mixture."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2, multivariate_normal

from steadygan.common.errors import UserError
from steadygan.data.curves import Circle
from steadygan.data.gaussian import Gaussian
from steadygan.data.mixtures import Grid, Mixture, Mixture1d, Ring
from steadygan.metrics.exact_density import ExactDensity, cells

SEED = 5


def drawn(dataset, count=10_000):
    return dataset.sample(count, torch.Generator().manual_seed(SEED), torch.float64)


def measured(metric, *batches):
    metric.reset()
    for batch in batches:
        metric.update(batch)
    return metric.compute()


@pytest.mark.parametrize("kind", [Ring, Grid, Mixture1d])
def test_the_data_have_their_mass_and_miss_of_coverage_what_chance_takes(kind):
    found = measured(ExactDensity(kind()), drawn(kind())[0])
    assert found["exact_precision"] == pytest.approx(0.99, abs=4 * math.sqrt(0.99 * 0.01 / 10_000))
    cells_of = {Ring: 64, Grid: 200, Mixture1d: 20}[kind]
    assert 1 - found["exact_coverage"] == pytest.approx(0.4 * math.sqrt(cells_of / 10_000), rel=0.3)


def test_lost_modes_are_lost_coverage():
    x, y = drawn(Ring())
    half = measured(ExactDensity(Ring()), x[y < 4].repeat(3, 1))
    assert half["exact_coverage"] == pytest.approx(0.5, abs=0.01)
    assert half["exact_precision"] == pytest.approx(0.99, abs=0.005)


def test_modes_that_shrink_by_hand():
    """Half as wide: the inner of two shells gets the mass within twice its radius, and counts for its own."""
    ring = Ring()
    x, y = drawn(ring)
    centers = ring.centers[y]
    inner, outer = (chi2.cdf(4 * chi2.ppf(0.99 * end, 2), 2) for end in (0.5, 1))
    expected = (min(inner, 0.495) + (outer - inner)) / 0.99
    found = measured(ExactDensity(ring), centers + 0.5 * (x - centers))
    assert found["exact_coverage"] == pytest.approx(expected, abs=0.02)
    assert found["exact_precision"] == 1.0


def test_one_gaussian_by_hand():
    """The level of density of 90 % of a Gaussian in three dimensions is that at the chi-square quantile."""
    one = Mixture([[1.0, -2.0, 0.5]], 0.3)
    metric = ExactDensity(one, samples=4, mass=0.9, shells=3)
    radius = 0.3 * math.sqrt(chi2.ppf(0.9, 3))
    at_rim = multivariate_normal(np.zeros(3), 0.09).logpdf([radius, 0, 0])
    assert metric.level == pytest.approx(at_rim, abs=0.05)
    away = torch.tensor([[0.98, 0, 0], [0, 1.02, 0], [0, 0, -0.9], [0.1, 0.1, 0.1]], dtype=torch.float64) * radius
    assert measured(metric, one.centers + away)["exact_precision"] == 0.75


def test_cells_have_equal_mass_even_where_components_overlap():
    near = Mixture([[0.0, 0.0], [1.0, 0.5]], 1.0)
    edges = torch.as_tensor(chi2.ppf([0.3, 0.6, 0.9], 2))
    found = cells(drawn(near, 400_000)[0], near.centers, 1.0, edges)
    assert found.shape == (2, 3, 4)
    assert torch.allclose(found, torch.full_like(found, 0.3 / 4 / 2), rtol=0.03)


def test_nothing_of_what_is_not_finite_and_little_of_what_is_far():
    metric = ExactDensity(Ring(), samples=100)
    assert measured(metric, torch.full((100, 2), math.nan)) == {"exact_precision": 0.0, "exact_coverage": 0.0}
    assert measured(metric, torch.full((100, 2), 50.0)) == {"exact_precision": 0.0, "exact_coverage": 0.0}


def test_batches_and_surplus_leave_no_trace():
    x = drawn(Ring(), 900)[0].float()
    metric = ExactDensity(Ring(), samples=700)
    assert measured(metric, x[:300], x[300:]) == measured(metric, x[:700])


def test_what_does_not_fit():
    for dataset in (Circle(), Gaussian()):
        with pytest.raises(UserError, match="the density of a mixture"):
            ExactDensity(dataset)
    for setting in ({"mass": 1.0}, {"shells": 0}, {"samples": 1}):
        with pytest.raises(UserError, match=f"metrics.exact_density.{next(iter(setting))}="):
            ExactDensity(Ring(), **setting)
