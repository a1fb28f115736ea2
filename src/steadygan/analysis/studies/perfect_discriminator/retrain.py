"""A new discriminator against a generator that stands still, and what it leaves of the generator's gradient."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from steadygan.analysis.studies.discriminator_training import fresh, players_of, train_discriminator
from steadygan.analysis.studies.perfect_discriminator.settings import Settings
from steadygan.config.node import Config
from steadygan.core.diagnostics import flat
from steadygan.core.losses import Minimax, NonSaturating
from steadygan.core.objective import StepBatch
from steadygan.core.types import Loss
from steadygan.training.module import GANModule

Batches = dict[str, tuple[StepBatch, ...]]

UNSEEN = 10**6
"""The first iteration whose draws are looked at; no training comes there."""


class Look(NamedTuple):
    """At a discriminator after ``iteration`` iterations.

    ``accuracy`` and ``error`` (cross-entropy, in nats) by draws that it is not trained with, as it sees them; of the
    gradients by the generator's parameters of ``E log(1 - D)`` (saturating) and of ``E -log D`` (nonsaturating) the
    norm of the mean over batches and the variance of a batch's, summed over parameters.
    """

    iteration: int
    accuracy: float
    error: float
    saturating_norm: float
    saturating_variance: float
    nonsaturating_norm: float
    nonsaturating_variance: float


def retrain(frozen: GANModule, config: Config, s: Settings, seed: int) -> Iterator[Look]:
    """Train one from scratch, with other weights than the first one's; the generator is that of ``frozen``."""
    gan = fresh({**config, "seed": seed + 1000})
    gan.state = gan.state._replace(generator=frozen.state.generator)
    for first in range(0, s.iterations + 1, s.every):
        yield look(gan, first, s.batches)
        if first < s.iterations:
            train_discriminator(gan, first, min(s.every, s.iterations - first))


def look(gan: GANModule, iteration: int, batches: int) -> Look:
    """See ``Look``."""
    drawn = [gan.sampler.sample(UNSEEN + index, gan.state.params()) for index in range(batches)]
    players = players_of(gan, iteration)
    logs_of_batches = [players.gradient("discriminator", gan.state, batch["discriminator"][0]).logs for batch in drawn]
    accuracy, error = (
        float(torch.stack([logs[key] for logs in logs_of_batches]).mean())
        for key in ("accuracy/discriminator", "loss/discriminator")
    )
    spreads = [spread(gradients(gan, iteration, drawn, loss)) for loss in (Minimax(), NonSaturating())]
    return Look(iteration, accuracy, error, *spreads[0], *spreads[1])


def gradients(gan: GANModule, iteration: int, drawn: Sequence[Batches], loss: Loss) -> Tensor:
    """Return ``[batches, P]``: of the generator, under ``loss``."""
    players = players_of(gan, iteration)
    players = replace(
        players, algorithm=replace(players.algorithm, objective=replace(players.algorithm.objective, loss=loss))
    )
    made = [players.gradient("generator", gan.state, batch["generator"][0]).grads for batch in drawn]
    return torch.stack([flat(grads.values()) for grads in made]).double()


def spread(rows: Tensor) -> tuple[float, float]:
    """Return the norm of the mean of ``[n, P]``, and the trace of the covariance."""
    return float(rows.mean(0).norm()), float(rows.var(0).sum())
