"""The exact Wasserstein distance against assignment, sorting and shifts."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from steadygan.common.errors import UserError
from steadygan.data.mixtures import Mixture1d, Ring
from steadygan.metrics.wasserstein import Wasserstein, wasserstein_distance


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_equals_the_best_assignment(dimensions):
    x, y = normal(0, 60, dimensions), 2 * normal(1, 60, dimensions) + 1
    cost = cdist(x, y)
    assert wasserstein_distance(x, y) == pytest.approx(cost[linear_sum_assignment(cost)].mean(), rel=1e-10)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_samples_of_other_sizes(dimensions):
    # every point of the smaller sample stands for three
    x, y = normal(2, 10, dimensions), normal(3, 30, dimensions)
    cost = cdist(x.repeat(3, 1), y)
    assert wasserstein_distance(x, y) == pytest.approx(cost[linear_sum_assignment(cost)].mean(), rel=1e-10)


def test_a_shift_costs_its_length():
    x = normal(4, 1000, 2)
    assert wasserstein_distance(x, x + torch.tensor([3.0, 4.0])) == pytest.approx(5, rel=1e-9)
    assert wasserstein_distance(x, x.flip(0)) == pytest.approx(0, abs=1e-12)


def test_a_collapsed_sample():
    x, y = torch.tensor([[1.0, 0.0]]).repeat(500, 1), normal(5, 1000, 2)
    assert wasserstein_distance(x, y) == pytest.approx(float((y - x[0]).norm(dim=1).mean()), rel=1e-9)


def test_not_finite_is_nan():
    assert math.isnan(wasserstein_distance(torch.tensor([[0.0, math.inf]]), normal(6, 4, 2)))


def test_the_metric_takes_its_first_samples_and_a_fixed_reference():
    metric, again = Wasserstein(Ring(), samples=100), Wasserstein(Ring(), samples=100)
    x = normal(7, 150, 2)
    for batch in x.split(40):
        metric.update(batch)
    cost = cdist(x[:100], metric.reference)
    expected = cost[linear_sum_assignment(cost)].mean()
    assert metric.compute()["wasserstein"] == pytest.approx(expected, rel=1e-10)
    assert metric.provenance == again.provenance
    assert metric.provenance != Wasserstein(Ring(), samples=100, reference_seed=1).provenance
    assert metric.provenance != Wasserstein(Ring(sigma=0.03), samples=100).provenance


def test_the_reference_is_of_the_data():
    reference = Wasserstein(Mixture1d(modes=3, spacing=4.0, sigma=0.01)).reference
    assert reference.dtype == torch.float64
    assert np.allclose(np.unique(reference.div(4).round()), [-1, 0, 1])


def test_misfits_name_what_fits():
    images = SimpleNamespace(shape=(1, 8, 8), num_classes=10, examples=lambda split: None)
    with pytest.raises(UserError, match=r"metrics=wasserstein.*\n.*fid, inception_score"):
        Wasserstein(images)
    with pytest.raises(UserError, match=r"metrics\.wasserstein\.samples=0"):
        Wasserstein(Ring(), samples=0)
