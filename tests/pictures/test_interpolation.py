"""Ways between latents against closed forms and scipy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import geometric_slerp

from steadygan.pictures.interpolation import linear, paths, spherical


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def t(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_a_quarter_circle():
    a, b = t(2.0, 0.0)[:, 0], t(0.0, 2.0)[:, 0]
    angles = math.pi / 2 * t(0.0, 0.25, 0.5, 1.0)
    expected = 2 * torch.cat([angles.cos(), angles.sin()], 1)
    torch.testing.assert_close(spherical(a, b, t(0.0, 0.25, 0.5, 1.0)), expected)
    torch.testing.assert_close(linear(a, b, t(0.25)), torch.tensor([[1.5, 0.5]], dtype=torch.float64))


@given(seed=st.integers(0, 10_000), d=st.integers(2, 9))
def test_arcs_on_the_sphere_are_scipys(seed, d):
    a, b = torch.nn.functional.normalize(normal(2, d, seed=seed))
    times = np.linspace(0, 1, 6)
    expected = geometric_slerp(a.numpy(), b.numpy(), times)
    assert np.allclose(spherical(a, b, t(*times)), expected, atol=1e-9)


@given(seed=st.integers(0, 10_000), length=st.floats(0.1, 10))
def test_vectors_of_one_length_keep_it_and_a_straight_way_is_shorter_inside(seed, length):
    a, b = length * torch.nn.functional.normalize(normal(2, 6, seed=seed))
    lengths = spherical(a, b, t(0.0, 0.3, 0.5, 0.9, 1.0)).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, length))
    assert (linear(a, b, t(0.3, 0.5)).norm(dim=1) < length).all()


@pytest.mark.parametrize("between", [linear, spherical])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_ends_are_exact(between, dtype):
    a, b = normal(5, 7).to(dtype), normal(5, 7, seed=1).to(dtype)
    way = paths(a, b, 4, between)
    assert way.shape == (5, 4, 7)
    assert torch.equal(way[:, 0], a)
    assert torch.equal(way[:, -1], b)
    torch.testing.assert_close(way[:, 1], torch.stack([between(x, y, torch.tensor(1 / 3)) for x, y in zip(a, b)]))


@pytest.mark.parametrize(("scale", "dtype"), [(2.0, torch.float64), (-1.0, torch.float64), (0.0, torch.float32)])
def test_along_one_line_the_way_is_straight(scale, dtype):
    a = normal(1, 5).to(dtype)
    way = paths(a, scale * a, 5, spherical)
    torch.testing.assert_close(way, paths(a, scale * a, 5, linear))
    assert way.isfinite().all()


def test_many_ways_at_once_are_each_its_own():
    a, b = normal(6, 3), torch.cat([normal(5, 3, seed=1), torch.zeros(1, 3, dtype=torch.float64)])
    together = paths(a, b, 5, spherical)
    for index in range(6):
        torch.testing.assert_close(together[index : index + 1], paths(a[[index]], b[[index]], 5, spherical))
