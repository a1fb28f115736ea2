"""A loss of one's own: the hinge loss, squared."""

from dataclasses import dataclass

from torch import Tensor

from steadygan.core.declare import declare, positive
from steadygan.core.types import Number


@declare(margin=positive)
@dataclass(frozen=True)
class SquaredHinge:
    """Logits ``[B]`` in, one value an example ``[B]`` out, for each player what it minimises."""

    margin: Number = 1.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (self.margin - real).relu().square() + (self.margin + fake).relu().square()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake
