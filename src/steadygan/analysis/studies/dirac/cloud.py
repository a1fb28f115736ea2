"""Two dimensions: points in training and the field that drives them, unregularised against penalised."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from steadygan.config.node import PLAYERS
from steadygan.core.autodiff import AutogradBackend
from steadygan.core.draws import generator, no_noise, normal_like
from steadygan.core.ema import Ema
from steadygan.core.games import Alternating
from steadygan.core.losses import NonSaturating
from steadygan.core.noise import identity
from steadygan.core.objective import Objective
from steadygan.core.optimizers import Adam
from steadygan.core.regularizers import r1
from steadygan.core.types import Networks, Penalty
from steadygan.data.curves import Circle
from steadygan.networks.mlp import Discriminator, Generator
from steadygan.pictures.field import gradients
from steadygan.training.algorithm import Algorithm, initial_state
from steadygan.training.batches import BatchSampler, SamplingSpec
from steadygan.training.functional import tensors
from steadygan.training.networks import as_functions, build_networks
from steadygan.training.step import step

LATENT, WIDTH, BATCH, POINTS, FRAMES = 4, 48, 128, 200, 40
EXTENT, ARROWS = 1.8, 15
GAMMA = 1.0


@dataclass(frozen=True)
class Film:
    """One training, frame by frame.

    Attributes:
        name: of the method.
        iterations: of each frame.
        points: generated, ``[frames, POINTS, 2]``.
        arrows: the gradient of the logit on the grid, ``[frames, ARROWS^2, 2]``.
    """

    name: str
    iterations: list[int]
    points: Tensor
    arrows: Tensor


def grid() -> Tensor:
    """Return ``[ARROWS^2, 2]``: where the arrows are."""
    axis = torch.linspace(-EXTENT, EXTENT, ARROWS)
    return torch.cartesian_prod(axis, axis)


def films(iterations: int, seed: int) -> list[Film]:
    """Return the non-saturating GAN on a circle, without a penalty and with R1, from the same weights and draws."""
    return [
        film("unregularised", {}, iterations, seed),
        film(f"R1, gamma = {GAMMA:g}", {"r1": partial(r1, gamma=GAMMA)}, iterations, seed),
    ]


def players(seed: int) -> dict[str, nn.Module]:
    """Both networks before the training."""
    builders: dict[str, Callable] = {
        "generator": partial(Generator, latent=LATENT, width=WIDTH, depth=3),
        "discriminator": partial(Discriminator, width=WIDTH, depth=3),
    }
    return build_networks(builders, Circle.shape, seed, torch.float32)


def film(name: str, penalties: dict[str, Penalty], iterations: int, seed: int) -> Film:
    """Train and watch."""
    data, networks = Circle(), players(seed)
    rule = Adam(lr=2e-3, beta1=0.9, beta2=0.99)  # momentum makes the rotation plain
    algorithm = Algorithm(
        Networks(**as_functions(networks, bf16=False)),
        Objective(NonSaturating(), penalties, identity),
        dict.fromkeys(PLAYERS, rule),
        {},
        Alternating(),
        Ema(0.0),
    )
    sampling = SamplingSpec.of(algorithm, no_noise, 1, dict.fromkeys(penalties, no_noise), data.shape)
    sampler = BatchSampler(data, sampling, LATENT, seed, BATCH, torch.device("cpu"), torch.float32)
    state = initial_state(algorithm, {player: tensors(network) for player, network in networks.items()})
    z = normal_like(generator(seed, "cloud"), (POINTS, LATENT), torch.float32)
    seen, points, arrows = [], [], []
    due = {round(index * iterations / (FRAMES - 1)) for index in range(FRAMES)}
    for t in range(iterations + 1):
        if t in due:
            made, critic = state.generator, state.discriminator
            seen.append(t)
            points.append(algorithm.networks.generator(made.params, made.buffers, z)[0])
            judge = partial(algorithm.networks.discriminator, critic.params, critic.buffers)
            arrows.append(gradients(lambda x, judge=judge: judge(x)[0], grid()))
        state, _ = step(algorithm, AutogradBackend(), state, sampler.sample(t, state.params()), t)
    return Film(name, seen, torch.stack(points), torch.stack(arrows))
