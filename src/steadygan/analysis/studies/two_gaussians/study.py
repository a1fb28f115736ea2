"""``steadygan theory two-gaussians``.

The data and the generated samples are two Gaussians on the line, and stay so. A discriminator of the first GAN and two
critics are trained between them to the end. The optimal discriminator is known, ``p / (p + q)``: it is flat where one
of the distributions is alone, so that the generator's gradient there is nothing. A critic has to have a slope
everywhere between them.

Reference: Arjovsky et al. (2017), figure 2, arXiv:1701.07875.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor
from torch.distributions import Normal

from steadygan.analysis.studies.discriminator_training import composed, fresh, players_of, train_discriminator
from steadygan.analysis.studies.output import Record, list_files, write
from steadygan.analysis.studies.two_gaussians.settings import Settings
from steadygan.figures.spec import Axis, Band, Figure, Line, Mark, Panel
from steadygan.figures.style import COLOURS, Style
from steadygan.training.module import GANModule

CRITICS = {
    "discriminator": ["method=minimax", "+schedule@optimizer.discriminator.lr=linear"],
    "wgan": ["method=wgan", "regularizer.weight_clip.value=0.1"],
    "wgan_gp": ["method=wgan_gp"],
}
"""The algorithms; the discriminator's rate falls to 0, so that what it reaches is not blurred by its last batches."""

POINTS = 241
REACH = 4.0
"""Standard deviations beyond the means that are looked at."""


def run(folder: Path, settings: Settings, report: Callable[[str], None]) -> None:
    """Write ``results.json`` and ``two_gaussians.png`` into ``folder``."""
    torch.set_num_threads(1)
    results = [record(name, settings) for name in CRITICS]
    write(folder, results, two_gaussians=figure(results, settings))
    report(f"{'':16}{'slope at the fakes':>20}{'generator gradient':>20}{'error':>10}")
    for one in results:
        error = "" if one["error"] is None else f"{one['error']:.4f}"
        report(f"{one['method']:16}{one['slope_at_fakes']:20.3g}{one['generator_gradient']:20.3g}{error:>10}")
    list_files(folder, report)


def record(name: str, s: Settings) -> Record:
    """Train one critic to the end; return its values and slopes on a grid, and what the generator has of it.

    Keys: ``method``; ``x``, ``value`` (of a discriminator the probability of being real, of a critic the critic) and
    ``slope`` of it; ``slope_at_fakes``, the mean size of the slope over fakes; ``slope_between``, the smallest and the
    largest slope between the means; ``generator_gradient``, by the mean of the generator's distribution; ``optimal``,
    the best discriminator, and ``error``, its mean distance from it under the mean of both distributions (both null for
    a critic).
    """
    gan = trained(name, s)
    x = grid(s)
    value, slope = seen(gan, x, probability=name == "discriminator")
    fakes = Normal(s.fake_mean, s.std).icdf((torch.arange(200) + 0.5) / 200)[:, None]
    between = (x[:, 0] >= min(s.real_mean, s.fake_mean)) & (x[:, 0] <= max(s.real_mean, s.fake_mean))
    known = name == "discriminator"
    return {
        "method": name,
        "x": x[:, 0].tolist(),
        "value": value.tolist(),
        "slope": slope.tolist(),
        "slope_at_fakes": float(seen(gan, fakes, known)[1].abs().mean()),
        "slope_between": [float(slope[between].abs().min()), float(slope[between].abs().max())],
        "generator_gradient": generator_gradient(gan, s),
        "optimal": optimal(x[:, 0], s).tolist() if known else None,
        "error": error(x[:, 0], value, s) if known else None,
    }


def trained(name: str, s: Settings) -> GANModule:
    """Return the GAN with this critic at its end; its generator has not moved."""
    rate = [f"optimizer.discriminator.lr.{key}={value}" for key, value in
            {"start": 3e-3, "end": 0.0, "finish": s.iterations}.items()] if name == "discriminator" else []  # fmt: skip
    overrides = [
        *CRITICS[name],
        *rate,
        *["dataset=gaussian", "dataset.dim=1", f"dataset.mean={s.real_mean}", f"dataset.std={s.std}"],
        *["network.activation=silu", f"network.width={s.width}", f"batch_size={s.batch_size}", f"seed={s.seed}"],
    ]
    config = composed(overrides)
    fixed = {"_target_": "steadygan.analysis.studies.two_gaussians.fixed.Fixed", "_partial_": True}
    config["network"]["generator"] = {**fixed, "mean": s.fake_mean, "std": s.std}
    gan = fresh(config)
    train_discriminator(gan, 0, s.iterations)
    return gan


def grid(s: Settings) -> Tensor:
    """Return ``[POINTS, 1]``."""
    ends = sorted((s.real_mean, s.fake_mean))
    return torch.linspace(ends[0] - REACH * s.std, ends[1] + REACH * s.std, POINTS)[:, None]


def seen(gan: GANModule, x: Tensor, probability: bool) -> tuple[Tensor, Tensor]:
    """Return the critic's value ``[n]`` at ``x [n, 1]`` and its slope; or those of a discriminator's probability."""
    x = x.clone().requires_grad_()
    value = gan.critic(x)
    value = torch.sigmoid(value) if probability else value
    (slope,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), slope[:, 0]


def generator_gradient(gan: GANModule, s: Settings) -> float:
    """Return the size of the gradient of the generator's loss by the mean of its distribution."""
    params = gan.state.params()
    (batch,) = gan.sampler.sample(s.iterations, params)["generator"]
    return float(players_of(gan, s.iterations).gradient("generator", gan.state, batch).grads["mean"].abs())


def optimal(x: Tensor, s: Settings) -> Tensor:
    """Return ``p / (p + q)``.

    Reference: Goodfellow et al. (2014), proposition 1, arXiv:1406.2661.
    """
    p, q = (Normal(mean, s.std).log_prob(x) for mean in (s.real_mean, s.fake_mean))
    return torch.sigmoid(p - q)


def error(x: Tensor, value: Tensor, s: Settings) -> float:
    """Return the mean of ``|D - p / (p + q)|`` under ``(p + q) / 2``, by the trapezoidal rule."""
    density = sum(Normal(mean, s.std).log_prob(x).exp() for mean in (s.real_mean, s.fake_mean)) / 2
    return float(torch.trapezoid((value - optimal(x, s)).abs() * density, x))


LABELS = {"discriminator": "discriminator", "wgan": "WGAN critic, clipped", "wgan_gp": "WGAN-GP critic"}


def figure(results: Sequence[Record], s: Settings) -> Figure:
    """Return both distributions and the critics, each over its own range; below, what slope each has."""
    x = np.array(results[0]["x"])
    values: list[Mark] = []
    slopes: list[Mark] = []
    for mean, label, colour in ((s.real_mean, "data", COLOURS[5]), (s.fake_mean, "generated", COLOURS[2])):
        density = norm.pdf(x, mean, s.std)
        values.append(Band(x=x, low=0 * x, high=density / density.max() / 2, style=Style(colour), name=label))
    for one, colour in zip(results, (COLOURS[0], COLOURS[1], COLOURS[3])):
        value, style, label = np.array(one["value"]), Style(colour), LABELS[one["method"]]
        low, high = (0, 1) if one["optimal"] else (value.min(), value.max())
        values.append(Line(x=x, y=(value - low) / max(high - low, 1e-12), style=style, name=label))
        slopes.append(Line(x=x, y=np.maximum(np.abs(one["slope"]), 1e-8), style=style, name=label))
        if one["optimal"]:
            values.append(Line(x=x, y=one["optimal"], style=Style("#000000", "dot"), name="p / (p + q)"))
    upper = Panel(values, y=Axis("value, over its range"))
    return Figure([upper, Panel(slopes, Axis("x"), Axis("size of the slope", "log"))], width=9, height=5.4, shared=True)
