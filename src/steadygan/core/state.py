"""The state of a GAN in training: nested NamedTuples of tensors, which torch's trees, ``vmap`` and graphs take."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from steadygan.config.node import PLAYERS
from steadygan.core.types import RuleState, Tensors, Tree


class PlayerState(NamedTuple):
    """One player's tensors, and the state of its update rule."""

    params: Tensors
    buffers: Tensors
    rule: RuleState

    @property
    def tensors(self) -> Tensors:
        """Parameters and buffers in one dict."""
        return {**self.params, **self.buffers}


class Stack(NamedTuple):
    """Discriminators side by side, ``[K, ...]`` each tensor; ``active [K]``: those that take part."""

    params: Tensors
    buffers: Tensors
    active: Tensor


class State(NamedTuple):
    """All that goes from one iteration to the next.

    ``last`` holds each player's gradient at its last update, ``ema`` the averaged generator. Empty where there is
    nothing of the kind: the game's own state, the states of penalties and noise by config key, past discriminators,
    and the progress of a training scheme.
    """

    generator: PlayerState
    discriminator: PlayerState
    ema: Tensors
    last: Mapping[str, Tensors]
    game: Tree = {}
    aux_state: Mapping[str, Tensors] = {}
    snapshots: Stack | tuple[()] = ()
    scheme: Tree = {}

    def of(self, player: str) -> PlayerState:
        """Return the state of a player."""
        return self.generator if player == "generator" else self.discriminator

    def with_player(self, player: str, state: PlayerState) -> "State":
        """Return the state with that of a player replaced."""
        return self._replace(**{player: state})

    def params(self) -> dict[str, Tensors]:
        """Return the parameters of both players."""
        return {player: self.of(player).params for player in PLAYERS}

    def with_params(self, params: Mapping[str, Tensors]) -> "State":
        """Return the state with other parameters of the players named."""
        return self._replace(**{player: self.of(player)._replace(params=own) for player, own in params.items()})
