"""Simultaneous updates.

Reference: Mescheder et al. (2018), section 2, arXiv:1801.04406.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from steadygan.core.declare import Range, declare
from steadygan.core.games.base import Logs, Players, State
from steadygan.core.objective import StepBatch


@declare(n_critic=Range("must be 1: in a simultaneous game both players move once", low=1.0, high=1.0, structure=True))
@dataclass(frozen=True)
class Simultaneous:
    """Take both players' gradients at the same state, then update both."""

    n_critic: int = 1

    def play(self, players: Players, state: State, batches: Mapping[str, tuple[StepBatch, ...]]) -> tuple[State, Logs]:
        (critic_batch,), (generator_batch,) = batches["discriminator"], batches["generator"]
        critic = players.gradient("discriminator", state, critic_batch)
        generator = players.gradient("generator", state, generator_batch)
        state = players.move("discriminator", state, critic, critic_batch)
        state = players.move("generator", state, generator, generator_batch)
        return state, {**critic.logs, **generator.logs}
