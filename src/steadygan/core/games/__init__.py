"""Games: the order in which the players move."""

from steadygan.core.games.alternating import Alternating
from steadygan.core.games.base import Game, Gradient, Logs, Players, State
from steadygan.core.games.simultaneous import Simultaneous

__all__ = ["Alternating", "Game", "Gradient", "Logs", "Players", "Simultaneous", "State"]
