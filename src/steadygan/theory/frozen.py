"""Gradients of a generator whose discriminator does not follow it.

Distributions on the line, by the trapezoidal rule in float64, and the distribution of a gradient under white noise.

Reference: Arjovsky and Bottou (2017), theorems 2.5 and 2.6, arXiv:1701.04862.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal


def nonsaturating_gradient(theta: Tensor, x: Tensor, log_p: Tensor) -> Tensor:
    """Return ``[2]``: the gradient of ``E -log D(g(z))`` by ``(mean, log std)``, ``D = p / (p + q)`` held fixed.

    The generator's distribution ``q`` is N(mean, std^2). The expectation is the integral of ``q_theta (-log D)``, so
    that the gradient by reparametrisation and this one are the same.

    Args:
        theta: ``[2]``.
        x: ``[n]``, a grid that covers both distributions.
        log_p: ``[n]``, the data's log density there.
    """
    surprise = torch.nn.functional.softplus(_log_q(theta, x) - log_p)  # -log p / (p + q)
    return _gradient(lambda parameters: torch.trapezoid(_log_q(parameters, x).exp() * surprise, x), theta)


def divergence_gradient(theta: Tensor, x: Tensor, log_p: Tensor) -> Tensor:
    """Return ``[2]``: the gradient of ``KL(q, p) - 2 JSD(q, p)`` by ``theta``, which theorem 2.5 says is the same.

    The Jensen-Shannon divergence is with its halves, ``1/2 KL(p, m) + 1/2 KL(q, m)``.
    """

    def value(parameters: Tensor) -> Tensor:
        log_q = _log_q(parameters, x)
        log_m = torch.logaddexp(log_p, log_q) - torch.log(torch.tensor(2.0, dtype=x.dtype))
        kl = log_q.exp() * (log_q - log_p)
        doubled = log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)
        return torch.trapezoid(kl - doubled, x)

    return _gradient(value, theta)


def _log_q(theta: Tensor, x: Tensor) -> Tensor:
    mean, log_std = theta
    return Normal(mean, log_std.exp()).log_prob(x)


def _gradient(value: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    parameters = theta.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(parameters), parameters)
    return gradient


def white_noise_gradients(
    jacobian: Tensor, sigma_r: float, sigma_e: float, count: int, generator: torch.Generator
) -> Tensor:
    """Return ``[count, P]``: draws of the gradient of ``E -log D(g(z))`` where ``D`` is but noise (theorem 2.6).

    On the support of the generator ``D = e`` and ``grad D = r`` with independent white noises of both signs; the
    gradient by a parameter is the mean over z of ``-(d g(z) . r(z)) / e(z)``.

    Args:
        jacobian: ``[P, n, d]``, ``d g(z)`` of the parameters at ``n`` latents.
        sigma_r: of the noise of the gradient, in each coordinate.
        sigma_e: of the noise of D.
        count: draws.
        generator: of the noise.
    """
    _, latents, dim = jacobian.shape
    draws = []
    for _ in range(count):
        r = sigma_r * torch.randn(latents, dim, generator=generator, dtype=jacobian.dtype)
        e = sigma_e * torch.randn(latents, generator=generator, dtype=jacobian.dtype)
        draws.append(-(torch.einsum("pnd,nd->pn", jacobian, r) / e).mean(1))
    return torch.stack(draws)


def cauchy_scale(jacobian: Tensor, sigma_r: float, sigma_e: float) -> Tensor:
    """Return ``[P]``: the scale of the Cauchy distribution of these draws, ``sigma_r / sigma_e`` mean ``|d g(z)|``.

    ``d g(z) . r`` is N(0, sigma_r^2 |d g(z)|^2), its ratio to ``e`` Cauchy with scale ``sigma_r |d g(z)| / sigma_e``,
    and scales of independent Cauchy variables add.
    """
    return sigma_r / sigma_e * jacobian.norm(dim=2).mean(1)
