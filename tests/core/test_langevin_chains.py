"""Time averages of single chains against closed forms, their errors from emcee's autocorrelation times.

The posterior of the mean of Gaussian data under a Gaussian prior, ``U = N mean_i lambda |theta - x_i|^2 / 2 + p
|theta|^2 / 2``: a Gaussian, and mini-batches drawn with replacement give gradients whose noise is known and the same
everywhere.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from emcee.autocorr import integrated_time

from steadygan.core.optimizers import Ccadl, Psgld, Sghmc, Sgld, SgldCc, Sgnht
from steadygan.theory import langevin as theory

NUMBER, BATCH, PRECISION, PRIOR = 20, 5, 0.1, 0.5
COMMON = {"temperature": 0.8, "num_data": float(NUMBER), "prior_precision": PRIOR}
OVERDAMPED = {"step_size": 0.1, **COMMON}
MOMENTUM = {"step_size": 0.12, "diffusion": 1.5, **COMMON}
COMPENSATED = {"interpretation": "compensated", "scale": "sum", "batch_size": float(BATCH)}
SAMPLED = {"estimator": "per_sample", "batch_size": float(BATCH)}
CURVATURE = NUMBER * PRECISION
CHAINS, BURN, STEPS = 64, 400, 2000

SAMPLERS = {
    "sgld": Sgld(**OVERDAMPED),
    "psgld": Psgld(**{**OVERDAMPED, "step_size": 0.02}, alpha=0.998, eps=0.1),
    "sghmc": Sghmc(step_size=0.12, friction=1.5, **COMMON),
    "sgld_cc": SgldCc(**OVERDAMPED, **COMPENSATED),
    "sgnht": Sgnht(**MOMENTUM),
    "ccadl": Ccadl(**MOMENTUM),
}
BY_EXAMPLES = {
    "sgld_cc": SgldCc(**OVERDAMPED, **{**COMPENSATED, **SAMPLED}),
    "sgld_cc literal": SgldCc(**OVERDAMPED, **SAMPLED, scale="sum"),
    "ccadl": Ccadl(**MOMENTUM, **SAMPLED),
}
CASES = [
    *[(rule, False) for rule in SAMPLERS.values()],
    *[(rule, True) for rule in (*SAMPLERS.values(), *BY_EXAMPLES.values())],
]
WORDS = [f"{name} full gradient" for name in SAMPLERS] + [
    f"{name} mini-batches" for name in (*SAMPLERS, *(f"{name} per sample" for name in BY_EXAMPLES))
]


def data():
    """``[N, 2]`` with exactly this mean and this (diagonal) covariance."""
    raw = np.random.default_rng(0).normal(size=(NUMBER, 2))
    raw = raw - raw.mean(0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / NUMBER)).T
    return torch.from_numpy(white * np.sqrt([0.5, 10.0]) + [0.8, -1.5])


def chain(rule, mini):
    """``[STEPS, CHAINS, 2]``: all coordinates of all chains are the weights of one player."""
    points, source = data(), torch.Generator().manual_seed(1)
    draw = lambda: torch.randn(CHAINS, 2, generator=source, dtype=torch.float64)  # noqa: E731
    params = {"w": 0.6 * draw() + posterior_mean()}
    state, path = rule.init(params), []
    for t in range(BURN + STEPS):
        places = torch.randint(NUMBER, (BATCH, CHAINS), generator=source)
        examples = PRECISION * (params["w"] - (points[places] if mini else points.mean(0)[None, None]))
        grads = {"w": examples.mean(0)}
        more = {"grad_covariance": rule.grad_covariance({"w": examples}, grads)} if rule.per_sample else {}
        params, state = rule.update(params, grads, state, {"w": draw()}, **more)
        if t >= BURN:
            path.append(params["w"])
    return torch.stack(path).numpy()


def posterior_mean():
    return CURVATURE * data().mean(0) / (CURVATURE + PRIOR)


def variances(rule, noises):
    """The law of both coordinates, discretisation included."""
    if isinstance(rule, Sgnht | Ccadl):
        return [law[0, 0] for law in theory.thermostat(rule, CURVATURE, noises).covariances]
    if isinstance(rule, Sghmc):
        return [theory.sghmc(rule, CURVATURE, noise)[0, 0] for noise in noises]
    if isinstance(rule, Psgld):
        pulls = PRIOR * posterior_mean().numpy()
        return [theory.psgld(rule, CURVATURE, *each) for each in zip(noises, pulls)]
    arrays = CURVATURE * np.eye(2), np.diag(noises)
    law = theory.sgld_cc(rule, *arrays)[0] if isinstance(rule, SgldCc) else theory.sgld(rule, *arrays)
    return list(law.diagonal())


def average(series):
    """The mean of ``[steps, chains]`` and its standard error from the effective sample size."""
    size = series.size / integrated_time(series, quiet=True)[0]
    return series.mean(), series.std() / math.sqrt(size)


@pytest.mark.parametrize(("rule", "mini"), CASES, ids=WORDS)
def test_the_posterior_of_a_mean(rule, mini):
    noises = CURVATURE**2 / BATCH * np.array([0.5, 10.0]) * mini
    path = chain(rule, mini)
    for axis, (mean, variance) in enumerate(zip(posterior_mean().tolist(), variances(rule, noises))):
        for series, expected in ((path[..., axis], mean), ((path[..., axis] - mean) ** 2, variance)):
            measured, error = average(series)
            assert measured == pytest.approx(expected, abs=5 * error)
            assert error < 0.06 * variance  # or nothing was tested


def test_the_closed_forms():
    """Without gradient noise T / (total (1 - eps total / 2)); mini-batches add eps s^2 / 2 to T."""
    total, eps, temperature = CURVATURE + PRIOR, 0.1, 0.8
    for noise in (0.0, 8.0):
        expected = (temperature + eps * noise / 2) / (total * (1 - eps * total / 2))
        assert variances(SAMPLERS["sgld"], [noise] * 2) == pytest.approx([expected] * 2, rel=1e-12)
    plain = temperature / (total * (1 - eps * total / 2))
    assert variances(BY_EXAMPLES["sgld_cc"], [0.4, 8.0]) == pytest.approx([plain] * 2, rel=1e-12)
    literal = [(temperature * noise + eps * noise / 2) / (total * (1 - eps * total / 2)) for noise in (0.4, 8.0)]
    assert variances(BY_EXAMPLES["sgld_cc literal"], [0.4, 8.0]) == pytest.approx(literal, rel=1e-12)
    assert variances(SAMPLERS["ccadl"], [0.4, 8.0]) == pytest.approx([temperature / total] * 2, rel=0.01)
    assert max(abs(np.array(variances(SAMPLERS["sgnht"], [0.4, 8.0])) * total / temperature - 1)) > 0.1


# The full matrix: each chain a player of two weights whose noises are correlated.

ROTATION = np.array([[0.8, -0.6], [0.6, 0.8]])
NOISE = ROTATION @ np.diag([0.2, 8.0]) @ ROTATION.T


def players(rule, curvature, count=128, burn=200, steps=800):
    """``[steps, count, 2]`` of players that each have an estimate and a thermostat of their own."""
    source, size = torch.Generator().manual_seed(2), int(rule.batch_size)
    root, curvature = torch.from_numpy(np.linalg.cholesky(NOISE)), torch.from_numpy(curvature)
    draw = lambda *shape: torch.randn(*shape, 2, generator=source, dtype=torch.float64)  # noqa: E731

    def move(params, state, draws, eta):
        samples = {"w": (curvature @ params["w"] + math.sqrt(size) * draws @ root.T) / rule.num_data}
        grads = {"w": samples["w"].mean(0)}
        more = {"grad_covariance": rule.grad_covariance(samples, grads)} if rule.per_sample else {}
        return rule.update(params, grads, state, {"w": eta}, **more)

    params, path = {"w": 0.6 * draw(count)}, []
    state = torch.func.vmap(rule.init)(params)
    for t in range(burn + steps):
        params, state = torch.func.vmap(move)(params, state, draw(count, size), draw(count))
        if t >= burn:
            path.append(params["w"])
    return torch.stack(path).numpy()


def assert_law(path, expected):
    for i, j in ((0, 0), (1, 1), (0, 1)):
        measured, error = average(path[..., i] * path[..., j])
        assert measured == pytest.approx(expected[i, j], abs=5 * error)
        assert error < 0.06 * np.trace(expected)


OVERDAMPED_MATRIX = [
    SgldCc(0.12, temperature=0.8, num_data=3.0, covariance="full", **{**COMPENSATED, "batch_size": 2.0}),
    SgldCc(0.12, temperature=0.8, num_data=3.0, covariance="full", estimator="per_sample", batch_size=3.0, scale="sum"),
]


@pytest.mark.parametrize("rule", OVERDAMPED_MATRIX, ids=["compensated", "literal-per_sample"])
def test_full_covariance_on_a_gaussian(rule):
    """The law of the matrices; that of the diagonal, which leaves out the correlation, is another one."""
    curvature = np.array([[2.0, 0.6], [0.6, 1.0]])
    law, _ = theory.sgld_cc(rule, curvature, NOISE)
    assert_law(players(rule, curvature), law)
    other, _ = theory.sgld_cc(replace(rule, covariance="diagonal"), curvature, NOISE)
    assert abs(other[0, 1] - law[0, 1]) > 0.1 * law[0, 0]


def test_only_the_full_matrix_removes_correlated_noise():
    """CCAdL: with one curvature everything can be rotated to the axes of the noise, where the diagonal is enough. The
    diagonal of the unrotated noise leaves SGNHT's error: colder along the quiet axis, hotter along the other."""
    curvature, temperature = 1.5, 0.8
    settings = {"step_size": 0.1, "temperature": temperature, "diffusion": 1.2, "estimator": "per_sample"}
    full, diagonal = (Ccadl(**settings, batch_size=3.0, covariance=form) for form in ("full", "diagonal"))
    right = np.diag([law[0, 0] for law in theory.thermostat(full, curvature, [0.2, 8.0]).covariances])
    assert_law(players(full, curvature * np.eye(2)) @ ROTATION, right)
    along = players(diagonal, curvature * np.eye(2)) @ ROTATION
    for axis, sign in enumerate((-1, 1)):
        measured, error = average(along[..., axis] ** 2)
        assert sign * (measured - temperature / curvature) > 5 * error
