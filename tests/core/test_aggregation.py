"""How a generator weighs several discriminators."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steadygan.core.aggregation import Drawn, Mean, Softmax

LOSSES = torch.tensor([0.5, 2.0, 1.0, 7.0], dtype=torch.float64)
THERE = torch.tensor([True, True, True, False])
VOTES = [Mean(), Softmax(1.5), Softmax(-2.0), Drawn()]
HALF = torch.tensor(0.5, dtype=torch.float64)


def test_mean_is_of_those_that_are_there():
    assert Mean()(LOSSES, THERE, None).item() == pytest.approx(3.5 / 3)


def test_softmax_by_hand():
    weights = [math.exp(2 * loss) for loss in (0.5, 2.0, 1.0)]
    expected = (weights[0] * 0.5 + weights[1] * 2 + weights[2] * 1) / sum(weights)
    assert Softmax(2.0)(LOSSES, THERE, None).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("sharpness", "expected"), [(0.0, 3.5 / 3), (400.0, 2.0), (-400.0, 0.5)])
def test_softmax_goes_from_the_easiest_over_the_mean_to_the_hardest(sharpness, expected):
    assert Softmax(sharpness)(LOSSES, THERE, None).item() == pytest.approx(expected, rel=1e-12)


def test_softmax_weights_are_part_of_the_objective():
    losses = LOSSES[:3].clone().requires_grad_()
    (slope,) = torch.autograd.grad(Softmax(0.7)(losses, THERE[:3], None), losses)
    values = losses.detach().numpy()
    weights = np.exp(0.7 * values) / np.exp(0.7 * values).sum()
    expected = weights * (1 + 0.7 * (values - (weights * values).sum()))
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-12)


@given(st.floats(0, 1, exclude_max=True), st.lists(st.booleans(), min_size=1, max_size=8))
def test_drawn_is_one_that_is_there(u, active):
    active = [*active, True]
    losses = torch.arange(len(active), dtype=torch.float64) + 1
    chosen = Drawn()(losses, torch.tensor(active), torch.tensor(u, dtype=torch.float64))
    present = [place + 1 for place, one in enumerate(active) if one]
    assert chosen.item() == present[int(u * len(present))]


@pytest.mark.parametrize("vote", VOTES)
def test_gradient(vote):
    losses = LOSSES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: vote(x, THERE, HALF), losses)
    (slope,) = torch.autograd.grad(vote(losses, THERE, HALF), losses)
    assert slope[3] == 0


@pytest.mark.parametrize("vote", VOTES)
def test_vmap_is_a_loop(vote):
    losses = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    u = torch.rand(5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    together = torch.func.vmap(lambda x, number: vote(x, THERE, number))(losses, u)
    torch.testing.assert_close(together, torch.stack([vote(x, THERE, n) for x, n in zip(losses, u)]))
