"""Consensus optimisation."""

from dataclasses import dataclass
from typing import ClassVar

from steadygan.core.declare import declare, nonnegative
from steadygan.core.games.base import Gradient
from steadygan.core.games.ordered import Ordered, Position
from steadygan.core.scalars import scalar
from steadygan.core.types import Number


@declare(gamma=nonnegative)
@dataclass(frozen=True)
class Consensus(Ordered):
    """Each player follows its own gradient plus ``gamma`` times that of ``1/2 |v|^2``, ``v`` the gradients of both.

    The latter is ``J^T v``, ``J`` the Jacobian of ``v``: the only second-order term, taken without ``J``. Over several
    processes it is exact, ``v`` being averaged before and ``J^T v`` after.

    Attributes:
        memory_factor: see ``Game``: both gradients, and all of it once more for ``J^T v``.
        gamma: the weight of ``1/2 |v|^2``.
        update: ``simultaneous`` as in the paper, or ``alternating``.

    Reference: Mescheder et al. (2017), arXiv:1705.10461.
    """

    memory_factor: ClassVar[int] = 3

    update: str = "simultaneous"
    gamma: Number = 1.0

    limit = property(Ordered._simultaneous, doc="The game in the limit of small steps: of the same bent field.")

    def gradient(self, player: str, at: Position) -> Gradient:
        """See the class."""
        field = at.field()
        vector = {name: part.grads for name, part in field.items()}
        pull = at.players.pullback(at.state, at.batches, vector)[player]
        gamma = scalar(self.gamma, next(iter(pull.values())))
        return field[player]._replace(grads={name: grad + gamma * pull[name] for name, grad in vector[player].items()})
