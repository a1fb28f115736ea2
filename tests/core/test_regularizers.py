"""Penalties against closed forms on linear and quadratic critics; projections by hand."""

import math
from functools import partial

import pytest
import torch

from steadygan.common.errors import UserError
from steadygan.core import draws
from steadygan.core.autodiff import AutogradBackend, FuncBackend, PenaltyCritic
from steadygan.core.declare import declared
from steadygan.core.regularizers import gradient_penalty, orthogonal, r1, r1_r2, r2, weight_clip

PENALTIES = [
    partial(r1, gamma=3.0),
    partial(r2, gamma=3.0),
    partial(gradient_penalty, weight=10.0, center=1.0),
    partial(r1_r2, gamma=3.0, mix=0.3),
]
IDS = [penalty.func.__name__ for penalty in PENALTIES]
SHAPES = [(3,), (2, 4, 4)]


def batch(shape=(3,), size=5):
    source = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, size, *shape, generator=source, dtype=torch.float64)
    return real, fake, torch.rand(size, generator=source, dtype=torch.float64)


def linear(w):
    """D(x) = w.x, with gradient w."""
    return lambda x: (x * w).flatten(1).sum(1)


def quadratic(a):
    """D(x) = a |x|^2 / 2, with gradient a x."""
    return lambda x: a / 2 * x.square().flatten(1).sum(1)


def weights(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
def test_linear_critic(shape):
    real, fake, eps = batch(shape)
    w = weights(shape)
    size = w.square().sum().item()
    expected = [3 / 2 * size, 3 / 2 * size, 10 * (math.sqrt(size) - 1) ** 2, 3 / 2 * size]
    for penalty, value in zip(PENALTIES, expected):
        assert penalty(linear(w), real, fake, eps).tolist() == pytest.approx([value] * 5, rel=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_quadratic_critic(shape):
    """The gradient a x tells where it was taken, and samples do not mix."""
    real, fake, eps = batch(shape)
    points = [real, fake, torch.stack([e * r + (1 - e) * f for e, r, f in zip(eps, real, fake)])]
    sizes = [(1.7 * x).square().flatten(1).sum(1) for x in points]
    expected = [3 / 2 * sizes[0], 3 / 2 * sizes[1], 10 * (sizes[2].sqrt() - 1) ** 2]
    expected.append(3 / 2 * (0.3 * sizes[0] + 0.7 * sizes[1]))
    for penalty, value in zip(PENALTIES, expected):
        torch.testing.assert_close(penalty(quadratic(1.7), real, fake, eps), value, rtol=1e-13, atol=0)


def test_between_real_and_fake():
    real, fake, _ = batch()
    penalty = partial(gradient_penalty, weight=1.0, center=0.0)
    at_real = penalty(quadratic(1.0), real, fake, torch.ones(5, dtype=torch.float64))
    at_fake = penalty(quadratic(1.0), real, fake, torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(at_real, real.square().sum(1), rtol=1e-14, atol=0)
    torch.testing.assert_close(at_fake, fake.square().sum(1), rtol=1e-14, atol=0)


def test_on_real_and_on_fake_points_alone():
    real, fake, eps = batch()
    for at, points in (("real", real), ("fake", fake)):
        found = gradient_penalty(quadratic(1.7), real, fake, eps, weight=2.0, center=0.5, at=at)
        torch.testing.assert_close(found, 2 * (1.7 * points.norm(dim=1) - 0.5) ** 2, rtol=1e-13, atol=0)
    with pytest.raises(UserError, match=r"regularizer\.gradient_penalty\.at=reel: no such points\n.*'real'"):
        gradient_penalty(quadratic(1.0), real, fake, eps, weight=1.0, center=0.0, at="reel")


def test_a_step_towards_orthogonal_rows_is_that_of_autograd():
    source = torch.Generator().manual_seed(4)
    weight = torch.randn(5, 3, 2, 2, generator=source, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(5, generator=source, dtype=torch.float64)
    rows = weight.flatten(1)
    cost = ((rows @ rows.T) * (1 - torch.eye(5))).square().sum() / 4
    (slope,) = torch.autograd.grad(cost, weight)
    found = orthogonal({"weight": weight.detach(), "bias": bias}, weight=0.01)
    torch.testing.assert_close(found["weight"], weight.detach() - 0.01 * slope, rtol=1e-12, atol=1e-13)
    assert torch.equal(found["bias"], bias)


def test_rows_become_orthogonal_and_orthogonal_rows_stay():
    params = {"w": torch.randn(4, 9, generator=torch.Generator().manual_seed(5), dtype=torch.float64)}
    for _ in range(2000):
        params = orthogonal(params, weight=0.02)
    gram = params["w"] @ params["w"].T
    assert (gram - gram.diag().diag()).abs().max() < 1e-6 < gram.diag().min()
    assert torch.allclose(orthogonal(params, weight=0.5)["w"], params["w"], atol=1e-5)
    weights = torch.tensor([0.0, 0.1], dtype=torch.float64)
    start = {"w": torch.randn(4, 9, generator=torch.Generator().manual_seed(6), dtype=torch.float64)}
    mapped = torch.func.vmap(lambda w: orthogonal(start, weight=w)["w"])(weights)
    for own, weight in zip(mapped, weights.tolist()):
        torch.testing.assert_close(own, orthogonal(start, weight=weight)["w"])


def deep(params):
    """A smooth critic of vectors."""
    w, v = params
    return lambda x: torch.tanh(x @ w) @ v


def deep_params():
    source = torch.Generator().manual_seed(2)
    return (
        torch.randn(3, 4, generator=source, dtype=torch.float64, requires_grad=True),
        torch.randn(4, generator=source, dtype=torch.float64, requires_grad=True),
    )


@pytest.mark.parametrize("penalty", PENALTIES, ids=IDS)
def test_gradients_by_the_critics_parameters(penalty):
    real, fake, eps = batch()
    assert torch.autograd.gradcheck(lambda *params: penalty(deep(params), real, fake, eps), deep_params())


@pytest.mark.parametrize("penalty", PENALTIES, ids=IDS)
def test_both_backends_give_the_same_gradients(penalty):
    real, fake, eps = batch()
    params = dict(zip("wv", (p.detach() for p in deep_params())))

    def gradient(backend):
        def loss(p):
            critic = PenaltyCritic(deep((p["w"], p["v"])), backend.evaluation)
            return penalty(critic, *(critic.at(x) for x in (real, fake)), eps).mean(), {}

        return backend.gradient(loss, params)[0]

    tape, transform = gradient(AutogradBackend()), gradient(FuncBackend())
    for name in params:
        assert tape[name].abs().max() > 1e-3
        torch.testing.assert_close(tape[name], transform[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("penalty", PENALTIES, ids=IDS)
def test_a_flat_critic_gets_a_finite_gradient(penalty):
    real, fake, eps = batch()
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    value = penalty(linear(w), real, fake, eps)
    (slope,) = torch.autograd.grad(value.sum(), w)
    assert value.tolist() == [10.0 if penalty.func is gradient_penalty else 0.0] * 5
    assert slope.tolist() == [0.0] * 3


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1.0])
def test_the_norm_has_no_bias_at_small_gradients(size):
    """With a constant under the root, (|w| + c)^2 would differ from |w|^2."""
    real, fake, eps = batch()
    w = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64) * size
    w.requires_grad_()
    value = gradient_penalty(linear(w), real, fake, eps, weight=1.0, center=1.0)
    (slope,) = torch.autograd.grad(value[0], w)
    assert (1 - value.sqrt()).tolist() == pytest.approx([size] * 5, abs=1e-15)
    assert slope.tolist() == pytest.approx([1.2 * (size - 1), 0, 1.6 * (size - 1)], rel=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES, ids=IDS)
def test_vmap_over_numbers_and_parameters_is_a_loop(penalty):
    real, fake, eps = batch()
    source = torch.Generator().manual_seed(3)
    w = torch.randn(4, 3, generator=source, dtype=torch.float64)
    grid = torch.tensor([0.0, 0.1, 1.0, 10.0], dtype=torch.float64)

    def gradient(number, w):
        hyperparameters = dict.fromkeys(penalty.keywords, number)

        def value(w):
            per_sample = penalty.func(lambda x: torch.tanh(linear(w)(x)), real, fake, eps, **hyperparameters)
            return per_sample.sum(), per_sample

        return torch.func.grad(value, has_aux=True)(w)

    mapped = torch.func.vmap(gradient)(grid, w)
    looped = [torch.stack(part) for part in zip(*(gradient(n.item(), row) for n, row in zip(grid, w)))]
    for got, expected in zip(mapped, looped):
        torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-14)


def test_clipping_by_hand():
    params = {"w": torch.tensor([[-2.0, 0.005], [0.01, 7.0]]), "b": torch.tensor([-0.011])}
    clipped = weight_clip(params, value=0.01)
    expected = {"w": torch.tensor([[-0.01, 0.005], [0.01, 0.01]]), "b": torch.tensor([-0.01])}
    assert all(torch.equal(clipped[name], expected[name]) for name in expected)
    assert params["w"][1, 1] == 7.0
    again = weight_clip(clipped, value=0.01)
    assert all(torch.equal(again[name], clipped[name]) for name in clipped)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_clipping_under_vmap_is_a_loop(dtype):
    w = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    bounds = torch.tensor([0.01, 0.1, 10.0], dtype=torch.float64)
    mapped = torch.func.vmap(lambda w, value: weight_clip({"w": w}, value=value)["w"])(w, bounds)
    looped = torch.stack([weight_clip({"w": row}, value=bound.item())["w"] for row, bound in zip(w, bounds)])
    assert torch.equal(mapped, looped)


def test_declarations():
    none, uniform = draws.no_noise, draws.uniform
    assert [declared(penalty, "draw") for penalty in PENALTIES] == [none, none, uniform, none]
    assert [declared(method, "projection") for method in PENALTIES] == [False] * len(PENALTIES)
    assert all(declared(method, "projection") for method in (weight_clip, orthogonal))
    assert -1.0 not in r1.ranges["gamma"]
    assert 0.0 not in weight_clip.ranges["value"]
