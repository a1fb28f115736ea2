"""Langevin rules: what they sample, against closed forms; their algebra, to the bit.

Chains are the elements of one tensor (or members of a ``vmap``), so errors come from the spread over chains.
"""

import io
import itertools
import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from steadygan.common.errors import UserError
from steadygan.core.optimizers import Ccadl, Psgld, RmsProp, Sgd, Sghmc, Sgld, SgldCc, Sgnht, UpdateRule, gradient_noise
from steadygan.theory import langevin as theory

# Each rule with all its numbers away from 0 and 1; a new rule adds a row.
COMMON = {"temperature": 0.5, "prior_precision": 0.3, "num_data": 2.0}
COMPENSATED = {"interpretation": "compensated", "scale": "sum", "covariance": "scalar"}
RULES = [
    Psgld(step_size=0.02, **COMMON, alpha=0.9, eps=0.1),
    Sghmc(step_size=0.1, **COMMON, friction=1.5, gradient_noise=0.7),
    SgldCc(step_size=0.02, **COMMON, batch_size=5.0),
    SgldCc(step_size=0.02, **COMMON, batch_size=5.0, **COMPENSATED),
    Sgnht(step_size=0.1, **COMMON, diffusion=1.5, thermal_mass=0.8),
    Ccadl(step_size=0.1, **COMMON, diffusion=1.5, thermal_mass=0.8),
    Ccadl(step_size=0.1, **COMMON, diffusion=1.5, thermal_mass=0.8, covariance="scalar"),
]
MATRICES = [replace(rule, covariance="full") for rule in (*RULES[2:4], RULES[5])]
SAMPLED = [replace(rule, batch_size=5.0, estimator="per_sample") for rule in (RULES[2], *MATRICES)]
ALL = [*RULES, *MATRICES, *SAMPLED]


def name(rule):
    words = [getattr(rule, key, "") for key in ("interpretation", "covariance", "estimator")]
    return "-".join([type(rule).__name__, *filter(None, words)])


def wide(value):
    return torch.tensor(value, dtype=torch.float64)


def optimizer_of(rule, params, seed):
    return type(rule).optimizer(params, seed=seed, **{field.name: getattr(rule, field.name) for field in fields(rule)})


def every(rules):
    return pytest.mark.parametrize("rule", rules, ids=name)


def normal(source, like):
    return {key: torch.randn(value.shape, generator=source, dtype=value.dtype) for key, value in like.items()}


def run(rule, params, slope, steps, seed=0, watch=None):
    """``slope(params, draw) -> grads``, ``draw`` N(0, 1) like the parameters; the place after ``steps``."""
    source, state = torch.Generator().manual_seed(seed), rule.init(params)
    for t in range(steps):
        grads, more = batch(rule, source, params, slope)
        params, state = rule.update(params, grads, state, normal(source, params), **more)
        if watch is not None:
            watch(t, params, state)
    return params, state


def batch(rule, source, params, slope):
    """The gradient, and the covariance of those of examples for a rule that asks: each has as much more noise."""
    if not rule.per_sample:
        return slope(params, normal(source, params)), {}
    draws = [normal(source, params) for _ in range(int(rule.batch_size))]
    examples = [slope(params, {key: math.sqrt(len(draws)) * value for key, value in each.items()}) for each in draws]
    samples = {key: torch.stack([each[key] for each in examples]) for key in examples[0]}
    grads = {key: value.mean(0) for key, value in samples.items()}
    return grads, {"grad_covariance": rule.grad_covariance(samples, grads)}


def chains(count, *shape, spread=1.0, seed=1):
    return spread * torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_variance(samples, expected, errors=5):
    """``samples`` are independent and Gaussian: the standard error of their mean square is ``sqrt(2 / n)`` of it."""
    error = expected * math.sqrt(2 / samples.numel())
    assert samples.square().mean().item() == pytest.approx(expected, abs=errors * error)


# What is sampled: a Gaussian in two dimensions, overdamped.

CURVATURE = torch.tensor([[2.0, 0.6], [0.6, 1.0]], dtype=torch.float64)
NOISE = torch.tensor([[3.0, -0.8], [-0.8, 0.5]], dtype=torch.float64)
PLACE = torch.tensor([1.5, -0.5], dtype=torch.float64)
SETTINGS = {"step_size": 0.15, "temperature": 0.7, "prior_precision": 0.5, "num_data": 4.0}
OVERDAMPED = [
    Sgld(**SETTINGS),
    *[
        SgldCc(**SETTINGS, batch_size=3.0, interpretation=interpretation, scale=scale, covariance=covariance)
        for interpretation, scale, covariance in [
            ("literal", "sample", "diagonal"), ("literal", "mean", "diagonal"), ("literal", "mean", "scalar"),
            ("compensated", "sum", "diagonal"), ("compensated", "sum", "scalar"), ("compensated", "sample", "diagonal"),
        ]
    ],
    SgldCc(**SETTINGS, batch_size=3.0, estimator="per_sample"),
    SgldCc(**SETTINGS, batch_size=3.0, estimator="per_sample", interpretation="compensated", scale="sum"),
]  # fmt: skip


@pytest.mark.parametrize("rule", OVERDAMPED, ids=lambda rule: f"{name(rule)}-{getattr(rule, 'scale', '')}")
def test_a_gaussian_posterior_with_noisy_gradients(rule):
    """Mean and covariance, with the steps' and the noise's own part of it: A S + S A - eps A S A = 2 C + eps N."""
    root = torch.linalg.cholesky(NOISE)

    def slope(params, draw):
        return {"w": ((params["w"] - PLACE) @ CURVATURE + draw["w"] @ root.T) / rule.num_data}

    total = CURVATURE + rule.prior_precision * torch.eye(2, dtype=torch.float64)
    mean = torch.linalg.solve(total, CURVATURE @ PLACE)
    law, used = overdamped(rule, CURVATURE, NOISE)
    count = 10_000
    begin = mean + chains(count, 2) @ torch.linalg.cholesky(law).T
    params, state = run(rule, {"w": begin}, slope, 250)
    away = params["w"] - mean
    products = torch.stack([away[:, 0] ** 2, away[:, 1] ** 2, away[:, 0] * away[:, 1], away[:, 0], away[:, 1]])
    expected = torch.tensor([law[0, 0], law[1, 1], law[0, 1], 0, 0], dtype=torch.float64)
    errors = products.std(1) / math.sqrt(count)
    assert ((products.mean(1) - expected).abs() < 5 * errors).all()
    if isinstance(rule, SgldCc):
        level = rule.logs(state)["noise_level"].item()
        assert level**2 == pytest.approx(used.diagonal().mean().item(), rel=0.02)


def overdamped(rule, curvature, noise):
    """The law, and the covariance that the rule uses (that of plain SGLD's noise)."""
    arrays = curvature.numpy(), noise.numpy()
    pair = theory.sgld_cc(rule, *arrays) if isinstance(rule, SgldCc) else (theory.sgld(rule, *arrays), np.eye(1))
    return tuple(map(torch.from_numpy, pair))


def test_the_closed_forms_of_the_covariance():
    """In one dimension the general law is that of Ramakers et al., and true covariances leave SGLD's, compensated."""
    a, s2, eps = 1.7, 2.5, 0.2
    curvature, noise = torch.tensor([[a]], dtype=torch.float64), torch.tensor([[s2]], dtype=torch.float64)
    law, _ = overdamped(Sgld(eps), curvature, noise)
    assert law.item() == pytest.approx((1 + eps * s2 / 2) / (a * (1 - eps * a / 2)))
    law, used = overdamped(SgldCc(eps, scale="mean"), curvature, noise)
    assert law.item() == pytest.approx((used.item() + eps * s2 / 2) / (a * (1 - eps * a / 2)))
    law, used = overdamped(SgldCc(eps, interpretation="compensated", scale="sum"), curvature, noise)
    assert law.item() == pytest.approx((1 - eps * (used.item() - s2) / 2) / (a * (1 - eps * a / 2)))
    near = overdamped(SgldCc(eps / 100, interpretation="compensated", scale="sum"), curvature, noise)[1]
    assert (near.item() - s2) / (used.item() - s2) == pytest.approx(1 / 100, rel=0.3)  # the estimate's error is O(eps)


@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_literal_noise_feeds_back_on_itself(gain):
    """The true gradient moves with the noise and is counted as noise: I_t grows like t^(gain - 1), where
    gain = scale eps a^2 T / (1 - eps a / 2); below 1 it settles."""
    eps, a = 0.05, 1.0
    batch = gain * (1 - eps * a / 2) / (eps * a * a)
    rule, levels = SgldCc(eps, batch_size=batch), {}

    def watch(t, params, state):
        levels[t] = rule.logs(state)["noise_level"].item() ** 2

    run(rule, {"w": chains(2000)}, lambda params, draw: {"w": a * params["w"] + draw["w"]}, 801, watch=watch)
    if gain > 1:
        assert math.log2(levels[800] / levels[400]) == pytest.approx(gain - 1, abs=0.15)
    else:
        settled = batch * (1 + eps * a + eps**2 * a**2 / 2 / (1 - eps * a / 2)) / (1 - gain)
        assert levels[800] == pytest.approx(settled, rel=0.05)


# With momentum.


@pytest.mark.parametrize(("noise", "known"), [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)])
def test_sghmc_on_a_quadratic(noise, known):
    """The law of its linear recursion; with the gradient's noise known, the law without any."""
    rule = Sghmc(step_size=0.2, temperature=0.8, friction=1.2, gradient_noise=known)
    a = 1.5
    expected = theory.sghmc(rule, a, noise)
    if noise == known:
        np.testing.assert_allclose(expected, theory.sghmc(replace(rule, gradient_noise=0.0), a, 0.0), rtol=1e-12)
    begin = chains(40_000, spread=math.sqrt(expected[0, 0]))
    params, state = run(
        rule, {"w": begin}, lambda params, draw: {"w": a * params["w"] + math.sqrt(noise) * draw["w"]}, 100
    )
    assert_variance(params["w"], expected[0, 0])
    assert_variance(state["momentum"]["w"], expected[1, 1])
    assert rule.logs(state)["kinetic_temperature"].item() == pytest.approx(expected[1, 1], rel=0.04)


THERMOSTATS = [
    Sgnht(step_size=0.1, temperature=0.8, diffusion=1.2),
    Ccadl(step_size=0.1, temperature=0.8, diffusion=1.2),
    Ccadl(step_size=0.1, temperature=0.8, diffusion=1.2, covariance="scalar"),
    Ccadl(step_size=0.1, temperature=0.8, diffusion=1.2, batch_size=3.0, estimator="per_sample"),
]


def thermostat_run(rule, curvature, variances, count=20_000, steps=300):
    begin = {
        key: chains(count, spread=math.sqrt(rule.temperature / curvature), seed=k) for k, key in enumerate(variances)
    }
    return run(
        rule,
        begin,
        lambda params, draw: {
            key: curvature * params[key] + math.sqrt(s2) * draw[key] for key, s2 in variances.items()
        },
        steps,
    )


@every(THERMOSTATS)
@pytest.mark.parametrize("variances", [(4.0, 4.0), (0.0, 8.0), (0.0, 0.0)], ids=str)
def test_thermostats_on_a_quadratic(rule, variances):
    """Half of the weights see one noise, half another, one thermostat for all: the law of the splitting for each."""
    a = 1.5
    settled = theory.thermostat(rule, a, variances)
    params, state = thermostat_run(rule, a, dict(zip(("quiet", "loud"), variances)))
    for key, law in zip(("quiet", "loud"), settled.covariances):
        assert_variance(params[key], law[0, 0])
        assert_variance(state["momentum"][key], law[1, 1])
    logs = rule.logs(state)
    assert logs["thermostat"].item() == pytest.approx(settled.friction, rel=0.03)
    kinetic = np.mean([law[1, 1] for law in settled.covariances])
    assert logs["kinetic_temperature"].item() == pytest.approx(kinetic, rel=5 * math.sqrt(2 / 40_000))
    if isinstance(rule, Ccadl):
        assert logs["noise_level"].item() ** 2 == pytest.approx(settled.noise.mean(), rel=0.02)


def test_sgnht_removes_isotropic_noise_and_not_anisotropic_noise_which_ccadl_removes():
    """In units of the right variance T / a; SGNHT's failure is T_i = T (A + A_i) / (A + mean A_i), 2 A_i T = h s_i^2.
    Plain SGHMC would be off by h s^2 / (2 C T) in both cases."""
    sgnht, ccadl, a = THERMOSTATS[0], THERMOSTATS[1], 1.5

    def ratios(rule, *variances):
        params, _ = thermostat_run(rule, a, dict(zip(("quiet", "loud"), variances)))
        return [params[key].square().mean().item() * a / rule.temperature for key in ("quiet", "loud")]

    error = math.sqrt(2 / 20_000)
    assert ratios(sgnht, 4.0, 4.0) == pytest.approx([1, 1], abs=5 * error)
    wrong = ratios(sgnht, 0.0, 8.0)
    own = sgnht.step_size * 8.0 / (2 * sgnht.temperature)
    theory = [sgnht.diffusion / (sgnht.diffusion + own / 2), (sgnht.diffusion + own) / (sgnht.diffusion + own / 2)]
    assert wrong == pytest.approx(theory, abs=0.05)
    assert wrong[0] < 1 - 10 * error
    assert wrong[1] > 1 + 10 * error
    assert ratios(ccadl, 0.0, 8.0) == pytest.approx([1, 1], abs=5 * error)


@pytest.mark.parametrize("step", [0.2, 0.1])
def test_ccadls_error_is_of_second_order_in_the_step(step):
    """Of its exact law, which the test above ties to the rule; that of SGNHT is of first order."""

    def worst(rule):
        return max(
            abs(law[0, 0] * 1.5 / rule.temperature - 1) for law in theory.thermostat(rule, 1.5, (0.0, 8.0)).covariances
        )

    def fall(rule):
        return worst(replace(rule, step_size=step)) / worst(replace(rule, step_size=step / 2))

    assert fall(THERMOSTATS[1]) > 3.6
    assert fall(THERMOSTATS[0]) < 2.2


def test_the_thermostat_of_a_few_weights_has_its_own_gaussian_law():
    """Many players of n = 3 weights: xi ~ N(A + h s^2 / (2 T), T / (n mu)), independent of the place."""
    rule, s, players = Sgnht(step_size=0.05, temperature=0.8, diffusion=1.0, thermal_mass=0.5), 3.0, 4000
    params = {"w": chains(players, 3, spread=math.sqrt(rule.temperature))}
    state = torch.func.vmap(rule.init)(params)
    state = {**state, "excess": chains(players)}  # near its law, which it would take long to find
    update, source = torch.func.vmap(rule.update), torch.Generator().manual_seed(2)
    for _ in range(400):
        grads = {"w": params["w"] + s * normal(source, params)["w"]}
        params, state = update(params, grads, state, normal(source, params))
    xi = torch.func.vmap(rule.logs)(state)["thermostat"]
    width = rule.temperature / (3 * rule.thermal_mass)
    assert xi.mean().item() == pytest.approx(1.0 + 0.05 * s * s / 1.6, abs=5 * math.sqrt(width / players) + 0.01)
    assert xi.var().item() == pytest.approx(width, rel=5 * math.sqrt(2 / players) + 0.02)
    assert_variance(params["w"].flatten(), rule.temperature, errors=5)
    assert abs(torch.corrcoef(torch.stack([xi, params["w"].square().sum(1)]))[0, 1].item()) < 5 / math.sqrt(players)


# The preconditioned rule.


def test_psgld_with_a_slow_preconditioner_is_sgld_in_other_units():
    """G = 1 / (eps + sqrt(v)) fixed: variance T / (a (1 - step G a / 2)) for each weight."""
    a = torch.tensor([[0.5], [2.0], [8.0]], dtype=torch.float64)
    v = a.square()
    rule = Psgld(step_size=0.5, temperature=0.8, alpha=1 - 1e-12, eps=0.25)
    params, state = {"w": chains(3, 20_000)}, {"square": {"w": v.expand(3, 20_000).clone()}}
    source = torch.Generator().manual_seed(0)
    for _ in range(100):
        params, state = rule.update(params, {"w": a * params["w"]}, state, normal(source, params))
    for row, curvature in zip(params["w"], a.flatten().tolist()):
        shrink = 0.5 * curvature / (0.25 + curvature) / 2
        assert_variance(row, 0.8 / (curvature * (1 - shrink)))


def test_psgld_with_a_fast_preconditioner_samples_another_law():
    """Without Gamma and with alpha = 0 the density is exp(-U / T) / G = (eps + |a x|) exp(-a x^2 / 2 T)."""
    rule = Psgld(step_size=0.02, alpha=0.0, eps=1.0)
    params, _ = run(rule, {"w": chains(20_000)}, lambda params, draw: {"w": params["w"]}, 600)
    density = lambda x: (1 + abs(x)) * math.exp(-x * x / 2)  # noqa: E731
    expected = integrate.quad(lambda x: x * x * density(x), 0, 12)[0] / integrate.quad(density, 0, 12)[0]
    assert expected == pytest.approx(1.4438, abs=1e-3)
    squares = params["w"].square()
    assert squares.mean().item() == pytest.approx(expected, abs=5 * squares.std().item() / math.sqrt(20_000) + 0.01)


# A double well.

WELL = [
    Sgld(step_size=0.01),
    Psgld(step_size=0.05, alpha=0.999, eps=5.0),
    Sghmc(step_size=0.08, friction=2.0, gradient_noise=4.0),
    SgldCc(step_size=0.004, scale="mean", temperature=0.2, covariance="scalar"),
    SgldCc(step_size=0.01, interpretation="compensated", scale="sum"),
    Sgnht(step_size=0.08, diffusion=2.0),
    Ccadl(step_size=0.08, diffusion=2.0),
    SgldCc(step_size=0.01, interpretation="compensated", scale="sum", batch_size=3.0, estimator="per_sample"),
    Ccadl(step_size=0.08, diffusion=2.0, batch_size=3.0, estimator="per_sample"),
]


@every(WELL)
def test_both_wells_with_the_right_weight(rule):
    """U = 1.5 (x^2 - 1)^2 + 0.4 x, all chains started in the shallow well, gradients with noise of variance 4. The
    literal rule samples at the temperature that its noise level says, T I_t; it needs small steps and
    a good estimate from the first step on, or the noise that it takes from the moving gradient explodes."""
    count = 4000

    def noisy(params, draw):
        return {"w": 6.0 * params["w"] * (params["w"].square() - 1) + 0.4 + 2.0 * draw["w"]}

    params, state = run(
        rule, {"w": torch.ones(count, dtype=torch.float64)}, noisy, 1500 if rule.step_size > 0.005 else 3000
    )
    literal = isinstance(rule, SgldCc) and rule.interpretation == "literal"
    temperature = rule.temperature * (rule.logs(state)["noise_level"].item() ** 2 if literal else 1.0)
    density = lambda x: math.exp(-(1.5 * (x * x - 1) ** 2 + 0.4 * x) / temperature)  # noqa: E731
    right, left = integrate.quad(density, 0, 4)[0], integrate.quad(density, -4, 0)[0]
    expected = right / (left + right)
    share = (params["w"] > 0).double().mean().item()
    assert share == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / count))


# The estimate of the gradient's covariance.


@pytest.mark.parametrize("form", ["diagonal", "scalar"])
def test_the_running_covariance_is_the_plain_mean(form):
    source = torch.Generator().manual_seed(0)
    like = {"a": torch.zeros(3, 2, dtype=torch.float64), "b": torch.zeros(4, dtype=torch.float64)}
    seen = [normal(source, like) for _ in range(30)]
    state = gradient_noise.begin(like, form)
    for grads in seen:
        state = gradient_noise.observe(state, grads, form)
    halves = {
        key: np.mean([(y[key] - x[key]).numpy() ** 2 / 2 for x, y in itertools.pairwise(seen)], 0) for key in like
    }
    mean = np.concatenate([halves["a"].ravel(), halves["b"]]).mean()
    for key in like:
        expected = halves[key] if form == "diagonal" else mean
        np.testing.assert_allclose(state["covariance"][key].numpy(), expected, rtol=1e-13)
    assert gradient_noise.mean_variance(state, form).item() == pytest.approx(mean, rel=1e-13)


def test_the_running_covariance_is_unbiased_where_the_weights_stand_still():
    source, like = torch.Generator().manual_seed(0), {"w": torch.zeros(2000, dtype=torch.float64)}
    state = gradient_noise.begin(like, "diagonal")
    for _ in range(50):
        state = gradient_noise.observe(state, {"w": 7.0 + 1.5 * normal(source, like)["w"]}, "diagonal")
    values = state["covariance"]["w"]
    assert values.mean().item() == pytest.approx(2.25, abs=5 * values.std().item() / math.sqrt(2000))


def test_nothing_is_estimated_from_one_gradient():
    """The first gradient is no difference: no noise where it is all of the noise, all of it where it is taken off."""
    params, grads, eta = ({"w": torch.tensor([x], dtype=torch.float64)} for x in (2.0, 3.0, -1.0))
    literal, compensated = SgldCc(0.1), SgldCc(0.1, interpretation="compensated")
    assert torch.equal(literal.update(params, grads, literal.init(params), eta)[0]["w"], params["w"] - 0.1 * 3.0)
    moved = compensated.update(params, grads, compensated.init(params), eta)[0]["w"]
    assert moved.item() == pytest.approx(2.0 - 0.3 - math.sqrt(0.2))


def test_the_last_gradient_is_kept_as_it_was():
    """Gradients of a module may be zeroed in place after the step."""
    leaf = torch.ones(3, dtype=torch.float64, requires_grad=True)
    optimizer = SgldCc.optimizer([leaf], step_size=0.1)
    leaf.grad = torch.full_like(leaf, 2.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    assert torch.equal(optimizer.state_dict()["rule"]["previous"]["0"], torch.full((3,), 2.0, dtype=torch.float64))


# By hand.


def test_one_step_of_each_by_hand():
    """From a state in the middle of a chain, at T = 0.5, prior 0.3, N = 2: dU = 2 * 3 + 0.3 * 2 = 6.6."""
    params, grads, eta = ({"w": torch.tensor([x], dtype=torch.float64)} for x in (2.0, 3.0, -1.0))
    tensor = lambda x: torch.tensor([x], dtype=torch.float64)  # noqa: E731
    seen = {"count": wide(4.0), "previous": {"w": tensor(1.0)}, "covariance": {"w": tensor(6.0)}}
    covariance = 6.0 + (2.0 - 6.0) / 4  # V = (3 - 1)^2 / 2
    psgld, sghmc, literal, compensated, sgnht, ccadl, *_ = RULES

    def place(rule, state):
        new, after = rule.update(params, grads, state, eta)
        return new["w"].item(), after

    v = 0.9 * 4.0 + 0.1 * 9.0
    g = 1 / (0.1 + math.sqrt(v))
    expected = 2.0 - 0.02 * g * 6.6 - math.sqrt(2 * 0.02 * 0.5 * g)
    assert place(psgld, {"square": {"w": tensor(4.0)}})[0] == pytest.approx(expected, rel=1e-14)

    r = (1 - 0.15) * 1.2 - 0.1 * 6.6 - math.sqrt(2 * 1.5 * 0.1 * 0.5 - 0.01 * 0.7)
    assert place(sghmc, {"momentum": {"w": tensor(1.2)}})[0] == pytest.approx(2.0 + 0.1 * r, rel=1e-14)

    expected = 2.0 - 0.02 * 6.6 - math.sqrt(2 * 0.02 * 0.5 * 5.0 * covariance)
    assert place(literal, seen)[0] == pytest.approx(expected, rel=1e-14)
    expected = 2.0 - 0.02 * 6.6 - math.sqrt(2 * 0.02 * 0.5 - 0.02**2 * 4.0 * covariance)
    assert place(compensated, seen)[0] == pytest.approx(expected, rel=1e-14)

    def thermostat(damp):
        p, xi, h = 1.2 - 0.1 * 6.6, 1.5 - 0.4, 0.1
        q, p = 2.0 + h / 2 * p, damp * p
        xi += h / 2 * (p * p - 0.5) / 0.8
        p = math.exp(-xi * h) * p - math.sqrt(1.5 * 0.5 * (1 - math.exp(-2 * xi * h)) / xi)
        xi += h / 2 * (p * p - 0.5) / 0.8
        p *= damp
        return q + h / 2 * p, p, xi

    middle = {"momentum": {"w": tensor(1.2)}, "excess": wide(-0.4)}
    for rule, damp in ((sgnht, 1.0), (ccadl, math.exp(-(0.1**2) * 4.0 * covariance / (4 * 0.5)))):
        q, p, xi = thermostat(damp)
        got, after = place(rule, {**middle, "noise": seen})
        assert (got, after["momentum"]["w"].item()) == pytest.approx((q, p), rel=1e-13)
        logs = rule.logs(after)
        assert logs["thermostat"].item() == pytest.approx(xi, rel=1e-13)
        assert logs["kinetic_temperature"].item() == pytest.approx(p * p, rel=1e-13)
    assert logs["noise_level"].item() == pytest.approx(2.0 * math.sqrt(covariance), rel=1e-13)


@pytest.mark.parametrize("friction", [0.0, -0.7, 1e-12, 2.0])
def test_the_thermostats_noise_is_exact_for_friction_of_any_sign(friction):
    """dp = -xi p dt + sqrt(2 A T) dw over h: variance 2 A T * integral of exp(-2 xi s)."""
    rule, h = Sgnht(step_size=0.3, temperature=0.8, diffusion=1.2, thermal_mass=1e12), 0.3
    like = {"w": torch.zeros(5, dtype=torch.float64)}
    state = {**rule.init(like), "excess": torch.tensor(friction - 1.2, dtype=torch.float64)}
    eta = normal(torch.Generator().manual_seed(0), like)
    after = rule.update(like, like, state, eta)[1]["momentum"]["w"]
    variance = 2 * 1.2 * 0.8 * integrate.quad(lambda s: math.exp(-2 * friction * s), 0, h)[0]
    torch.testing.assert_close(after, math.sqrt(variance) * eta["w"], rtol=1e-9, atol=0)


# Algebra: bits, vmap, slopes, resuming.


def start(dtype=torch.float64):
    source = torch.Generator().manual_seed(0)
    shapes = {"weight": (4, 3), "bias": (4,), "gain": ()}
    return {key: torch.randn(shape, generator=source, dtype=dtype) for key, shape in shapes.items()}


def pull(params, t):
    """Gradients that depend on the place and on the time, one of them always 0."""
    grads = {key: (t % 5 + 1) * torch.sin(3 * param) for key, param in params.items()}
    return {**grads, "gain": torch.zeros_like(params["gain"])}


DRAWS = [normal(torch.Generator().manual_seed(100 + t), start()) for t in range(20)]


def scattered(rule, grads, t):
    """Of four examples, for the rules that ask for it."""
    if not rule.per_sample:
        return {}
    away = {key: torch.stack([DRAWS[(t + k) % 20][key] for k in range(4)]) for key in grads}
    samples = {key: grad + (away[key] - away[key].mean(0)).to(grad.dtype) for key, grad in grads.items()}
    return {"grad_covariance": rule.grad_covariance(samples, grads)}


def follow(rule, params, steps, draws=DRAWS):
    state = rule.init(params)
    for t in range(steps):
        eta = {key: value.to(params[key].dtype) for key, value in draws[t].items()}
        grads = pull(params, t)
        params, state = rule.update(params, grads, state, eta if rule.noisy else None, **scattered(rule, grads, t))
    return params


def assert_bits(ours, theirs):
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("interpretation", ["literal", "compensated"])
def test_covariance_controlled_noise_at_zero_temperature_is_sgd_to_the_bit(dtype, interpretation):
    cold = follow(SgldCc(0.05, temperature=0.0, interpretation=interpretation), start(dtype), 20)
    assert_bits(cold, follow(Sgd(0.05), start(dtype), 20))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_psgld_at_zero_temperature_is_rmsprop_to_the_bit(dtype):
    cold = follow(Psgld(0.01, temperature=0.0, alpha=0.9, eps=1e-3), start(dtype), 20)
    assert_bits(cold, follow(RmsProp(0.01, alpha=0.9, eps=1e-3), start(dtype), 20))


def test_sghmc_at_zero_temperature_is_momentum():
    """To the bit by its own recursion, and as SGD with momentum 1 - h C and learning rate h^2."""
    cold = follow(Sghmc(0.1, temperature=0.0, friction=1.5), start(), 20)
    params, momentum = start(), {key: torch.zeros_like(value) for key, value in start().items()}
    step = torch.tensor(0.1, dtype=torch.float64)
    for t in range(20):
        grads = pull(params, t)
        momentum = {key: (1 - step * 1.5) * momentum[key] - step * grads[key] for key in params}
        params = {key: params[key] + step * momentum[key] for key in params}
    assert_bits(cold, params)
    theirs = follow(Sgd(0.01, momentum=0.85), start(), 20)
    for key, value in theirs.items():
        torch.testing.assert_close(cold[key], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", [Sgnht(0.1, temperature=0.0), Sgnht(0.1, diffusion=0.0), Ccadl(0.1, diffusion=0.0)])
def test_thermostats_without_injected_noise_are_deterministic(rule):
    """Cold, or Nose-Hoover's dynamics (its friction is not 0, so the momenta do not keep their energy)."""
    assert_bits(follow(rule, start(), 20), follow(rule, start(), 20, DRAWS[::-1]))
    assert not torch.equal(
        follow(rule, start(), 20)["weight"], follow(replace(rule, step_size=0.2), start(), 20)["weight"]
    )


def test_nose_hoover_conserves_its_energy():
    """Without injected noise: U + |p|^2 / 2 + n mu xi^2 / 2 + n T * integral of xi, to the order of the splitting."""

    def drift(step):
        rule = Sgnht(step, temperature=0.8, diffusion=0.0, thermal_mass=0.6)
        params = {"w": torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64)}
        momentum = {"w": torch.tensor([0.3, 1.1, -0.7], dtype=torch.float64)}
        state = {"momentum": momentum, "excess": torch.tensor(0.2, dtype=torch.float64)}
        turned, energies = 0.0, []
        for _ in range(round(6 / step)):
            before = state
            moved, state = rule.update(params, params, state, params)
            p = before["momentum"]["w"] - step / 2 * params["w"]  # where place and momentum are at the same time
            energy = (params["w"].square().sum() + p.square().sum()) / 2 + 1.5 * 0.6 * before["excess"] ** 2
            energies.append((energy + 3 * 0.8 * turned).item())
            turned = turned + step * (before["excess"] + state["excess"]).item() / 2
            params = moved
        return max(energies) - min(energies)

    assert drift(0.05) < 0.02
    assert drift(0.1) / drift(0.05) == pytest.approx(4, abs=1)


def test_ccadl_without_gradient_noise_is_sgnht_to_the_bit():
    grads = {key: 0.3 * value for key, value in start().items()}
    ours, theirs = ((rule, start(), rule.init(start())) for rule in (Ccadl(0.1), Sgnht(0.1)))
    for t in range(10):
        ours, theirs = ((rule, *rule.update(params, grads, state, DRAWS[t])) for rule, params, state in (ours, theirs))
    assert_bits(ours[1], theirs[1])


@every(RULES)
def test_the_noise_has_the_stated_covariance(rule):
    """White, and of a known size: chi-squared of what the optimizer's own generator adds to one step in the middle."""
    n = 20_000
    flat = lambda value: {"0": torch.full((n,), value, dtype=torch.float64)}  # noqa: E731
    seen = {"count": wide(4.0), "previous": flat(0.0), "covariance": flat(6.0)}
    middle = {"momentum": flat(0.0), "excess": wide(0.0), "noise": seen}
    states = {Psgld: {"square": flat(4.0)}, Sghmc: {"momentum": flat(0.0)}, SgldCc: seen}
    leaf = torch.zeros(n, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_of(rule, [leaf], seed=3)
    optimizer.load_state_dict({**optimizer.state_dict(), "rule": states.get(type(rule), middle)})
    leaf.grad = torch.zeros_like(leaf)
    optimizer.step()
    i_t, xi = 0.75 * 6.0, 1.5 - 0.05 * 0.5 / 0.8
    relaxed = 1.5 * 0.5 * (1 - math.exp(-0.2 * xi)) / xi * 0.05**2
    literal = isinstance(rule, SgldCc) and rule.interpretation == "literal"
    variance = {
        Psgld: 2 * 0.02 * 0.5 / (0.1 + math.sqrt(3.6)),
        Sghmc: 0.01 * (2 * 1.5 * 0.1 * 0.5 - 0.01 * 0.7),
        SgldCc: 2 * 0.02 * 0.5 * 5.0 * i_t if literal else 2 * 0.02 * 0.5 - 0.02**2 * 4.0 * i_t,
        Sgnht: relaxed,
        Ccadl: relaxed * math.exp(-2 * 0.01 * 4.0 * i_t / (4 * 0.5)),
    }[type(rule)]
    sample = leaf.detach().numpy() / math.sqrt(variance)
    assert 1e-5 < stats.chi2.cdf((sample**2).sum(), n) < 1 - 1e-5
    assert stats.kstest(sample, "norm").pvalue > 1e-5
    assert abs(np.corrcoef(sample[1:], sample[:-1])[0, 1]) < 5 / math.sqrt(n)


@every(ALL)
def test_nothing_is_changed_in_place(rule):
    params = start()
    first, second = pull(params, 0), pull(params, 1)
    _, state = rule.update(params, first, rule.init(params), DRAWS[0], **scattered(rule, first, 0))
    more = scattered(rule, second, 1)
    trees = (params, second, state, DRAWS[1], *more.values())
    copies = torch.utils._pytree.tree_map(torch.clone, trees)
    rule.update(*trees[:4], **more)
    leaves = zip(torch.utils._pytree.tree_leaves(trees), torch.utils._pytree.tree_leaves(copies))
    assert all(torch.equal(now, before) for now, before in leaves)


@every(ALL)
@pytest.mark.parametrize(("dtype", "steps", "tolerance"), [(torch.float64, 20, 1e-10), (torch.float32, 2, 1e-6)])
def test_vmap_over_all_numbers_is_a_loop(rule, dtype, steps, tolerance):
    factors = [0.5, 0.9, 1.0]
    singles = [replace(rule, **{key: getattr(rule, key) * factor for key in rule.ranges}) for factor in factors]
    hyperparameters = {
        key: torch.tensor([getattr(r, key) for r in singles], dtype=torch.float64) for key in rule.ranges
    }
    starts = [{key: scale * param for key, param in start(dtype).items()} for scale in (1, -1, 0.5)]
    stacked = {key: torch.stack([s[key] for s in starts]) for key in starts[0]}
    mapped = torch.func.vmap(lambda hyperparameters, params: follow(replace(rule, **hyperparameters), params, steps))(
        hyperparameters, stacked
    )
    for i, single in enumerate(singles):
        for key, expected in follow(single, starts[i], steps).items():
            assert mapped[key].dtype == dtype
            torch.testing.assert_close(mapped[key][i], expected, rtol=tolerance, atol=tolerance)


@every(ALL)
def test_updates_can_be_differentiated_through(rule):
    """Look-ahead games need it: the place after three steps by the place before them."""
    params = {key: param.requires_grad_() for key, param in start().items()}
    assert torch.autograd.gradcheck(
        lambda weight, bias: tuple(follow(rule, {**params, "weight": weight, "bias": bias}, 3).values()),
        (params["weight"], params["bias"]),
    )
    gain = torch.autograd.grad(follow(rule, params, 3)["gain"], params["gain"])[0]
    assert torch.isfinite(gain)  # though its gradient is always 0, and roots of its square are taken


@every(ALL)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_resumed_in_the_middle_of_a_chain_to_the_bit(rule, dtype):
    def make(params):
        leaves = {key: value.clone().requires_grad_() for key, value in params.items()}
        return leaves, optimizer_of(rule, leaves.items(), seed=5)

    def advance(leaves, optimizer, times):
        for t in times:
            grads = pull({key: leaf.detach() for key, leaf in leaves.items()}, t)
            for key, grad in grads.items():
                leaves[key].grad = grad
            optimizer.step(**scattered(rule, grads, t))
        return {key: leaf.detach().clone() for key, leaf in leaves.items()}

    whole = advance(*make(start(dtype)), range(12))
    leaves, optimizer = make(start(dtype))
    middle, file = advance(leaves, optimizer, range(5)), io.BytesIO()
    torch.save({"params": middle, "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    leaves, optimizer = make(saved["params"])
    optimizer.load_state_dict(saved["optimizer"])
    assert_bits(advance(leaves, optimizer, range(5, 12)), whole)


@every(ALL)
def test_logs_under_vmap_are_scalars_of_each_member(rule):
    if not hasattr(rule, "logs"):
        assert isinstance(rule, Psgld)
        return
    params = {"w": chains(3, 8)}
    state = torch.func.vmap(rule.init)(params)

    def move(params, state, eta, t):
        grads = {"w": (t + 1) * torch.sin(3 * params["w"])}
        more = (
            {"grad_covariance": rule.grad_covariance({"w": torch.stack([params["w"], eta["w"]])}, grads)}
            if rule.per_sample
            else {}
        )
        return rule.update(params, grads, state, eta, **more)

    for t in range(3):
        params, state = torch.func.vmap(move, in_dims=(0, 0, 0, None))(params, state, {"w": chains(3, 8, seed=t)}, t)
    mapped = torch.func.vmap(rule.logs)(state)
    for i in range(3):
        for key, value in rule.logs(torch.utils._pytree.tree_map(lambda leaf, i=i: leaf[i], state)).items():
            assert value.shape == ()
            torch.testing.assert_close(mapped[key][i], value)


# Bad input.


@pytest.mark.parametrize(
    ("kind", "key", "value", "choices"),
    [
        (SgldCc, "interpretation", "compensate", "Valid choices: compensated, literal. Did you mean 'compensated'?"),
        (SgldCc, "scale", "total", "Valid choices: mean, sample, sum"),
        (SgldCc, "covariance", 3, "Valid choices: diagonal, full, scalar"),
        (Ccadl, "covariance", "diag", "Valid choices: diagonal, full, scalar. Did you mean 'diagonal'?"),
    ],
)
def test_words_that_are_no_choice(kind, key, value, choices):
    with pytest.raises(UserError) as error:
        kind.optimizer([torch.zeros(1, requires_grad=True)], step_size=0.1, **{key: value})
    assert str(error.value) == f"{key}={value}: no such choice\n{choices}"


def test_ranges():
    kinds = (Psgld, Sghmc, SgldCc, Sgnht, Ccadl)
    assert all(0.0 not in kind.ranges["step_size"] and -1.0 not in kind.ranges["temperature"] for kind in kinds)
    assert [0.0 in kind.ranges["temperature"] for kind in kinds] == [True, True, True, True, False]
    assert 1.0 not in Psgld.ranges["alpha"]
    assert 0.0 not in Sghmc.ranges["friction"]
    assert 2.5 not in SgldCc.ranges["batch_size"]
    assert all(0.0 in kind.ranges["diffusion"] and 0.0 not in kind.ranges["thermal_mass"] for kind in kinds[3:])
    assert all(isinstance(kind(0.1), UpdateRule) and kind.noisy for kind in kinds)
