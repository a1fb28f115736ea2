"""Metrics of a generator: samples once, all metrics over them."""

from collections.abc import Mapping
from typing import Any

import torch

from steadygan.core.draws import generator, normal_like
from steadygan.engines.trained import Trained

CHUNK = 1000


def evaluate(gan: Trained, metrics: Mapping[str, Any], ema: bool = True) -> dict[str, float]:
    """Every metric of the (averaged) generator.

    The latents are a function of the run's seed alone, so two evaluations of the same weights agree to the bit, and
    nothing here changes the training that follows.
    """
    if not metrics:
        return {}
    samples = draw(gan, max(metric.samples for metric in metrics.values()), "evaluate", ema)
    values: dict[str, float] = {}
    for metric in metrics.values():
        metric.reset()
        metric.update(samples[: metric.samples])
        values |= {name: float(value) for name, value in metric.compute().items()}
    return values


def draw(gan: Trained, count: int, stream: str, ema: bool = True, seed: int | None = None) -> torch.Tensor:
    """``count`` generated examples ``[count, *shape]``; the seed is the run's own unless given."""
    source = generator(gan.seed if seed is None else seed, stream, 0, gan.device)
    latents = normal_like(source, (count, gan.latent), gan.float_type)
    return torch.cat([gan.sample(chunk, ema) for chunk in latents.split(CHUNK)])
