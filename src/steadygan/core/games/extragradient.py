"""The extragradient method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steadygan.core.declare import declare
from steadygan.core.games.base import Gradient, Players, State
from steadygan.core.games.ordered import Ordered
from steadygan.core.objective import Turn


@declare()
@dataclass(frozen=True)
class Extragradient(Ordered):
    """Both players move, look where that leads, go back and follow the gradients found there (Korpelevich 1976; Gidel
    et al. 2019).

    Both gradients are of the same batch: with independent ones even a bilinear game may diverge (Mishchenko et al.
    2020). The move there is forgotten, the state of the update rule included.

    Attributes:
        update: ``simultaneous`` as in the papers; ``alternating``: each move looks ahead anew.
    """

    update: str = "simultaneous"

    def gradient(
        self, players: Players, state: State, player: str, both: Mapping[str, Turn], spare: Sequence[Turn] = ()
    ) -> Gradient:
        """See the class."""
        there = state
        for name, turn in both.items():
            there = players.move(name, there, players.gradient(name, state, turn), turn)
        return players.gradient(player, there, both[player])
