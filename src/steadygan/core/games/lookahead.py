"""Lookahead for games."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.core.declare import count, declare, fraction
from steadygan.core.games.base import Players
from steadygan.core.games.ordered import Ordered
from steadygan.core.scalars import scalar
from steadygan.core.state import State
from steadygan.core.step_batch import Batches
from steadygan.core.types import Logs, Number, Tensors, Tree


@declare(every=count, alpha=fraction)
@dataclass(frozen=True)
class Lookahead(Ordered):
    """Average slow and fast weights of both players.

    Every ``every`` iterations both players go back to where they were that long ago, and from there ``alpha`` of the
    way to where they are.

    A cycle is cut by a chord that leads inwards. The update rules' own state goes on. What is kept in
    ``state.game`` is where both players were, and the iterations since.

    Attributes:
        every: iterations, the paper's k.
        alpha: the share of the way; 1 is the plain game.

    Reference: Chavdarova et al. (2021), algorithm 1, arXiv:2006.14567.
    """

    counters: ClassVar[tuple[str, ...]] = ("since",)

    every: Number = 5
    alpha: Number = 0.5

    def init(self, params: Mapping[str, Tensors]) -> Tree:
        """Return both players as they begin, and 0 iterations since."""
        like = next(iter(params["generator"].values()))
        slow = {player: {name: value.clone() for name, value in weights.items()} for player, weights in params.items()}
        return {"slow": slow, "since": torch.zeros((), dtype=torch.float64, device=like.device)}

    def play(self, players: Players, state: State, batches: Batches) -> tuple[State, Logs]:
        """See the class."""
        state, logs = super().play(players, state, batches)
        since = state.game["since"] + 1
        due = since >= self.every
        slow = {
            player: self._back(state.of(player).params, weights, due) for player, weights in state.game["slow"].items()
        }
        moved = {player: _choose(due, weights, state.of(player).params) for player, weights in slow.items()}
        game = {"slow": slow, "since": torch.where(due, 0.0, since)}
        return state.with_params(moved)._replace(game=game), logs

    def _back(self, now: Tensors, slow: Tensors, due: Tensor) -> Tensors:
        alpha = scalar(self.alpha, next(iter(now.values())))
        return _choose(due, {name: torch.lerp(value, now[name], alpha) for name, value in slow.items()}, slow)


def _choose(due: Tensor, yes: Tensors, no: Tensors) -> Tensors:
    return {name: torch.where(due, value, no[name]) for name, value in yes.items()}
