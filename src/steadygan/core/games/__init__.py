"""Games: the order in which the players move."""

from steadygan.core.games.base import Game, Gradient, LookaheadFn, Players
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
    "Consensus",
    "Extragradient",
    "Game",
    "Gradient",
    "Lookahead",
    "LookaheadFn",
    "Optimistic",
    "Players",
    "Ratio",
    "Sga",
    "Simultaneous",
    "Unrolled",
]
