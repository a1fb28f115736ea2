"""What a discriminator that stands still leaves: theorems 2.5 and 2.6 of Arjovsky & Bottou 2017."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import cauchy, kstest, norm
from torch.distributions import Normal

from steadygan.theory.frozen import cauchy_scale, divergence_gradient, nonsaturating_gradient, white_noise_gradients

X = torch.linspace(-25, 25, 40_001, dtype=torch.float64)
LOG_P = Normal(torch.zeros((), dtype=torch.float64), 1.0).log_prob(X)


def theta(mean, std):
    return torch.tensor([mean, math.log(std)], dtype=torch.float64)


@pytest.mark.parametrize(("mean", "std"), [(0.7, 1.3), (-2.0, 0.5), (4.0, 1.0)])
def test_the_gradient_by_scipy(mean, std):
    """By reparametrisation: E of the slope of -log D at mean + std z, times 1 and std z."""

    def slope(x):
        log_ratio = norm.logpdf(x, mean, std) - norm.logpdf(x)
        inner = -(x - mean) / std**2 + x
        return inner / (1 + math.exp(-log_ratio))

    def expectation(weight):
        return quad(lambda z: norm.pdf(z) * slope(mean + std * z) * weight(z), -12, 12, limit=400)[0]

    expected = [expectation(lambda z: 1.0), expectation(lambda z: std * z)]
    assert nonsaturating_gradient(theta(mean, std), X, LOG_P).tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("mean", "std"), [(0.7, 1.3), (-2.0, 0.5), (4.0, 1.0)])
def test_it_is_that_of_the_divergences(mean, std):
    ours, theirs = (side(theta(mean, std), X, LOG_P) for side in (nonsaturating_gradient, divergence_gradient))
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-8, abs=1e-12)


def test_the_divergences_by_differences_of_scipys():
    def value(mean):
        q, p = (lambda x: norm.pdf(x, mean, 1.3)), norm.pdf
        kl = quad(lambda x: q(x) * (norm.logpdf(x, mean, 1.3) - norm.logpdf(x)), -20, 20, limit=400)[0]
        parts = [
            quad(lambda x, f=f: f(x) * math.log(2 * f(x) / (p(x) + q(x))) if f(x) > 0 else 0.0, -20, 20, limit=400)[0]
            for f in (p, q)
        ]
        return kl - 2 * 0.5 * sum(parts)

    slope = (value(0.7 + 1e-4) - value(0.7 - 1e-4)) / 2e-4
    assert float(divergence_gradient(theta(0.7, 1.3), X, LOG_P)[0]) == pytest.approx(slope, rel=1e-5)


def test_white_noise_has_cauchys_law_with_the_scale_of_the_theorem_and_no_other():
    source = torch.Generator().manual_seed(0)
    jacobian = torch.randn(3, 7, 2, generator=source, dtype=torch.float64) * torch.tensor([[[1.0]], [[5.0]], [[0.2]]])
    drawn = white_noise_gradients(jacobian, 0.3, 0.05, 20_000, source).numpy()
    by_hand = 0.3 / 0.05 * np.linalg.norm(jacobian.numpy(), axis=2).mean(1)
    scale = cauchy_scale(jacobian, 0.3, 0.05).numpy()
    assert scale == pytest.approx(by_hand)
    for values, own in zip(drawn.T, scale):
        assert kstest(values, cauchy(scale=own).cdf).pvalue > 0.001
        assert kstest(values, cauchy(scale=1.2 * own).cdf).pvalue < 1e-4
        assert kstest(values, norm(values.mean(), values.std()).cdf).pvalue < 1e-10
