"""Uniform distributions on curves: on the curve exactly, uniform along it."""

import math

import pytest
import torch
from scipy import stats

from steadygan.common.errors import UserError
from steadygan.data.curves import Circle, FourLines, Line

N = 20_000


def drawn(data):
    return data.sample(N, torch.Generator().manual_seed(5), torch.float64)


def test_the_line_is_uniform_on_its_segment():
    x, y = drawn(Line(length=3.0))
    assert y is None
    assert (x[:, 1] == 0).all()
    assert stats.kstest(x[:, 0].numpy(), stats.uniform(-1.5, 3.0).cdf).pvalue > 1e-4


def test_the_circle_is_uniform_in_its_angle():
    x, y = drawn(Circle(radius=2.5))
    assert y is None
    torch.testing.assert_close(x.norm(dim=1), torch.full((N,), 2.5, dtype=torch.float64), rtol=1e-14, atol=0)
    angles = torch.atan2(x[:, 1], x[:, 0]).numpy()
    assert stats.kstest(angles, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-4


def test_the_four_lines_are_equal_disjoint_and_counted_from_below():
    x, y = drawn(FourLines(length=1.0, spacing=2.0))
    assert stats.chisquare(torch.bincount(y, minlength=4).numpy()).pvalue > 1e-4
    for label, height in enumerate([-3.0, -1.0, 1.0, 3.0]):
        points = x[y == label]
        assert (points[:, 1] == height).all()
        assert stats.kstest(points[:, 0].numpy(), stats.uniform(-0.5, 1.0).cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    ("kind", "key"), [(Line, "length"), (Circle, "radius"), (FourLines, "length"), (FourLines, "spacing")]
)
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), "long", None])
def test_impossible_sizes_name_their_key(kind, key, value):
    with pytest.raises(UserError, match=rf"dataset\.{key}="):
        kind(**{key: value})
