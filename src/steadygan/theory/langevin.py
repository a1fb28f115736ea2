"""The exact stationary distribution of each Langevin rule on a quadratic with noisy gradients, step size and all.

There a rule is a linear recursion ``x' = M x + noise of covariance Q``, whose stationary covariance solves
``S = M S M^T + Q``. What adapts (a thermostat's friction, the estimate of the gradient's covariance) is put at the
value where it stands still, its own fluctuations left out: exact in the limit of many weights and long averages.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from scipy.linalg import solve_discrete_lyapunov
from scipy.optimize import brentq

from steadygan.core.optimizers import Ccadl, Psgld, Sghmc, Sgld, SgldCc, Sgnht

ROUNDS = 1000
"""Of the fixed-point iterations, at most; enough where the estimate's feedback on itself is below 0.97."""


def sgld(rule: Sgld, curvature: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return ``S`` of ``A S + S A - eps A S A = 2 T I + eps N``.

    Args:
        rule: with plain numbers.
        curvature: ``[d, d]`` of ``num_data loss``; the prior's is added.
        noise: ``N [d, d]``, covariance of the gradient of ``U``.
    """
    size = len(curvature)
    total = curvature + rule.prior_precision * np.eye(size)
    eps = float(rule.step_size)
    return _overdamped(eps, total, 2 * eps * rule.temperature * np.eye(size), noise)


def sgld_cc(rule: SgldCc, curvature: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``S``, and the covariance ``C [d, d]`` that the rule estimates and uses; arguments as for ``sgld``.

    With ``A`` the curvature without the prior and ``D`` the covariance of a step, half the outer square of the
    difference of two gradients has the mean ``N + eps (A N + N A) / 2 + A D A / 2``: a gradient's noise also moves the
    next gradient. From per-sample gradients ``N`` itself is estimated.
    """
    size, eps = len(curvature), float(rule.step_size)
    total = curvature + rule.prior_precision * np.eye(size)
    factor = {"sample": rule.batch_size, "mean": 1.0, "sum": rule.num_data**2}[rule.scale] / rule.num_data**2
    heat = 2 * eps * rule.temperature

    def covariance(used: np.ndarray) -> np.ndarray:
        injected = heat * used if rule.interpretation == "literal" else heat * np.eye(size) - eps**2 * used
        return _overdamped(eps, total, injected, noise)

    def estimate(used: np.ndarray) -> np.ndarray:
        step = eps * (total @ covariance(used) + covariance(used) @ total)
        moved = eps * (curvature @ noise + noise @ curvature) / 2 + curvature @ step @ curvature / 2
        return factor * _form(rule.covariance, noise if rule.per_sample else noise + moved)

    used = _settled(estimate, np.zeros((size, size)))
    return covariance(used), used


def psgld(rule: Psgld, curvature: float, noise: float, pull: float = 0.0) -> float:
    """Return the variance of one weight, with the preconditioner at its mean (exact for ``alpha -> 1``).

    ``x' = (1 - eps G a) x + sqrt(2 eps T G) eta + eps G s xi``; the gradient of ``loss``, whose mean square ``G`` is
    made of, has the mean ``pull / num_data`` and scatters with ``x`` and with its noise.
    """
    total = curvature + rule.prior_precision

    def covariance(variance: np.ndarray) -> np.ndarray:
        square = (pull**2 + curvature**2 * variance + noise) / rule.num_data**2
        step = rule.step_size / (rule.eps + np.sqrt(square))
        return (rule.temperature + step * noise / 2) / (total * (1 - step * total / 2))

    return float(_settled(covariance, np.array(rule.temperature / total)))


def sghmc(rule: Sghmc, curvature: float, noise: float) -> np.ndarray:
    """Return ``[2, 2]``, of (place, momentum), for one weight; ``noise`` is the variance of the gradient of ``U``."""
    h, friction, heat = (float(each) for each in (rule.step_size, rule.friction, rule.temperature))
    kick = np.array([[1, 0], [-h * (curvature + rule.prior_precision), 1 - h * friction]])
    injected = max(0.0, 2 * h * friction * heat - h * h * float(rule.gradient_noise))
    return _Recursion().then(kick, injected + h * h * noise).then(_drift(h)).covariance()


@dataclass(frozen=True)
class Settled:
    """A thermostat on independent quadratics, come to rest.

    Attributes:
        friction: ``xi``.
        covariances: ``[2, 2]`` for each weight, of (place, momentum) between the steps.
        noise: what each weight's gradient noise is taken for, 0 without covariance control.
    """

    friction: float
    covariances: list[np.ndarray]
    noise: np.ndarray


def thermostat(rule: Sgnht | Ccadl, curvature: float, noises: Sequence[float]) -> Settled:
    """Return how a thermostat settles on independent weights of one curvature.

    Their gradients of ``U`` have the variances ``noises``, each as many of one kind; so ``covariance=full`` is
    ``diagonal``.
    """

    def settle(friction: float) -> tuple[list["_Split"], np.ndarray]:
        def splits(known: np.ndarray) -> list[_Split]:
            return [_Split.of(rule, curvature, *pair, friction) for pair in zip(noises, known)]

        known = np.zeros(len(noises))
        if isinstance(rule, Ccadl):
            form, per_sample = rule.covariance, rule.per_sample

            def estimate(known: np.ndarray) -> np.ndarray:
                observed = noises if per_sample else [split.observed for split in splits(known)]
                return _form(form, np.diag(observed)).diagonal()

            known = _settled(estimate, known)
        return splits(known), known

    def heat(friction: float) -> float:
        return float(np.mean([split.temperature for split in settle(friction)[0]])) - float(rule.temperature)

    diffusion = float(rule.diffusion)
    friction = float(brentq(heat, 1e-3 * diffusion, 100 * diffusion, xtol=1e-10))  # pyright: ignore[reportArgumentType] of the root alone
    splits, known = settle(friction)
    return Settled(friction, [split.covariance for split in splits], known)


@dataclass(frozen=True)
class _Recursion:
    """Linear maps one after the other, with noise added to the momentum."""

    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    noise: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))

    def then(self, matrix: np.ndarray, variance: float = 0.0) -> "_Recursion":
        return _Recursion(matrix @ self.matrix, matrix @ self.noise @ matrix.T + np.diag([0, variance]))

    def covariance(self) -> np.ndarray:
        return solve_discrete_lyapunov(self.matrix, self.noise)


@dataclass(frozen=True)
class _Split:
    """One weight under the splitting B A C D O D C A."""

    covariance: np.ndarray
    temperature: float
    observed: float

    @classmethod
    def of(cls, rule: Sgnht | Ccadl, curvature: float, noise: float, known: float, friction: float) -> "_Split":
        h, temperature = float(rule.step_size), float(rule.temperature)
        heat = float(rule.diffusion) * temperature
        damp = _scale(math.exp(-h * h * known / (4 * temperature)) if known else 1.0)
        relaxed = -heat * math.expm1(-2 * friction * h) / friction
        total = curvature + rule.prior_precision
        kicked = _Recursion().then(np.array([[1, 0], [-h * total, 1]]), h * h * noise)
        early = kicked.then(_drift(h / 2)).then(damp)
        late = early.then(_scale(math.exp(-friction * h)), relaxed)
        step_map = late.then(damp).then(_drift(h / 2))
        covariance = step_map.covariance()
        temperature = sum((part.matrix @ covariance @ part.matrix.T + part.noise)[1, 1] for part in (early, late)) / 2
        after_kick = reduce(np.matmul, [_drift(h / 2), damp, _scale(math.exp(-friction * h)), damp, _drift(h / 2)])
        moved = 2 * (covariance - step_map.matrix @ covariance)[0, 0]
        observed = noise + curvature**2 * moved / 2 + curvature * h * after_kick[0, 1] * noise
        return cls(covariance, temperature, observed)


def _settled(change: Callable[[np.ndarray], np.ndarray], value: np.ndarray) -> np.ndarray:
    """Return ``value = change(value)``, by going round."""
    for _ in range(ROUNDS):
        before, value = value, change(value)
        if np.allclose(before, value, rtol=1e-13, atol=0):
            break
    return value


def _drift(time: float) -> np.ndarray:
    return np.array([[1, time], [0, 1]])


def _scale(factor: float) -> np.ndarray:
    return np.diag([1.0, factor])


def _form(covariance: str, matrix: np.ndarray) -> np.ndarray:
    """Return the matrix restricted to the form ``covariance``: full, diagonal or scalar."""
    variances = matrix.diagonal()
    if covariance == "full":
        return matrix
    return np.diag(variances if covariance == "diagonal" else np.full_like(variances, variances.mean()))


def _overdamped(eps: float, total: np.ndarray, injected: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return ``x' = (1 - eps A) x + N(0, injected) + eps N(0, noise)``."""
    return solve_discrete_lyapunov(np.eye(len(total)) - eps * total, injected + eps**2 * noise)
