"""Unrolled GANs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from steadygan.core.declare import declare, looks
from steadygan.core.games.base import Gradient, Players, State
from steadygan.core.games.ordered import Ordered
from steadygan.core.objective import Turn


@declare(steps=looks)
@dataclass(frozen=True)
class Unrolled(Ordered):
    """The generator meets the discriminator that ``steps`` more updates would make of the present one, and its gradient
    goes through these updates (Metz et al. 2017; seed E7).

    The discriminator itself moves as ever; the updates looked at are forgotten. They are those of its update rule,
    each on a batch of its own. With ``steps=0`` this is the plain alternating or simultaneous game, bit for bit.

    Attributes:
        steps: updates of the discriminator that the generator looks ahead.
    """

    steps: int = 5

    @property
    def critic_turns(self) -> int:
        """Turns of the discriminator that are dealt: those it moves in, then those looked ahead."""
        return self.n_critic + self.steps

    def gradient(
        self, players: Players, state: State, player: str, both: Mapping[str, Turn], spare: Sequence[Turn] = ()
    ) -> Gradient:
        """See the class."""
        if player == "discriminator" or not spare:
            return players.gradient(player, state, both[player])
        return players.gradient(player, state, both[player], partial(_ahead, spare))


def _ahead(turns: Sequence[Turn], players: Players, state: State) -> State:
    for turn in turns:
        state = players.move("discriminator", state, players.gradient("discriminator", state, turn), turn)
    return state
