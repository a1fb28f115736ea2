"""Several discriminators at once: members that train beside each other, and snapshots of their past.

Each member has its own loss and penalties on the same batch, whose mean is logged and whose sum is minimised, so that
each moves as it would alone. The generator minimises an aggregation of its losses against all of them. Examples for
several discriminators lie behind each other in one batch: the first B are for the first, and so on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from steadygan.core.aggregation import Mean
from steadygan.core.snapshots import Snapshots
from steadygan.core.state import Stack, State
from steadygan.core.types import Aggregation, Loss, Project


@dataclass(frozen=True)
class Ensemble:
    """The discriminators of an algorithm.

    Attributes:
        members: how many train; with more than one, the discriminator takes that many batches behind each other.
        aggregation: of the generator's losses against them.
        snapshots: of their past, which the generator meets as well.
    """

    members: int = 1
    aggregation: Aggregation = field(default_factory=Mean)
    snapshots: Snapshots = field(default_factory=Snapshots)

    @property
    def stacked(self) -> bool:
        """Whether the discriminator's tensors have a dimension in front for several of them."""
        return self.members > 1 or self.snapshots.count > 0

    def met_by_generator(self, state: State) -> Stack | None:
        """Return all discriminators that the generator meets; None where there is one, that of the state."""
        own = state.discriminator
        if state.snapshots:
            return self.snapshots.discriminators(state.snapshots, own)
        if self.members == 1:
            return None
        like = next(iter(own.params.values()))
        return Stack(own.params, own.buffers, torch.ones(self.members, dtype=torch.bool, device=like.device))

    def own_loss(self, loss: Loss) -> Loss:
        """Return the loss of the members, on their logits behind each other."""
        return loss if self.members == 1 else Each(loss, self.members)

    def project(self, project: Project) -> Project:
        """Return a projection of one discriminator as one of all."""
        return torch.func.vmap(project) if self.stacked else project


@dataclass(frozen=True)
class Each:
    """A loss on the logits ``[M * B]`` of several discriminators, of each by themselves; ``[M * B]``."""

    loss: Loss
    members: int

    def discriminator(self, real: Tensor, fake: Tensor, *draw: Tensor) -> Tensor:
        """See the class."""
        return self._each(self.loss.discriminator, real, fake, *draw)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """See the class."""
        if real is None:
            return self._each(lambda logits: self.loss.generator(None, logits), fake)
        return self._each(self.loss.generator, real, fake)

    def _each(self, function: Callable[..., Tensor], *values: Tensor) -> Tensor:
        return torch.func.vmap(function)(*(value.unflatten(0, (self.members, -1)) for value in values)).flatten()


@dataclass(frozen=True)
class Aggregated:
    """A generator's loss against several discriminators as one number; ``u`` is what the aggregation has drawn."""

    loss: Loss
    aggregation: Aggregation
    active: Tensor
    u: Tensor | None

    def discriminator(self, real: Tensor, fake: Tensor, *draw: Tensor) -> Tensor:
        """Return the loss as it is."""
        return self.loss.discriminator(real, fake, *draw)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """Return a scalar from logits ``[M * B]``."""
        losses = self.loss.generator(real, fake).unflatten(0, (len(self.active), -1)).mean(1)
        return self.aggregation(losses, self.active, self.u)
