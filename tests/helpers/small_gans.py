"""Small GANs to linearise."""

import torch

from steadygan.analysis.linearised import Scene
from steadygan.analysis.studies.dirac.settings import Settings
from steadygan.analysis.studies.dirac.systems import System, methods
from steadygan.analysis.studies.discriminator_training import composed, fresh
from steadygan.config.node import PLAYERS
from steadygan.core.state import PlayerState, State

SMALL = ["network.width=5", "network.depth=3", "network.latent=2", "network.activation=tanh"]


def small(*overrides, iterations=3):
    """A small GAN after some iterations."""
    gan = fresh(composed([*SMALL, *overrides]))
    for t in range(iterations):
        gan.advance(t)
    return gan


def dirac(name, update="simultaneous", numbers=None, h=0.1, x=(0.0, 0.0), n_critic=1):
    """The Dirac-GAN of ``steadygan theory dirac`` as a scene."""
    system = System(methods(numbers or Settings())[name], update, 0.0, n_critic)
    game = system.game()
    algorithm = system.algorithm(h, game, heat=0.0)
    theta, psi = (torch.tensor([value], dtype=torch.float64) for value in x)
    params = {"generator": {"theta": theta}, "discriminator": {"psi": psi}}
    buffers = {"generator": {"spread": torch.zeros((), dtype=torch.float64)}, "discriminator": {}}
    players = {player: PlayerState(params[player], buffers[player], algorithm.rules[player].init(params[player]))
               for player in PLAYERS}  # fmt: skip
    state = State(**players, ema=params["generator"] | buffers["generator"], last=params)
    if hasattr(game, "init"):
        state = state._replace(game=game.init(params))
    return Scene(algorithm, state, system._batches(game, None), 0)
