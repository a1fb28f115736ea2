"""Games that differ only in the gradient a player follows: the order of the moves is a setting of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steadygan.core.declare import declare
from steadygan.core.declare import turns as turns_range
from steadygan.core.games.base import Gradient, Logs, Players, State
from steadygan.core.objective import Turn
from steadygan.errors import bad_value

UPDATES = ("alternating", "simultaneous")


@declare(n_critic=turns_range)
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
        self, players: Players, state: State, player: str, both: Mapping[str, Turn], spare: Sequence[Turn] = ()
    ) -> Gradient:
        """What ``player`` follows, in its turn ``both[player]``; the other's turn is there to look at the other.

        ``spare``: turns of the discriminator beyond ``n_critic``, where a game has them dealt.
        """
        return players.gradient(player, state, both[player])

    def move(self, players: Players, state: State, player: str, gradient: Gradient, turn: Turn) -> State:
        """The state after ``player`` followed it."""
        return players.move(player, state, gradient, turn)

    def play(self, players: Players, state: State, turns: Mapping[str, tuple[Turn, ...]]) -> tuple[State, Logs]:
        """See the class."""
        (generator_turn,) = turns["generator"]
        own, spare = turns["discriminator"][: self.n_critic], turns["discriminator"][self.n_critic :]
        pairs = [{"discriminator": turn, "generator": generator_turn} for turn in own]
        if self.update == "simultaneous":
            return self._together(players, state, pairs[0], spare)
        for both in pairs:
            critic = self.gradient(players, state, "discriminator", both, spare)
            state = self.move(players, state, "discriminator", critic, both["discriminator"])
        generator = self.gradient(players, state, "generator", both, spare)
        state = self.move(players, state, "generator", generator, generator_turn)
        return state, {**critic.logs, **generator.logs}

    def _together(
        self, players: Players, state: State, both: Mapping[str, Turn], spare: Sequence[Turn]
    ) -> tuple[State, Logs]:
        critic, generator = (
            self.gradient(players, state, name, both, spare) for name in ("discriminator", "generator")
        )
        state = self.move(players, state, "discriminator", critic, both["discriminator"])
        state = self.move(players, state, "generator", generator, both["generator"])
        return state, {**critic.logs, **generator.logs}
