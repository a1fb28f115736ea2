"""Games that differ only in the gradient a player follows: the order of the moves is a setting of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare, updates
from steadygan.core.games.base import Gradient, Logs, Players, State
from steadygan.core.objective import StepBatch

UPDATES = ("alternating", "simultaneous")


@declare(n_critic=updates)
@dataclass(frozen=True)
class Ordered:
    """``alternating``: ``n_critic`` moves of the discriminator, then one of the generator; ``simultaneous``: both
    players' gradients are taken at the same state, then both move.

    Raises:
        UserError: an unknown ``update``, or several moves of the discriminator in a simultaneous game.
    """

    n_critic: int = 1
    update: str = "alternating"

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.update not in UPDATES:
            raise bad_value("game.update", self.update, "no such order", UPDATES)
        if self.update == "simultaneous" and self.n_critic != 1:
            raise bad_value("game.n_critic", self.n_critic, "must be 1: in a simultaneous game both players move once")

    def gradient(
        self,
        players: Players,
        state: State,
        player: str,
        both: Mapping[str, StepBatch],
        spare: Sequence[StepBatch] = (),
    ) -> Gradient:
        """Return what ``player`` follows on its batch ``both[player]``; the other player's is there to look ahead.

        ``spare``: batches of the discriminator beyond ``n_critic``, where a game asks for them.
        """
        return players.gradient(player, state, both[player])

    def move(self, players: Players, state: State, player: str, gradient: Gradient, batch: StepBatch) -> State:
        """Return the state after ``player`` followed it."""
        return players.move(player, state, gradient, batch)

    def play(self, players: Players, state: State, batches: Mapping[str, tuple[StepBatch, ...]]) -> tuple[State, Logs]:
        """See the class."""
        (generator_batch,) = batches["generator"]
        own, spare = batches["discriminator"][: self.n_critic], batches["discriminator"][self.n_critic :]
        pairs = [{"discriminator": batch, "generator": generator_batch} for batch in own]
        if self.update == "simultaneous":
            return self._together(players, state, pairs[0], spare)
        for both in pairs:
            critic = self.gradient(players, state, "discriminator", both, spare)
            state = self.move(players, state, "discriminator", critic, both["discriminator"])
        generator = self.gradient(players, state, "generator", both, spare)
        state = self.move(players, state, "generator", generator, generator_batch)
        return state, {**critic.logs, **generator.logs}

    def _together(
        self, players: Players, state: State, both: Mapping[str, StepBatch], spare: Sequence[StepBatch]
    ) -> tuple[State, Logs]:
        critic, generator = (
            self.gradient(players, state, name, both, spare) for name in ("discriminator", "generator")
        )
        state = self.move(players, state, "discriminator", critic, both["discriminator"])
        state = self.move(players, state, "generator", generator, both["generator"])
        return state, {**critic.logs, **generator.logs}
