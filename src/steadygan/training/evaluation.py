"""Metrics of a generator, or of several: samples once, all metrics over them."""

import itertools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from steadygan.config.protocols import numbers
from steadygan.core.draws import generator, normal_like
from steadygan.metrics.base import Metric
from steadygan.training.components import RAW, Components
from steadygan.training.labelling import needs, of_samples
from steadygan.training.state import GANState

STREAM = "evaluate"


def evaluate(gan: GANState, metrics: Mapping[str, Metric], ema: bool = True) -> dict[str, float]:
    """Score the (averaged) generator by every metric.

    The latents are a function of the run's seed alone, so two evaluations of the same weights agree to the bit, and
    nothing here changes the training that follows. Several processes generate a share of the samples each, show each
    metric a share of those that it wants, and all have the metric of all: torchmetrics joins the states.
    """
    if not metrics:
        return {}
    count = most(metrics)
    offers = {
        "samples": draw(gan, count, STREAM, ema) if count else None,
        "labels": gan.labels(count, STREAM) if count else None,
        "classifier": gan.classify,
    }
    values: dict[str, float] = {}
    for metric in metrics.values():
        values |= score(metric, offers, gan.ranks.share)
    return values


def both(gan: GANState, components: Components) -> dict[str, float]:
    """Score the averaged generator by every metric, and the raw one if the run asks for that."""
    values = evaluate(gan, components.metrics)
    if components.raw:
        raw = evaluate(gan, looking_at_samples(components.metrics), ema=False)
        values |= {f"{RAW}{name}": value for name, value in raw.items()}
    return values


def looking_at_samples(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return the metrics that differ between generators."""
    return {name: metric for name, metric in metrics.items() if of_samples(metric)}


def score(
    metric: Metric, offers: Mapping[str, object], share: Callable[[Tensor], Tensor] = lambda shown: shown
) -> dict[str, float]:
    """Return the scores of one metric, from what it needs of ``offers``.

    Args:
        metric: takes the first ``metric.samples`` of each tensor.
        offers: ``samples [n, *shape]``, and what else there is by the names in ``metric.needs``.
        share: what this process shows it of a tensor.
    """
    metric.reset()
    metric.update(*(_first(offers[need], metric.samples, share) for need in needs(metric)))
    return numbers(f"metrics, {type(metric).__name__}", metric.compute())


def _first(shown: object, count: int, share: Callable[[Tensor], Tensor]) -> object:
    return share(shown[:count]) if isinstance(shown, Tensor) else shown


def score_many(metrics: Mapping[str, Metric], samples: Tensor) -> list[dict[str, float]]:
    """Score each of several generators by every metric, from their samples ``[K, n, *shape]``.

    A metric may offer ``compute_many(samples [K, its examples n, *shape])``, one dict a generator; the others take one
    generator after the other. All that look at one generator follow upon each other, so that those which share a
    feature network share its pass.
    """
    together = {
        name: compute_many(samples[:, : metric.samples])
        for name, metric in metrics.items()
        if (compute_many := getattr(metric, "compute_many", None))
    }
    values: list[dict[str, float]] = []
    for index, examples in enumerate(samples):
        scores: dict[str, float] = {}
        for name, metric in metrics.items():
            scores |= together[name][index] if name in together else score(metric, {"samples": examples})
        values.append(scores)
    return values


def most(metrics: Mapping[str, Metric]) -> int:
    """Return how many samples the metrics take."""
    return max(metric.samples for metric in metrics.values())


def latents(gan: GANState, count: int, stream: str, seed: int | None = None) -> Tensor:
    """Return ``[count, latent]``; the seed is the run's own unless given."""
    source = generator(gan.seed if seed is None else seed, stream, 0, gan.device)
    return normal_like(source, (count, gan.latent), gan.float_type)


def draw(gan: GANState, count: int, stream: str, ema: bool = True, seed: int | None = None) -> Tensor:
    """Return ``count`` generated examples ``[count, *shape]`` of ``latents``; a conditional GAN's of ``gan.labels``."""
    labels = gan.labels(count, stream, seed)
    latents_here = gan.ranks.share(latents(gan, count, stream, seed))
    return gan.ranks.gather(in_chunks(gan, latents_here, ema, None if labels is None else gan.ranks.share(labels)))


def in_chunks(gan: GANState, latents: Tensor, ema: bool, labels: Tensor | None = None) -> Tensor:
    """As ``gan.sample``, ``gan.batch`` at a time."""
    pairs = zip(latents.split(gan.batch), itertools.repeat(None) if labels is None else labels.split(gan.batch))
    return torch.cat([gan.sample(chunk, ema, label) for chunk, label in pairs])
