"""Alternating updates.

Reference: Goodfellow et al. (2014), algorithm 1, arXiv:1406.2661.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from steadygan.core.declare import declare, updates
from steadygan.core.games.base import Logs, Players, State
from steadygan.core.objective import StepBatch


@declare(n_critic=updates)
@dataclass(frozen=True)
class Alternating:
    """``n_critic`` updates of the discriminator, then one of the generator against the updated discriminator."""

    n_critic: int = 1

    def play(self, players: Players, state: State, batches: Mapping[str, tuple[StepBatch, ...]]) -> tuple[State, Logs]:
        for batch in batches["discriminator"]:
            critic = players.gradient("discriminator", state, batch)
            state = players.move("discriminator", state, critic, batch)
        (batch,) = batches["generator"]
        generator = players.gradient("generator", state, batch)
        return players.move("generator", state, generator, batch), {**critic.logs, **generator.logs}
