"""Consensus optimisation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from steadygan.core.declare import declare, nonnegative
from steadygan.core.games.base import Gradient, Players, State
from steadygan.core.games.ordered import Ordered
from steadygan.core.objective import StepBatch
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

    @property
    def limit(self) -> Self:
        """The simultaneous game that this is in the limit of small steps: of the same bent field."""
        return replace(self, n_critic=1, update="simultaneous")

    def gradient(
        self,
        players: Players,
        state: State,
        player: str,
        both: Mapping[str, StepBatch],
        spare: Sequence[StepBatch] = (),
    ) -> Gradient:
        """See the class."""
        field = {name: players.gradient(name, state, both[name]) for name in ("discriminator", "generator")}
        own = field[player]
        pull = players.pullback(state, both, {name: part.grads for name, part in field.items()})[player]
        gamma = scalar(self.gamma, next(iter(pull.values())))
        return own._replace(grads={name: grad + gamma * pull[name] for name, grad in own.grads.items()})
