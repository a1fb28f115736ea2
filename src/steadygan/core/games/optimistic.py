"""Optimistic updates."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from steadygan.core.declare import declare
from steadygan.core.games.base import Gradient
from steadygan.core.games.ordered import Ordered, Position
from steadygan.core.state import State
from steadygan.core.types import Tensors


@declare()
@dataclass(frozen=True)
class Optimistic(Ordered):
    """Extrapolate each update by the one before.

    ``w <- w + 2 u_t - u_{t-1}``, ``u_t`` what the update rule would add: with SGD optimistic mirror descent, with
    Adam the Optimistic Adam of Daskalakis et al. 2018 (their algorithm 1). ``u_0 = 0`` before the first move.

    The last ``u`` of each player is kept in ``state.game``. Noise in a rule (Langevin) is extrapolated with the
    rest.

    Attributes:
        update: ``simultaneous`` as in the paper, or ``alternating``.

    Reference: Daskalakis et al. (2018), algorithm 1, arXiv:1711.00141.
    """

    update: str = "simultaneous"

    def init(self, params: Mapping[str, Tensors]) -> dict[str, Tensors]:
        """Return a last move of 0."""
        return {
            player: {name: torch.zeros_like(value) for name, value in weights.items()}
            for player, weights in params.items()
        }

    def move(self, player: str, at: Position, gradient: Gradient) -> State:
        """See the class."""
        moved, state = super().move(player, at, gradient), at.state
        before, last = state.of(player).params, state.game[player]
        step = {name: value - before[name] for name, value in moved.of(player).params.items()}
        params = {name: value + 2 * step[name] - last[name] for name, value in before.items()}
        params = at.players.project(player, params, at.batches[player])
        return moved.with_params({player: params})._replace(game={**state.game, player: step})
