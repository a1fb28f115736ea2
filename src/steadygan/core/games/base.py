"""What a game is given and what it does.

A game decides in which order the players move. It sees gradients and moves, never the inside of a loss.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from steadygan.core.objective import Turn
from steadygan.core.types import Tensors

State = dict[str, Any]
"""A nested dict of tensors: ``generator`` and ``discriminator`` (``params``, ``buffers``, ``rule``), ``ema``."""

Logs = dict[str, Any]


class Gradient(NamedTuple):
    """One player's gradient at a state, what to log of it, and the player's buffers after it."""

    grads: Tensors
    logs: Logs
    buffers: Tensors


class Players(Protocol):
    """The two players, as the engine offers them to a game."""

    def gradient(self, player: str, state: State, turn: Turn) -> Gradient:
        """The gradient of ``player``'s objective by its own parameters; changes nothing."""

    def move(self, player: str, state: State, gradient: Gradient, turn: Turn) -> State:
        """The state after ``player`` followed its update rule."""


class Game(Protocol):
    """One iteration: one update of the generator."""

    n_critic: int

    def play(self, players: Players, state: State, turns: Mapping[str, tuple[Turn, ...]]) -> tuple[State, Logs]:
        """The state after one iteration; ``turns`` holds ``n_critic`` turns of the discriminator and one of the
        generator."""
