"""Unrolled GANs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare, looks
from steadygan.core.games.base import Gradient, Players
from steadygan.core.games.ordered import Ordered, Position
from steadygan.core.state import State
from steadygan.core.step_batch import StepBatch
from steadygan.core.types import Loss

OBJECTIVES = ("value", "generator_loss")


@dataclass(frozen=True)
class ZeroSum:
    """A loss whose generator minimises the negative of the discriminator's, on real and generated examples."""

    loss: Loss

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the loss as it is."""
        return self.loss.discriminator(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the negative of the discriminator's loss."""
        return -self.loss.discriminator(real, fake)


@declare(steps=looks)
@dataclass(frozen=True)
class Unrolled(Ordered):
    """Unrolled GAN: look ahead through updates of the discriminator.

    The generator meets the discriminator that ``steps`` more updates would make of the present one, and its gradient
    goes through these updates.

    With ``objective="value"`` the generator minimises the negative of the loss that this discriminator minimises, on
    real and generated examples, whatever ``loss`` says of the generator: the surrogate ``f_K`` of the paper. The real
    term counts, since the discriminator ahead depends on the generator: as ``steps`` grow, both terms together leave
    nothing of the gradient through the discriminator. Penalties are the discriminator's own, and no part of the value.

    The discriminator itself moves as ever; the updates looked at are forgotten. They are those of its update rule,
    each on a batch of its own. With ``steps=0`` and ``objective="generator_loss"`` this is the plain alternating or
    simultaneous game, bit for bit.

    Reference: Metz et al. (2017), eqs. 7 to 10, arXiv:1611.02163.

    Attributes:
        steps: updates of the discriminator that the generator looks ahead.
        objective: ``value`` as in the paper, or ``generator_loss``: the generator's own loss, such as the one that does
            not saturate, against the discriminator ahead.

    Raises:
        UserError: an unknown ``objective``, or what ``Ordered`` refuses.
    """

    steps: int = 5
    objective: str = "value"

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.objective not in OBJECTIVES:
            raise bad_value("game.objective", self.objective, "no such objective of the generator", OBJECTIVES)

    @property
    def critic_batches(self) -> int:
        """Batches of the discriminator: those of its updates, then those of the updates looked ahead."""
        return self.n_critic + self.steps

    @property
    def uses_real(self) -> bool:
        """Whether the generator's batch needs real examples whatever the loss."""
        return self.objective == "value"

    @property
    def limit(self) -> Self:
        """The simultaneous game that this is in the limit of small steps."""
        return replace(self._simultaneous(), steps=0)

    def gradient(self, player: str, at: Position) -> Gradient:
        """See the class."""
        if player == "discriminator":
            return at.gradient(player)
        lookahead = partial(_lookahead, at.spare) if at.spare else None
        return at.players.gradient(player, at.state, at.batches[player], lookahead, zero_sum=self.objective == "value")


def _lookahead(batches: Sequence[StepBatch], players: Players, state: State) -> State:
    for batch in batches:
        state = players.move("discriminator", state, players.gradient("discriminator", state, batch), batch)
    return state
