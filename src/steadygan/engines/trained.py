"""A GAN in training, as checkpoints, metrics and pictures see it, whichever engine trains it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from steadygan.core.games import State
from steadygan.core.types import Apply
from steadygan.engines.functional import functional
from steadygan.engines.step import PLAYERS
from steadygan.engines.window import Window


class Trained:
    """The networks of a training state (see ``steadygan.engines.step``) and how far they are.

    Attributes:
        state: the state after ``iteration`` iterations.
        diverged_at: the iteration whose logs were not finite; the state is the one before it.
        window: the logs since the last row.
    """

    state: State
    iteration: int
    diverged_at: int | None
    window: Window
    seed: int
    latent: int
    device: torch.device
    float_type: torch.dtype
    _sampler: Apply
    _critic: Apply

    def _evaluate_with(self, networks: Mapping[str, nn.Module]) -> None:
        """Take the networks for ``sample`` and ``critic``."""
        self.latent = networks["generator"].latent
        evaluated = {name: functional(deepcopy(network).eval()) for name, network in networks.items()}
        self._sampler, self._critic = evaluated["generator"], evaluated["discriminator"]

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """``generator.*``, ``discriminator.*`` and ``generator_ema.*``, parameters and buffers."""
        players = {player: {**self.state[player]["params"], **self.state[player]["buffers"]} for player in PLAYERS}
        players["generator_ema"] = self.state["ema"]
        return {f"{player}.{name}": value for player, values in players.items() for name, value in values.items()}

    @torch.no_grad()
    def sample(self, latents: Tensor, ema: bool = True) -> Tensor:
        """Generated examples ``[n, *shape]`` for latents ``[n, latent]``, with the averaged generator by default."""
        own = self.state["generator"]
        values = self.state["ema"] if ema else {**own["params"], **own["buffers"]}
        return self._sampler(values, values, latents)[0]

    def critic(self, x: Tensor) -> Tensor:
        """The discriminator's logits ``[n]``, without input noise."""
        own = self.state["discriminator"]
        return self._critic(own["params"], own["buffers"], x)[0]
