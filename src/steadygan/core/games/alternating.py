"""Alternating updates.

Reference: Goodfellow et al. (2014), algorithm 1, arXiv:1406.2661.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from steadygan.core.declare import declare
from steadygan.core.declare import turns as turns_range
from steadygan.core.games.base import Logs, Players, State
from steadygan.core.objective import Turn


@declare(n_critic=turns_range)
@dataclass(frozen=True)
class Alternating:
    """``n_critic`` updates of the discriminator, then one of the generator against the updated discriminator."""

    n_critic: int = 1

    def play(self, players: Players, state: State, turns: Mapping[str, tuple[Turn, ...]]) -> tuple[State, Logs]:
        for turn in turns["discriminator"]:
            critic = players.gradient("discriminator", state, turn)
            state = players.move("discriminator", state, critic, turn)
        (turn,) = turns["generator"]
        generator = players.gradient("generator", state, turn)
        return players.move("generator", state, generator, turn), {**critic.logs, **generator.logs}
