"""The Gaussian against scipy."""

import numpy as np
import pytest
import torch
from scipy import stats

from steadygan.common.errors import UserError
from steadygan.data.gaussian import Gaussian


def test_samples_follow_the_law_in_every_coordinate():
    x, y = Gaussian(dim=3, mean=-1.5, std=0.5).sample(20_000, torch.Generator().manual_seed(0), torch.float64)
    assert y is None
    for coordinate in x.numpy().T:
        assert stats.kstest(coordinate, stats.norm(-1.5, 0.5).cdf).pvalue > 1e-4
    correlations = np.corrcoef(x.numpy().T) - np.eye(3)
    assert np.abs(correlations).max() < 5 / np.sqrt(len(x))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_log_density_is_that_of_scipy(dim):
    x = np.random.default_rng(1).normal(0, 2, (40, dim))
    expected = stats.norm(0.7, 1.3).logpdf(x).sum(axis=1)
    actual = Gaussian(dim=dim, mean=0.7, std=1.3).log_density(torch.from_numpy(x))
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-12)


def test_the_density_integrates_to_one():
    side = torch.linspace(-8, 8, 201, dtype=torch.float64)
    values = Gaussian().log_density(torch.cartesian_prod(side, side)).exp()
    assert values.sum().item() * (16 / 200) ** 2 == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("key", "value"), [("dim", 0), ("dim", 1.5), ("std", 0.0), ("mean", float("nan"))])
def test_impossible_numbers_name_their_key(key, value):
    with pytest.raises(UserError, match=rf"dataset\.{key}="):
        Gaussian(**{key: value})
