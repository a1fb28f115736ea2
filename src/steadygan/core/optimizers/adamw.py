"""Adam with decoupled weight decay."""

from dataclasses import dataclass

from steadygan.core.declare import declare, nonnegative, signed_as
from steadygan.core.optimizers.adam import Adam
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


@signed_as("steadygan.core.rules.AdamW")
@declare(weight_decay=nonnegative)
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay.

    Loshchilov & Hutter 2019, algorithm 2; as torch's ``AdamW``: all parameters shrink by ``lr weight_decay`` of
    themselves before Adam's step.

    Attributes:
        weight_decay: the share a learning rate of 1 would take.

    Reference: Loshchilov and Hutter (2019), algorithm 2, arXiv:1711.05101.
    """

    weight_decay: Number = 1e-2

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class."""
        keep = scalar(1 - self.lr * self.weight_decay, next(iter(params.values())))
        return super().update({name: keep * value for name, value in params.items()}, grads, state, noise)
