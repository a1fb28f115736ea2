"""Several moves of the generator to one of the discriminator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.declare import declare, updates
from steadygan.core.games.base import Gradient, Players
from steadygan.core.games.ordered import Ordered, Position
from steadygan.core.state import State
from steadygan.core.step_batch import Batches
from steadygan.core.types import Logs, Tensors, Tree

T = TypeVar("T")


@declare(critic_every=updates)
@dataclass(frozen=True)
class Ratio(Ordered):
    """The discriminator moves (``n_critic`` times) in one of ``critic_every`` iterations, first in the first.

    An iteration being one move of the generator, any ratio of both can be had. What is logged of the discriminator is
    computed in every iteration; where it does not move, neither its weights nor its rule's state, running statistics,
    last gradient and what penalties keep change.

    Attributes:
        critic_every: iterations.
    """

    counters: ClassVar[tuple[str, ...]] = ("iterations",)

    critic_every: int = 2

    def init(self, params: Mapping[str, Tensors]) -> Tree:
        """Return the iterations so far."""
        like = next(iter(params["generator"].values()))
        return {"iterations": torch.zeros((), dtype=torch.float64, device=like.device)}

    def move(self, player: str, at: Position, gradient: Gradient) -> State:
        """See the class."""
        moved, state = super().move(player, at, gradient), at.state
        if player == "generator":
            return moved
        due = torch.remainder(state.game["iterations"], self.critic_every) == 0
        return State._make(new if new is old else _choose(due, new, old) for new, old in zip(moved, state))

    def play(self, players: Players, state: State, batches: Batches) -> tuple[State, Logs]:
        """See the class."""
        state, logs = super().play(players, state, batches)
        return state._replace(game={"iterations": state.game["iterations"] + 1}), logs


def _choose(due: Tensor, yes: T, no: T) -> T:
    return tree_map(lambda new, old: torch.where(due, new, old) if isinstance(new, Tensor) else new, yes, no)
