"""A discriminator trained while the generator stands still, by the trainer's own moves."""

from collections.abc import Sequence

import torch

from steadygan.config.building import build
from steadygan.config.composition import compose
from steadygan.config.node import Config
from steadygan.core.autodiff import AutogradBackend
from steadygan.core.state import State
from steadygan.training.components import DTYPES
from steadygan.training.module import GANModule
from steadygan.training.players import AlgorithmPlayers

QUIET = ("logger=none", "metrics=[]")


def composed(overrides: Sequence[str]) -> Config:
    """Return the config of a run with these overrides that is not scored and not logged."""
    return compose([*overrides, *QUIET])


def fresh(config: Config) -> GANModule:
    """Return a GAN of a config before its first iteration, on the CPU, without files."""
    gan = GANModule(build(config), config["seed"], config["batch_size"], DTYPES[str(config["trainer"]["precision"])])
    gan.to_device(torch.device("cpu"))
    return gan


def players_of(gan: GANModule, t: int) -> AlgorithmPlayers:
    """Its players as they are in iteration ``t``."""
    return AlgorithmPlayers(gan.components.algorithm.at(t), AutogradBackend(), lambda grads: grads)


def train_discriminator(gan: GANModule, first: int, count: int) -> State:
    """Iterations ``first`` to ``first + count`` of the discriminator alone; the state is the GAN's from then on."""
    for t in range(first, first + count):
        players, state = players_of(gan, t), gan.state
        for batch in gan.sampler.sample(t, state.params())["discriminator"]:
            gradient = players.gradient("discriminator", state, batch)
            state = players.move("discriminator", state, gradient, batch)
        gan.state = state
    return gan.state
