"""Schedules against their formulas."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steadygan.core.schedules import Constant, Cosine, Exponential, Linear, Polynomial, Smoothstep, Step

# A new shape adds a row: the share of the way (or of the way in logarithms) at the share s of the time.
SHAPES = {
    Linear: lambda s: s,
    Step: lambda s: 1.0,
    Smoothstep: lambda s: 3 * s**2 - 2 * s**3,
    Cosine: lambda s: math.sin(math.pi * s / 2) ** 2,
    Exponential: lambda s: s,
}
RAMPS = list(SHAPES)


def formula(kind, s, start, end):
    if kind is Exponential:
        return math.exp((1 - SHAPES[kind](s)) * math.log(start) + SHAPES[kind](s) * math.log(end))
    return start + (end - start) * SHAPES[kind](s)


@pytest.mark.parametrize("kind", RAMPS)
@pytest.mark.parametrize("t", [100, 101, 130.0, 180, 260, 299])
def test_between_begin_and_finish(kind, t):
    schedule = kind(start=0.2, end=0.7, begin=100, finish=300)
    assert schedule(t).item() == pytest.approx(formula(kind, (t - 100) / 200, 0.2, 0.7), rel=1e-13)


@pytest.mark.parametrize("kind", RAMPS)
def test_before_and_after_to_the_bit(kind):
    schedule = kind(start=0.1, end=0.7, begin=100, finish=300)
    assert [schedule(t).item() for t in (-5, 0, 99)] == [0.1] * 3
    assert [schedule(t).item() for t in (300, 301, 10**7)] == [0.7] * 3


def test_known_values():
    """The best setting of Pani, section 4.2: linear to 0.5; a quarter of the way by the other shapes."""
    ramp = {"start": 0.0, "end": 0.5, "begin": 1000, "finish": 5000}
    assert Linear(**ramp)(2000).item() == 0.125
    assert Smoothstep(**ramp)(2000).item() == pytest.approx(0.5 * 0.15625)
    assert Cosine(**ramp)(2000).item() == pytest.approx(0.5 * (1 - math.sqrt(0.5)) / 2)
    assert [Step(**ramp)(t).item() for t in (999, 1000)] == [0.0, 0.5]
    assert Exponential(start=1.0, end=0.01, begin=0, finish=10)(5).item() == pytest.approx(0.1)
    assert Constant(0.3)(77).item() == 0.3


def test_polynomial_decay():
    """a (b + t)^-c, the decay of SGLD's step size."""
    schedule = Polynomial(a=0.3, b=2.0, c=0.55)
    times = torch.arange(10)
    expected = torch.tensor([0.3 * math.exp(-0.55 * math.log(2 + t)) for t in range(10)], dtype=torch.float64)
    torch.testing.assert_close(schedule(times), expected, rtol=1e-14, atol=0)
    assert schedule(0).item() == pytest.approx(schedule.extremes()[0])
    assert 0 < schedule.extremes()[1] < schedule(10**9).item() < 1e-5
    assert Polynomial(a=0.3, b=2.0, c=0.0)(7).item() == 0.3
    numbers = torch.tensor([[0.3, 2.0, 0.55], [1.0, 10.0, 1.0]], dtype=torch.float64)
    mapped = torch.func.vmap(lambda row: Polynomial(*row)(4))(numbers)
    torch.testing.assert_close(mapped, torch.stack([Polynomial(*row.tolist())(4) for row in numbers]))
    assert all(0.0 not in Polynomial.ranges[key] for key in "ab")


@pytest.mark.parametrize("kind", RAMPS)
@pytest.mark.parametrize("finish", [50, 20])
def test_no_time_between_is_a_jump_at_begin(kind, finish):
    schedule = kind(start=0.1, end=0.7, begin=50, finish=finish)
    assert [schedule(t).item() for t in (49, 50, 51)] == [0.1, 0.7, 0.7]


@given(
    st.sampled_from(RAMPS), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(0, 99), st.integers(0, 99),
    st.integers(0, 120),
)  # fmt: skip
def test_never_beyond_its_extremes(kind, start, end, begin, finish, t):
    schedule = kind(start=start, end=end, begin=begin, finish=finish)
    low, high = min(schedule.extremes()), max(schedule.extremes())
    assert low * (1 - 1e-12) <= schedule(t).item() <= high * (1 + 1e-12)


def test_extremes():
    assert Constant(0.3).extremes() == (0.3,)
    for kind in RAMPS:
        assert set(kind(start=0.1, end=0.9, begin=0, finish=10).extremes()) == {0.1, 0.9}


def test_falling_and_negative_values():
    assert Linear(start=0.5, end=-0.5, begin=0, finish=4)(1).item() == 0.25
    assert Cosine(start=2.0, end=0.0, begin=0, finish=4)(2).item() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", RAMPS)
@pytest.mark.parametrize("dtype", [torch.int64, torch.float64])
def test_a_tensor_of_times_is_a_loop(kind, dtype):
    schedule = kind(start=0.2, end=0.7, begin=2, finish=7)
    times = torch.arange(10, dtype=dtype)
    assert torch.equal(schedule(times), torch.stack([schedule(t) for t in range(10)]))


@pytest.mark.parametrize("kind", RAMPS)
@pytest.mark.parametrize("t", [0, 3, 5, 40])
def test_vmap_over_the_numbers_is_a_loop(kind, t):
    """The last column has no time between begin and finish; t is mapped over or shared."""
    numbers = torch.tensor(
        [[0.1, 0.2, 0.9, 0.5], [0.7, 0.01, 0.9, 0.1], [0.0, 2.0, 1.0, 3.0], [10.0, 6.0, 4.0, 3.0]], dtype=torch.float64
    ).T
    looped = torch.stack([kind(*row.tolist())(t) for row in numbers])
    shared = torch.func.vmap(lambda row: kind(*row)(t))(numbers)
    mapped = torch.func.vmap(lambda row, t: kind(*row)(t))(numbers, torch.full((4,), float(t), dtype=torch.float64))
    torch.testing.assert_close(shared, looped, rtol=0, atol=1e-15)
    torch.testing.assert_close(mapped, looped, rtol=0, atol=1e-15)


def test_vmap_of_a_constant():
    values = torch.tensor([0.1, 0.9], dtype=torch.float64)
    assert torch.equal(torch.func.vmap(lambda value: Constant(value)(3))(values), values)


@pytest.mark.parametrize("kind", RAMPS)
def test_slopes_by_the_numbers_are_finite_with_no_time_between(kind):
    end, finish = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.7, 5.0))
    schedule = replace(kind(start=0.1, end=0.2, begin=5, finish=5), end=end, finish=finish)
    slopes = torch.autograd.grad(schedule(9), (end, finish), allow_unused=True, materialize_grads=True)
    assert [slope.item() for slope in slopes] == [1.0, 0.0]


def test_ranges():
    assert 0.0 not in Exponential.ranges["end"]
    assert 0.0 in Linear.ranges["end"]
    assert -1.0 in Linear.ranges["start"]
    assert all(-1.0 not in kind.ranges["begin"] for kind in RAMPS)
    assert float("inf") not in Constant.ranges["value"]
