"""Two penalties against closed forms, and what holds for every penalty."""

from functools import partial

import pytest
import torch

from steadygan.core import draws
from steadygan.core.autodiff import AutogradBackend, FuncBackend, PenaltyCritic
from steadygan.core.declare import declared
from steadygan.core.regularizers import dragan, roth

PENALTIES = {
    "two_sided": partial(dragan, weight=10.0, center=1.0, sigma=0.3),
    "one_sided": partial(dragan, weight=10.0, center=1.0, sigma=0.3, one_sided=True),
    "roth": partial(roth, gamma=3.0),
}
each = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES.keys())


def batch(size=5):
    return torch.randn(3, size, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def quadratic(a):
    """D(x) = a |x|^2 / 2, with gradient a x."""
    return lambda x: a / 2 * x.square().sum(1)


def deep(w, v):
    return lambda x: torch.tanh(x @ w) @ v


def deep_params(scale=1.0):
    source = torch.Generator().manual_seed(2)
    return scale * torch.randn(2, 4, generator=source, dtype=torch.float64), torch.randn(
        4, generator=source, dtype=torch.float64
    )


def test_dragan_looks_around_real_samples_alone():
    real, fake, eps = batch()
    slope = 1.7 * (real + 0.3 * eps).norm(dim=1)
    assert float(slope.min()) < 2 < float(slope.max())
    for one_sided in (False, True):
        excess = (slope - 2).clamp(min=0) if one_sided else slope - 2
        value = dragan(quadratic(1.7), real, fake, eps, weight=10.0, center=2.0, sigma=0.3, one_sided=one_sided)
        torch.testing.assert_close(value, 10 * excess.square(), rtol=1e-12, atol=1e-15)


def test_dragan_at_a_flat_critic_is_a_cusp_or_nothing():
    """D(x) = psi x: the two-sided form pushes with slope -2 weight center sign(psi), the one-sided one not at all."""
    real, fake, eps = torch.zeros(3, 4, 1, dtype=torch.float64)
    for side in (1.0, -1.0):
        for one_sided, slope in ((False, -2 * 5.0 * 0.8 * side), (True, 0.0)):
            psi = torch.tensor([side * 1e-9], dtype=torch.float64, requires_grad=True)
            value = dragan(
                lambda x, psi=psi: (psi * x)[:, 0],
                real,
                fake,
                eps,
                weight=5.0,
                center=0.8,
                sigma=1.0,
                one_sided=one_sided,
            )
            (found,) = torch.autograd.grad(value.mean(), psi)
            assert found.item() == pytest.approx(slope, abs=1e-7)


def test_roth_weighs_each_side_by_how_wrong_the_critic_is():
    real, fake, _ = batch()
    logits = [0.85 * x.square().sum(1) for x in (real, fake)]
    sizes = [(1.7 * x).square().sum(1) for x in (real, fake)]
    shares = [1 - 1 / (1 + torch.exp(-logits[0])), 1 / (1 + torch.exp(-logits[1]))]
    expected = 1.5 * (shares[0] ** 2 * sizes[0] + shares[1] ** 2 * sizes[1])
    torch.testing.assert_close(roth(quadratic(1.7), real, fake, gamma=3.0), expected, rtol=1e-12, atol=0)


def test_roth_is_what_small_instance_noise_adds():
    """E softplus(-D(x + s e)) + E softplus(D(y + s e)) of D(x) = psi x, to second order in s, where psi x is small:
    the curvature of the logistic loss at the logit t is s(t) (1 - s(t)), Roth's weight to first order around t = 0."""
    psi, sigma = 1e-3, 1e-1
    x = torch.zeros(1, 1, dtype=torch.float64)
    noise = sigma * torch.tensor([-1.0, 1.0], dtype=torch.float64)
    noisy = torch.nn.functional.softplus(-psi * noise).mean() + torch.nn.functional.softplus(psi * noise).mean()
    added = float(noisy) - 2 * float(torch.log(torch.tensor(2.0, dtype=torch.float64)))
    assert float(roth(lambda x: psi * x[:, 0], x, x, gamma=sigma**2)) == pytest.approx(added, rel=1e-4)


@each
def test_gradients_by_the_critics_parameters(penalty):
    real, fake, eps = batch()
    params = [value.requires_grad_() for value in deep_params()]
    assert torch.autograd.gradcheck(lambda w, v: penalty(deep(w, v), real, fake, eps), params)


@each
def test_both_backends_give_the_same_gradients(penalty):
    real, fake, eps = batch()
    params = dict(zip("wv", deep_params()))

    def gradient(backend):
        def loss(p):
            critic = PenaltyCritic(deep(p["w"], p["v"]), backend.evaluation)
            samples = [critic.at(x) if declared(penalty, "evaluated") else x for x in (real, fake)]
            return penalty(critic, *samples, eps).mean(), {}

        return backend.gradient(loss, params)[0]

    tape, transform = gradient(AutogradBackend()), gradient(FuncBackend())
    for name in params:
        assert tape[name].abs().max() > 1e-3
        torch.testing.assert_close(tape[name], transform[name], rtol=1e-11, atol=1e-13)


@each
def test_vmap_over_numbers_and_parameters_is_a_loop(penalty):
    real, fake, eps = batch()
    w = torch.stack([deep_params(scale)[0] for scale in (0.1, 1.0, 2.0)])
    grid = torch.tensor([0.2, 1.0, 10.0], dtype=torch.float64)
    keys = set(penalty.func.ranges)

    _, v = deep_params()

    def gradient(number, w):
        hyperparameters = dict.fromkeys(keys, number)
        return torch.func.grad(lambda w: penalty(deep(w, v), real, fake, eps, **hyperparameters).sum())(w)

    mapped = torch.func.vmap(gradient)(grid, w)
    looped = torch.stack([gradient(number.item(), row) for number, row in zip(grid, w)])
    assert looped.abs().max() > 0.1
    torch.testing.assert_close(mapped, looped, rtol=1e-11, atol=1e-13)


def test_declarations():
    assert [declared(penalty, "draw") for penalty in PENALTIES.values()] == [draws.normal_like] * 2 + [draws.no_noise]
    assert all(-1.0 not in allowed for method in (dragan, roth) for allowed in method.ranges.values())
