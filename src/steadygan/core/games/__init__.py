"""Games: the order in which the players move."""

from steadygan.core.games.base import Batches, Game, Gradient, Logs, LookaheadFn, Players, State
from steadygan.core.games.consensus import Consensus
from steadygan.core.games.extragradient import Extragradient
from steadygan.core.games.lookahead import Lookahead
from steadygan.core.games.optimistic import Optimistic
from steadygan.core.games.ordered import Alternating, Simultaneous
from steadygan.core.games.ratio import Ratio
from steadygan.core.games.sga import Sga
from steadygan.core.games.unrolled import Unrolled

__all__ = [
    "Alternating",
    "Batches",
    "Consensus",
    "Extragradient",
    "Game",
    "Gradient",
    "Logs",
    "Lookahead",
    "LookaheadFn",
    "Optimistic",
    "Players",
    "Ratio",
    "Sga",
    "Simultaneous",
    "State",
    "Unrolled",
]
