"""Theorems 2.5 and 2.6, checked.

Reference: Arjovsky and Bottou (2017), theorems 2.5 and 2.6, arXiv:1701.04862.
"""

from collections.abc import Iterator

import torch
from scipy.stats import cauchy as cauchy_distribution
from scipy.stats import kstest, norm
from torch import Tensor
from torch.distributions import Normal

from steadygan.analysis.studies.discriminator_training import composed, fresh
from steadygan.analysis.studies.output import Record
from steadygan.analysis.studies.perfect_discriminator.settings import Settings
from steadygan.analysis.studies.perfect_discriminator.variants import overrides
from steadygan.core.autodiff import forward_mode
from steadygan.core.draws import generator, normal_like
from steadygan.theory.frozen import cauchy_scale, divergence_gradient, nonsaturating_gradient, white_noise_gradients
from steadygan.training.module import GANModule

LATENTS = 32
SIGMA_R, SIGMA_E = 0.3, 0.05


def cauchy(s: Settings) -> Iterator[Record]:
    """Yield the scale that theorem 2.6 gives for some parameters, and how well drawn gradients fit it.

    Kolmogorov and Smirnov's test against that distribution, nothing fitted; ``p_value_normal`` is that of the normal
    distribution with the draws' own mean and deviation, which is not theirs.
    """
    gan = fresh(composed(overrides(s, 0)))
    names, jacobian = parameter_jacobian(gan, s.coordinates)
    drawn = white_noise_gradients(jacobian, SIGMA_R, SIGMA_E, s.draws, generator(0, "theory/white_noise"))
    for name, scale, values in zip(names, cauchy_scale(jacobian, SIGMA_R, SIGMA_E), drawn.T):
        test = kstest(values.numpy(), cauchy_distribution(scale=float(scale)).cdf)
        gaussian = kstest(values.numpy(), norm(float(values.mean()), float(values.std())).cdf)
        yield {
            "kind": "cauchy",
            "parameter": name,
            "scale": float(scale),
            "statistic": float(test.statistic),
            "p_value": float(test.pvalue),
            "p_value_normal": float(gaussian.pvalue),
        }


def parameter_jacobian(gan: GANModule, count: int) -> tuple[list[str], Tensor]:
    """Return ``[count, LATENTS, d]``: derivatives of samples by parameters that reach them, drawn at random."""
    player = gan.state.generator
    params = {name: value.double() for name, value in player.params.items()}
    buffers = {name: value.double() if value.is_floating_point() else value for name, value in player.buffers.items()}
    source = generator(0, "theory/parameters")
    z = normal_like(source, (LATENTS, gan.latent), torch.float64)
    apply = gan.components.algorithm.networks.generator

    def samples(values: dict[str, Tensor]) -> Tensor:
        return apply(values, buffers, z)[0].flatten(1)

    names, columns, sizes = [], [], {name: value.numel() for name, value in params.items()}
    while len(names) < count:
        name = list(sizes)[int(torch.randint(len(sizes), (), generator=source))]
        index = int(torch.randint(sizes[name], (), generator=source))
        tangent = {key: torch.zeros_like(value) for key, value in params.items()}
        tangent[name].view(-1)[index] = 1.0
        with forward_mode():
            column = torch.func.jvp(samples, (params,), (tangent,))[1]
        if bool(column.norm(dim=1).min() > 0):  # a dead unit's weights move nothing
            names.append(f"{name}[{index}]")
            columns.append(column)
    return names, torch.stack(columns)


def identity() -> Iterator[Record]:
    """Both sides of theorem 2.5 for Gaussians on the line: data N(0, 1), a generator of some means and deviations."""
    x = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    log_p = Normal(torch.zeros((), dtype=torch.float64), 1.0).log_prob(x)
    for mean, std in ((0.5, 1.0), (-1.5, 0.7), (3.0, 1.2), (0.0, 2.0)):
        theta = torch.tensor([mean, std], dtype=torch.float64)
        theta[1] = theta[1].log()
        left, right = (side(theta, x, log_p) for side in (nonsaturating_gradient, divergence_gradient))
        yield {
            "kind": "identity",
            "mean": mean,
            "std": std,
            "gradient": left.tolist(),
            "divergences": right.tolist(),
            "difference": float((left - right).norm() / right.norm()),
        }
